import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { repository, temporaryFolder } from '../support/files.js';

/** A copy of the package without its native addon. */
function packageCopy(t: ExecutionContext): string {
  const root = path.join(temporaryFolder(t), 'node_modules/maskbench');
  cpSync(path.join(repository, 'dist'), path.join(root, 'dist'), { recursive: true });
  cpSync(path.join(repository, 'package.json'), path.join(root, 'package.json'));
  symlinkSync(path.join(repository, 'node_modules'), path.join(root, 'node_modules'));
  return root;
}

/** A command of the copy fails with one line, which matches. */
async function refused(t: ExecutionContext, root: string, message: RegExp): Promise<void> {
  const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) =>
    execFile(process.execPath, [path.join(root, 'dist/cli/main.js'), 'doctor'], (error, _, stderr) =>
      resolve({ code: error?.code ?? 0, stderr }),
    ),
  );
  t.is(code, 1);
  t.regex(stderr, message);
  t.is(stderr.trim().split('\n').length, 1, stderr);
}

test('a missing addon, and one that the system cannot load, say what to do', async (t) => {
  const root = packageCopy(t);
  await refused(t, root, /maskbench\.node is missing\); run "npm run build" in .*maskbench, on Linux/);
  mkdirSync(path.join(root, 'build/Release'), { recursive: true });
  writeFileSync(path.join(root, 'build/Release/maskbench.node'), 'not an addon');
  await refused(t, root, /cannot be loaded: .*; run "npm run build" in .*maskbench on this machine/);
});
