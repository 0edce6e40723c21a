import { type MaskbenchError, Masker, type MaskerOptions } from 'maskbench';

/** A Masker on one thread; prints why, and gives nothing, where a detector's model is missing. */
export async function openDetector(detector: string, options: MaskerOptions = {}): Promise<Masker | undefined> {
  try {
    return await Masker.open({ ...options, detector, concurrency: 1 });
  } catch (error) {
    const { code, message } = error as MaskbenchError;
    if (code !== 'MODEL_MISSING') throw error;
    console.log(`  left out: ${message}`);
    return undefined;
  }
}
