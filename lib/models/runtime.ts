import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { isFile } from '../files/walk.js';
import { addonFile } from '../native.js';

const library = 'libonnxruntime.so.1';

/**
 * ONNX Runtime's shared library: `MASKBENCH_ORT_LIBRARY`, that of the npm package onnxruntime-node, that of the
 * platform package, or the system's, which the loader finds by name.
 */
export async function onnxRuntimeLibrary(): Promise<string> {
  const given = process.env.MASKBENCH_ORT_LIBRARY;
  if (given) return given;
  try {
    const bin = path.join(path.dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')), 'bin');
    for (const version of await readdir(bin)) {
      const file = path.join(bin, version, process.platform, process.arch, library);
      if (await isFile(file)) return file;
    }
  } catch {
    // Not installed: it is an optional peer.
  }
  const beside = path.join(path.dirname(addonFile), library);
  return (await isFile(beside)) ? beside : library;
}
