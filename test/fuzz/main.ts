// npm run fuzz -- [kinds] [--count 10000] [--first 0] [--keep <folder>]
import { parseArgs } from 'node:util';
import { fuzz, type Kind, kinds } from './fuzz.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '10000' },
    first: { type: 'string', default: '0' },
    keep: { type: 'string', default: 'build/fuzz' },
  },
});
for (const kind of positionals.length > 0 ? (positionals as Kind[]) : kinds) {
  const { counts, failures } = await fuzz(kind, Number(values.count), {
    first: Number(values.first),
    keep: values.keep,
  });
  const words = Object.entries(counts).map(([code, count]) => `${count} ${code}`);
  console.log(`${kind}: ${values.count} mutations: ${words.join(', ')}; ${failures.length} failures`);
  for (const { number, failure } of failures) console.log(`  ${kind} ${number}: ${failure}`);
  if (failures.length > 0) process.exitCode = 1;
}
