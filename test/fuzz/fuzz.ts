import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { mutate } from './mutate.js';
import { targetsIn } from './targets.js';

export const kinds = [
  'pickle',
  'checkpoint',
  'hdf5',
  'tflite',
  'onnx',
  'numpy',
  'csv',
  'json',
  'storage',
  'pairs',
  'description',
  'set',
  'parquet',
] as const;
export type Kind = (typeof kinds)[number];

/** What came of a campaign. */
export interface Campaign {
  /** Mutations by the error's code; `read`: they were read all the same. */
  counts: Record<string, number>;
  failures: { number: number; failure: string }[];
}

/** No file needs so long; whoever takes longer hangs, on however busy a machine. */
const patience = 60_000;
/** Then a new process is begun. */
const perProcess = 500;

/** Reads mutations `first` to `first + count - 1` of one kind of file, in processes of their own. Files that fail are left in `keep`. */
export async function fuzz(
  kind: Kind,
  count: number,
  { first = 0, keep }: { first?: number; keep?: string } = {},
): Promise<Campaign> {
  const folder = mkdtempSync(path.join(tmpdir(), 'maskbench-fuzz-'));
  const campaign: Campaign = { counts: {}, failures: [] };
  const end = first + count;
  try {
    for (let next = first; next < end; ) {
      const { done, ended } = await runChild(folder, kind, next, Math.min(end, next + perProcess), campaign);
      next = done;
      if (ended !== undefined) campaign.failures.push({ number: next++, failure: ended });
    }
    if (keep !== undefined && campaign.failures.length > 0) {
      mkdirSync(keep, { recursive: true });
      const { seeds } = (await targetsIn(folder))[kind] ?? { seeds: [] };
      for (const { number } of campaign.failures)
        writeFileSync(path.join(keep, `${kind}-${number}`), mutate(seeds, number));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return campaign;
}

/** Gives the first mutation that is not done, and how the process ended where it did not by itself. */
async function runChild(folder: string, kind: Kind, first: number, last: number, campaign: Campaign) {
  const script = path.join(import.meta.dirname, 'child.ts');
  const child = spawn(process.execPath, ['--import=tsx', script, folder, kind, String(first), String(last)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr = (stderr + data).slice(-2000);
  });
  const exit = new Promise<string | undefined>((resolve) =>
    child.once('exit', (code, signal) => resolve(code === 0 ? undefined : `ended with ${signal ?? code}: ${stderr}`)),
  );
  let done = first;
  let hung: string | undefined;
  let watch: NodeJS.Timeout | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const { begun, number, code, failure } = JSON.parse(line);
    clearTimeout(watch);
    if (begun !== undefined)
      watch = setTimeout(() => {
        hung = 'never ends';
        child.kill('SIGKILL');
      }, patience);
    if (failure !== undefined) campaign.failures.push({ number: number ?? done, failure });
    if (number === undefined) continue;
    campaign.counts[code] = (campaign.counts[code] ?? 0) + 1;
    done = number + 1;
  }
  clearTimeout(watch);
  const ended = await exit;
  return { done, ended: done < last ? (hung ?? ended ?? 'ended early') : undefined };
}
