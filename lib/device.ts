import { checkInteger, invalid, MaskbenchError } from './errors.js';

/** A CUDA device's number, or −1 for the CPU. Throws `INVALID_ARGUMENT`. */
function deviceNumber(device: string): number {
  if (device === 'cpu') return -1;
  if (device === 'auto') return 0;
  const found = /^cuda(?::(\d{1,3}))?$/.exec(device);
  if (!found) throw invalid('device', 'cpu, cuda, cuda:<n> or auto', device);
  return Number(found[1] ?? 0);
}

/** A device as the addon takes it: a CUDA device's number (−1: the CPU), bytes of its memory, and whether to fall back to the CPU. */
export function nativeDevice({ device = 'cpu', deviceMemory }: { device?: string; deviceMemory?: number }) {
  if (device === 'cpu' && deviceMemory !== undefined)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'deviceMemory',
      'deviceMemory has no effect on the CPU: expected device cuda, cuda:<n> or auto, received cpu',
    );
  return {
    cudaDevice: deviceNumber(device),
    deviceMemory: deviceMemory === undefined ? 0 : checkInteger('deviceMemory', deviceMemory, 256, 2 ** 24) * 2 ** 20,
    deviceFallback: device === 'auto',
  };
}
