/** A count as a share: `3/60 5.0% [1.7, 13.7]`, with Wilson's interval of 95%. */
export function share(count: number, of: number): string {
  if (of === 0) return '0/0';
  const z = 1.959964;
  const rate = count / of;
  const middle = (rate + z ** 2 / (2 * of)) / (1 + z ** 2 / of);
  const half = (z / (1 + z ** 2 / of)) * Math.sqrt((rate * (1 - rate)) / of + z ** 2 / (4 * of ** 2));
  const percent = (value: number) => (100 * value).toFixed(1);
  return `${count}/${of} ${percent(rate)}% [${percent(Math.max(0, middle - half))}, ${percent(Math.min(1, middle + half))}]`;
}
