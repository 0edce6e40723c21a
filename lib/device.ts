import type { NativeDevice, NativeDeviceProblem } from '../binding.js';
import { checkInteger, invalid, MaskbenchError, type Problem } from './errors.js';

/** A CUDA device's number; undefined for the CPU. Throws `INVALID_ARGUMENT`. */
function deviceNumber(device: string): number | undefined {
  if (device === 'cpu') return undefined;
  if (device === 'auto') return 0;
  const found = /^cuda(?::(\d{1,3}))?$/.exec(device);
  if (!found) throw invalid('device', 'cpu, cuda, cuda:<n> or auto', device);
  return Number(found[1] ?? 0);
}

/** The device that the addon is to use; undefined for the CPU. */
export function nativeDevice(options: { device?: string; deviceMemory?: number }): NativeDevice | undefined {
  const { device = 'cpu', deviceMemory } = options;
  if (device === 'cpu' && deviceMemory !== undefined)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      'deviceMemory',
      'deviceMemory has no effect on the CPU: expected device cuda, cuda:<n> or auto, received cpu',
    );
  const number = deviceNumber(device);
  const memory = deviceMemory === undefined ? 0 : checkInteger('deviceMemory', deviceMemory, 256, 2 ** 24) * 2 ** 20;
  return number === undefined ? undefined : { number, memory, fallback: device === 'auto' };
}

/** The one report that the CPU does what `auto` left to a device. */
export function fallbackProblem(native: { readonly deviceProblem?: NativeDeviceProblem }): Problem | undefined {
  if (native.deviceProblem === undefined) return undefined;
  const { device, reason } = native.deviceProblem;
  return { file: device, message: `${device}: ${reason}; falling back to the CPU` };
}

/** A function that passes the problem on once, as soon as there is one. */
export function tellOnce(
  of: { readonly deviceProblem: Problem | undefined },
  onProblem: ((problem: Problem) => void) | undefined,
): () => void {
  let told = false;
  return () => {
    if (told || of.deviceProblem === undefined) return;
    told = true;
    onProblem?.(of.deviceProblem);
  };
}
