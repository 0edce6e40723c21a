import { invalid } from './errors.js';

/** A CUDA device's number, or −1 for the CPU. Throws `INVALID_ARGUMENT`. */
export function deviceNumber(device: string, expected = 'cpu, cuda or cuda:<n>'): number {
  if (device === 'cpu') return -1;
  const found = /^cuda(?::(\d{1,3}))?$/.exec(device);
  if (!found) throw invalid('device', expected, device);
  return Number(found[1] ?? 0);
}
