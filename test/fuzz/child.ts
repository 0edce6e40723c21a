// Reads mutations of one kind of file, and says of each one line: that it is begun, and what came of it.
import { MaskbenchError } from 'maskbench';
import { mutate } from './mutate.js';
import { type Target, targetsIn } from './targets.js';

const [folder = '', name = '', first = '0', last = '0'] = process.argv.slice(2);
const target = (await targetsIn(folder))[name] as Target;
const tell = (outcome: object) => process.stdout.write(`${JSON.stringify(outcome)}\n`);
const seconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const peak = () => process.resourceUsage().maxRSS / 1024;

process.on('unhandledRejection', (error) => {
  tell({ failure: `unhandled rejection: ${(error as Error)?.stack ?? error}` });
  process.exit(1);
});
// Sound files first, so that what is loaded once is not counted.
for (const seed of target.seeds) for (const read of target.read) await read(seed).catch(() => {});
for (let number = Number(first); number < Number(last); number++) {
  const data = mutate(target.seeds, number);
  tell({ begun: number });
  const before = { seconds: seconds(), peak: peak() };
  // A file may be read in several ways: whether it was in one of them, or the last error.
  let code: string | undefined;
  let understood = false;
  let failure: string | undefined;
  for (const read of target.read)
    try {
      await read(data);
      understood = true;
    } catch (error) {
      if (error instanceof MaskbenchError && error.code) code = error.code;
      else failure = `an error without a code: ${(error as Error)?.stack ?? String(error)}`;
    }
  const used = seconds() - before.seconds;
  if (used > 2) failure = `${used.toFixed(1)} s`;
  if (peak() - before.peak > 1024) failure = `${(peak() - before.peak).toFixed(0)} MiB`;
  tell({ number, code: understood ? 'read' : (code ?? 'no code'), ...(failure !== undefined && { failure }) });
}
