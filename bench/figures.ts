// npm run figures -- [<benchmark> …]
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from '../lib/throughput/machine.js';
import { benchmarks } from './benchmarks.js';

const root = path.resolve(import.meta.dirname, '..');
const file = path.join(root, 'docs', 'figures.md');
const introduction = `# Figures

What the benchmarks of this repository printed, each with its date and machine. \`npm run figures\` runs all and renews
this file; \`npm run figures -- stages search\` renews two sections. Nothing is edited by hand.
`;

/** Runs a program to its end, and returns what it printed. */
function run(program: string, args: readonly string[]): string {
  const { status, stdout, error } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw error ?? new Error(`${program} ${args.join(' ')} ended with ${status}`);
  return stdout.trim();
}

/** Sections by the benchmarks' names. */
function readSections(): Map<string, string> {
  const [, ...sections] = existsSync(file) ? readFileSync(file, 'utf8').split(/^## /m) : [];
  return new Map(sections.map((text) => [text.slice(0, text.indexOf('\n')), text.slice(text.indexOf('\n')).trim()]));
}

async function measure(name: string): Promise<string> {
  const { processor, processors, simd, load, node } = await describeMachine();
  const start = performance.now();
  const printed = run(process.execPath, ['--import=tsx', 'bench/main.ts', '--only', name]);
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const commit = run('git', ['rev-parse', '--short', 'HEAD']);
  const machine = `${processor}, ${processors} processors, ${simd}, Node ${node}`;
  return `${new Date().toISOString().slice(0, 10)}, commit ${commit}. ${machine}. Load before: ${load.toFixed(1)}. Took ${seconds} s.

\`\`\`text
$ npm run bench -- --only ${name}
${printed}
\`\`\``;
}

const { positionals } = parseArgs({ allowPositionals: true });
const names = Object.keys(benchmarks);
const unknown = positionals.filter((name) => !names.includes(name));
if (unknown.length > 0) throw new Error(`expected ${names.join(', ')}, not ${unknown.join(', ')}`);
for (const name of positionals.length > 0 ? positionals : names) {
  console.log(name);
  const sections = readSections().set(name, await measure(name));
  const texts = names.flatMap((each) => (sections.has(each) ? [`## ${each}\n\n${sections.get(each)}\n`] : []));
  writeFileSync(file, [introduction, ...texts].join('\n'));
}
