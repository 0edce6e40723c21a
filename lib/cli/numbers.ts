import { InvalidArgumentError } from 'commander';

/** A whole number, for commander. The ranges are checked where the options are used. */
export function integer(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError('expected a whole number');
  return Number(text);
}

/** A number, for commander. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number');
  return value;
}

/** Rates with commas between, for commander. */
export function rates(text: string): number[] {
  return text.split(',').map((part) => {
    const rate = number(part);
    if (!(rate > 0 && rate <= 1))
      throw new InvalidArgumentError('expected rates above 0 and up to 1, with commas between');
    return rate;
  });
}

/** Part i of n, for commander. */
export function shard(text: string): { index: number; count: number } {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('expected i/n, such as 1/4');
  return { index: Number(index), count: Number(count) };
}

/** Names with commas between, for commander. */
export const list = (text: string): string[] => text.split(',');
