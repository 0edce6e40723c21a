import { z } from 'zod';
import { invalid, MaskbenchError } from '../errors.js';
import { parseJson, readText } from '../files/text.js';
import { NamedRandom } from '../random.js';
import type { Throughput } from './measure.js';

/** A case of two measurements. */
export interface ThroughputChange {
  name: string;
  /** The median rate over the median rate before. */
  ratio: number;
  /** 95% interval of the ratio; absent with three rounds or fewer. */
  interval?: [number, number];
  /** `same`: the interval has 1 in it, so the rounds do not show a difference. */
  verdict: 'faster' | 'slower' | 'same' | 'too-few-rounds';
}

const rate = z.number().positive();
const throughput = z.object({
  date: z.string(),
  maskbench: z.string(),
  machine: z.object({
    processor: z.string(),
    processors: z.number(),
    simd: z.string(),
    governor: z.string().optional(),
    load: z.number(),
    node: z.string(),
  }),
  device: z.string(),
  photos: z.array(z.object({ name: z.string(), files: z.number() })),
  cases: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['stage', 'mask', 'embed']),
      rates: z.array(rate).min(1),
      threads: z.number().optional(),
      series: z.string().optional(),
    }),
  ),
});

/** Throws `INVALID_ARGUMENT` unless `value` is a {@link Throughput}. */
function checkThroughput(name: string, value: unknown): Throughput {
  const { data, error } = throughput.safeParse(value);
  if (data) return data as Throughput;
  const [issue] = error.issues;
  throw invalid([name, ...(issue?.path ?? [])].join('.'), `what measureThroughput gives (${issue?.message})`, value);
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

const draws = 2000;

/**
 * Compares two measurements, case by case. The interval is a percentile bootstrap of the ratio of medians over rounds
 * (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). Cases that only one of them has are left
 * out.
 * @example
 * const before = await measureThroughput();
 * // ... a change
 * for (const { name, ratio, verdict } of compareThroughput(before, await measureThroughput()))
 *   console.log(name, ratio, verdict);
 * @throws `MaskbenchError` `INVALID_ARGUMENT`
 */
export function compareThroughput(before: Throughput, after: Throughput): ThroughputChange[] {
  const earlier = new Map(checkThroughput('before', before).cases.map(({ name, rates }) => [name, rates]));
  return checkThroughput('after', after).cases.flatMap(({ name, rates }): ThroughputChange[] => {
    const old = earlier.get(name);
    if (old === undefined) return [];
    const ratio = median(rates) / median(old);
    if (Math.min(rates.length, old.length) < 4) return [{ name, ratio, verdict: 'too-few-rounds' }];
    const random = new NamedRandom(0, name);
    const resampled = (values: readonly number[]) => median(values.map(() => random.pick(values)));
    const ratios = Array.from({ length: draws }, () => resampled(rates) / resampled(old)).sort((a, b) => a - b);
    const [low, high] = [ratios[Math.floor(0.025 * draws)] as number, ratios[Math.ceil(0.975 * draws) - 1] as number];
    const verdict = low > 1 ? 'faster' : high < 1 ? 'slower' : 'same';
    return [{ name, ratio, interval: [low, high], verdict }];
  });
}

/** Differences of machine or version that make a comparison one of machines or versions. */
export function differingConditions(before: Throughput, after: Throughput): string[] {
  const differing = (['processor', 'processors', 'simd', 'governor', 'node'] as const)
    .filter((name) => before.machine[name] !== after.machine[name])
    .map((name) => `${name}: ${before.machine[name] ?? 'unknown'} before, ${after.machine[name] ?? 'unknown'} now`);
  if (before.device !== after.device) differing.push(`device: ${before.device} before, ${after.device} now`);
  if (before.maskbench !== after.maskbench)
    differing.push(`maskbench: ${before.maskbench} before, ${after.maskbench} now`);
  return differing;
}

/** Reads what `bench --json` printed, or `report.json` of its report. Throws `UNREADABLE`. */
export async function readThroughput(file: string): Promise<Throughput> {
  const read = parseJson(await readText(file), file);
  try {
    return checkThroughput('file', read);
  } catch (error) {
    throw new MaskbenchError('UNREADABLE', file, `${file}: ${(error as Error).message}`);
  }
}
