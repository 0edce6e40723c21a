import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { printTable } from '../lib/cli/output.js';

const build = path.join(path.dirname(import.meta.dirname), 'build');

/** Times resizing to the size that a model wants on one thread, ours beside OpenCV's. The pixels are equal. */
export async function benchResizing(): Promise<void> {
  execFileSync('cmake', ['--build', build, '--target', 'resizing'], { stdio: 'ignore' });
  const output = execFileSync(path.join(build, 'Release/resizing'), { encoding: 'utf8' });
  const rows = output
    .trim()
    .split('\n')
    .map((line) => line.split('\t'))
    .map(([from, to, method, ours, theirs]) => [
      `${from} to ${to}, ${method}`,
      ...[ours, theirs].map((ms) => Number(ms).toFixed(3)),
      (Number(ours) / Number(theirs)).toFixed(2),
    ]);
  console.log('ms of processor time to resize an image of three channels, least of 15 rounds in turns');
  printTable([['', 'ours', 'OpenCV', 'ours / OpenCV'], ...rows]);
}
