// npm run fuzz -- [kinds] [--count 10000] [--first 0] [--keep <folder>]
import { parseArgs } from 'node:util';
import { type Campaign, fuzz, type Kind, kinds } from './fuzz.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '10000' },
    first: { type: 'string', default: '0' },
    keep: { type: 'string', default: 'build/fuzz' },
  },
});
const step = 100;
const end = Number(values.first) + Number(values.count);
for (const kind of positionals.length > 0 ? (positionals as Kind[]) : kinds) {
  const whole: Campaign = { counts: {}, failures: [] };
  for (let first = Number(values.first); first < end; first += step) {
    const { counts, failures } = await fuzz(kind, Math.min(step, end - first), { first, keep: values.keep });
    for (const [code, count] of Object.entries(counts)) whole.counts[code] = (whole.counts[code] ?? 0) + count;
    whole.failures.push(...failures);
    process.stderr.write(`${kind}: up to ${Math.min(first + step, end)}, ${whole.failures.length} failures\n`);
  }
  const words = Object.entries(whole.counts).map(([code, count]) => `${count} ${code}`);
  console.log(`${kind}: ${values.count} mutations: ${words.join(', ')}; ${whole.failures.length} failures`);
  for (const { number, failure } of whole.failures) console.log(`  ${kind} ${number}: ${failure}`);
  if (whole.failures.length > 0) process.exitCode = 1;
}
