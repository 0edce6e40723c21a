import { checkInteger, invalid } from './errors.js';

/** A CUDA device's number, or −1 for the CPU. Throws `INVALID_ARGUMENT`. */
export function deviceNumber(device: string, expected = 'cpu, cuda or cuda:<n>'): number {
  if (device === 'cpu') return -1;
  const found = /^cuda(?::(\d{1,3}))?$/.exec(device);
  if (!found) throw invalid('device', expected, device);
  return Number(found[1] ?? 0);
}

/** What the addon is told of a device: a CUDA device's number (−1: the CPU), bytes of it, and whether the CPU may go on. */
export function nativeDevice({ device = 'cpu', deviceMemory }: { device?: string; deviceMemory?: number }) {
  return {
    cudaDevice: device === 'auto' ? 0 : deviceNumber(device, 'cpu, cuda, cuda:<n> or auto'),
    deviceMemory: deviceMemory === undefined ? 0 : checkInteger('deviceMemory', deviceMemory, 256, 2 ** 24) * 2 ** 20,
    deviceFallback: device === 'auto',
  };
}
