// Time and memory of a plan of very many records, and of the status of very many ranks:
//   npm run cluster:scale -- [records, default 100000000] [ranks, default 10000]
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { repository } from '../support/files.js';

const [records = 100_000_000, ranks = 10_000] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(path.join(tmpdir(), 'maskbench-scale-'));
const at = (name: string) => path.join(folder, name);

/** The seconds and the greatest memory of a command, in MiB. */
function measure(...words: string[]): string {
  const main = path.join(repository, 'dist/cli/main.js');
  const script = `process.argv.splice(1, 1); await import(${JSON.stringify(main)}); process.on('exit', () => process.stderr.write('\\n' + process.resourceUsage().maxRSS));`;
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', script, 'x', 'x', ...words],
    {
      encoding: 'utf8',
    },
  );
  const seconds = (performance.now() - start) / 1000;
  if (status !== 0) throw new Error(stderr);
  const memory = Number(stderr.trim().split('\n').at(-1)) / 1024;
  return `${stdout.trim().split('\n')[0]}: ${seconds.toFixed(1)} s, ${memory.toFixed(0)} MiB`;
}

try {
  const size = 8000;
  const index = openSync(at('train.idx'), 'w');
  for (let key = 1; key <= records; ) {
    let text = '';
    for (const end = Math.min(records, key + 99_999); key <= end; key++) text += `${key}\t${(key - 1) * size}\n`;
    writeSync(index, text);
  }
  closeSync(index);
  // Never read: a file of holes.
  writeFileSync(at('train.rec'), '');
  truncateSync(at('train.rec'), records * size);
  const words = ['mask', at('train.rec'), '--out', at('masked.rec'), '--aligned', 'arcface'];
  console.log(measure('cluster', 'plan', '--plan', at('plan'), '--ranks', String(ranks), ...words));

  const { settings } = JSON.parse(spawnSync('cat', [at('plan/plan.json')], { encoding: 'utf8' }).stdout);
  mkdirSync(at('plan/completions'));
  for (let rank = 0; rank < ranks; rank++) {
    const outputs = ['manifest.jsonl', 'masked.rec', 'masked.idx'].map((name) => ({
      ...{ name, kept: 'plan', bytes: 1, sha256: 'a'.repeat(64) },
    }));
    const completion = {
      rank,
      settings,
      counts: { masked: 10_000 },
      inputs: 10_000,
      outputs,
      seconds: 30,
      machine: {},
    };
    writeFileSync(at(`plan/completions/${rank}.json`), JSON.stringify(completion));
  }
  console.log(measure('cluster', 'status', at('plan')));
} finally {
  rmSync(folder, { recursive: true });
}
