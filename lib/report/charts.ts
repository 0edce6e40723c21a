import type { TopLevelSpec } from 'vega-lite';
import type { ErrorCurve, ScoreHistogram } from '../metrics/score-set.js';

/** A drawn chart. */
export interface Chart {
  /** For file names. */
  name: string;
  title: string;
  svg: string;
}

/** A curve and whose it is. */
export interface NamedCurve {
  name: string;
  curve: ErrorCurve;
  /** Comparisons, for axes that can't draw zero. */
  genuine: number;
  impostor: number;
}

/** Distinguishable with any colour vision (Okabe and Ito), on light and dark pages. */
const colors = ['#0e7fc0', '#d55e00', '#00966b', '#c76aa0', '#c08a00', '#3fa0d8', '#8a72d6'];
const width = 400;
const height = 300;

type Row = Record<string, string | number>;

/** Points that say their values when pointed at. */
const pointed = (x: object, y: object) => ({
  mark: { type: 'point', opacity: 0, size: 90, filled: true },
  encoding: { x, y, description: { field: 'label', type: 'nominal' } },
});

/** An axis of numbers, or where `probit` of normal deviates with the rates written at them. */
function rateAxis(field: string, title: string, scale: 'linear' | 'probit' | 'log', low: number): object {
  if (scale === 'linear') return { field, type: 'quantitative', title, scale: { domain: [0, 1] } };
  if (scale === 'log')
    return { field, type: 'quantitative', title, scale: { type: 'log', domain: [low, 1] }, axis: { format: '~g' } };
  const rates = [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99].filter(
    (rate) => rate >= low * 0.999,
  );
  const labels = Object.fromEntries(rates.map((rate) => [probit(rate).toFixed(3), String(rate)]));
  return {
    field,
    type: 'quantitative',
    title,
    scale: { domain: [probit(low), probit(0.99)], nice: false, zero: false },
    axis: {
      values: rates.map(probit), // Numbers are formatted with a typographic minus.
      labelExpr: `${JSON.stringify(labels)}[replace(format(datum.value, '.3f'), '−', '-')]`,
    },
  };
}

/** Φ⁻¹, by Newton's method on an erf that is good to 1e-7: enough to draw with. */
function probit(rate: number): number {
  let deviate = 0;
  for (let step = 0; step < 60; step++) {
    const z = Math.abs(deviate) / Math.SQRT2;
    const t = 1 / (1 + 0.3275911 * z);
    // Abramowitz and Stegun 7.1.26.
    const tail =
      0.5 *
      t *
      (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) *
      Math.exp(-z * z);
    const below = deviate < 0 ? tail : 1 - tail;
    const density = Math.exp((-deviate * deviate) / 2) / Math.sqrt(2 * Math.PI);
    const change = (below - rate) / density;
    deviate -= Math.max(-0.5, Math.min(0.5, change));
    if (Math.abs(change) < 1e-9) break;
  }
  return deviate;
}

const drawing = () => Promise.all([import('vega'), import('vega-lite')]);

/** Loads what draws charts, which takes a while, beforehand: while other threads work. */
export async function loadDrawing(): Promise<void> {
  await drawing();
}

async function draw(name: string, title: string, spec: object): Promise<Chart> {
  const text = { color: 'currentColor', font: 'DejaVu Sans, Verdana, sans-serif' };
  const full = {
    width,
    height,
    ...spec,
    background: null,
    padding: 6,
    config: {
      font: text.font,
      view: { stroke: 'currentColor', strokeOpacity: 0.3 },
      axis: {
        labelColor: text.color,
        titleColor: text.color,
        labelFontSize: 13,
        titleFontSize: 14,
        titleFontWeight: 'normal',
        gridColor: text.color,
        gridOpacity: 0.14,
        domainColor: text.color,
        domainOpacity: 0.4,
        tickColor: text.color,
        tickOpacity: 0.4,
        labelOverlap: true,
      },
      legend: {
        orient: 'bottom',
        columns: 2,
        layout: { bottom: { direction: 'vertical', anchor: 'start', margin: 8 } },
        title: null,
        labelColor: text.color,
        labelFontSize: 13,
        labelLimit: 0,
        symbolType: 'stroke',
        symbolStrokeColor: text.color,
        symbolStrokeWidth: 3,
        symbolSize: 600,
      },
      range: { category: colors },
      header: { labelColor: text.color, labelFontSize: 13 },
    },
  };
  const [{ parse, View }, { compile }] = await drawing();
  const view = new View(parse(compile(full as unknown as TopLevelSpec).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  // What a mark is labelled with for screen readers is shown to everyone else when they point at it.
  const titled = svg.replace(
    /<path aria-label="([^"]*)"([^>]*?)(?:\/>|><\/path>)/g,
    '<path aria-label="$1"$2><title>$1</title></path>',
  );
  return { name, title, svg: titled };
}

/** A chart for itself, without a page to take its colour from. */
export const standalone = ({ svg }: Chart): string => svg.replaceAll('currentColor', '#222222');

const percent = (rate: number) =>
  rate === 0 ? '0' : rate >= 0.001 ? `${(100 * rate).toPrecision(3)}%` : rate.toExponential(2);

/** Colours distinguish systems; if there are more systems than colours, dashes do too. */
function seriesOf(names: readonly string[]): object {
  const legend = {
    columns: names.every((name) => name.length <= 18) ? 2 : 1,
    // Long names take several lines: one that is cut may look like another.
    labelExpr: "split(replace(datum.label, regexp('(.{46})(?=.)', 'g'), '$1\\n'), '\\n')",
  };
  const color = { field: 'system', type: 'nominal', sort: null, legend };
  if (names.length <= colors.length) return { color };
  const dashes = [
    [1, 0],
    [8, 3],
    [2, 2],
    [8, 3, 2, 3],
  ];
  const range = names.map((_, i) => dashes[Math.floor(i / colors.length) % dashes.length]);
  return { color, strokeDash: { ...color, scale: { domain: names, range } } };
}

const lines = { type: 'line', interpolate: 'linear', strokeWidth: 2.2, clip: true };

/** About `most` of many points, evenly spread, with the first and the last. */
function some<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return Array.from({ length: most }, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))] as T);
}

function points({ name, curve }: NamedCurve): Row[] {
  return Array.from(curve.fmr, (fmr, i) => {
    const fnmr = curve.fnmr[i] as number;
    const label = `${name}: FMR ${percent(fmr)}, FNMR ${percent(fnmr)} at ${(curve.thresholds[i] as number).toPrecision(4)}`;
    return { system: name, order: i, fmr, fnmr, tpr: 1 - fnmr, label };
  });
}

/** True against false positive rate, one curve a system: the paper's first figure. */
export function rocChart(curves: readonly NamedCurve[]): Promise<Chart> {
  const x = rateAxis('fmr', 'false positive rate (FMR)', 'linear', 0) as object;
  const y = rateAxis('tpr', 'true positive rate (1 − FNMR)', 'linear', 0) as object;
  const rows = curves.map(points);
  return draw('fpr-tpr', 'FPR/TPR', {
    encoding: seriesOf(curves.map(({ name }) => name)),
    layer: [
      {
        data: { values: rows.flat() },
        mark: lines,
        encoding: { x, y, order: { field: 'order', type: 'quantitative' } },
      },
      { data: { values: rows.flatMap((of) => some(of, 60)) }, ...pointed(x, y) },
    ],
  });
}

/** FMR and FNMR (the paper: FAR and FRR) against the threshold. Colours distinguish systems, dashes the rates. */
export async function thresholdCharts(curves: readonly NamedCurve[]): Promise<Chart[]> {
  const groups = Array.from({ length: Math.ceil(curves.length / colors.length) }, (_, i) =>
    curves.slice(i * colors.length, (i + 1) * colors.length),
  );
  const charts = await Promise.all(groups.map((group) => thresholdChart(group)));
  return charts.map((chart, i) => (i === 0 ? chart : { ...chart, name: `${chart.name}-${i + 1}` }));
}

export function thresholdChart(
  curves: readonly NamedCurve[],
  names: [string, string] = ['FMR', 'FNMR'],
): Promise<Chart> {
  const rows = curves.map(({ name, curve }) =>
    Array.from(curve.thresholds, (threshold, i): Row[] =>
      Number.isFinite(threshold)
        ? names.map((kind, k) => {
            const rate = (k === 0 ? curve.fmr : curve.fnmr)[i] as number;
            return {
              system: name,
              threshold,
              rate,
              kind,
              label: `${name}: ${kind} ${percent(rate)} at ${threshold.toPrecision(4)}`,
            };
          })
        : [],
    ),
  );
  const x = { field: 'threshold', type: 'quantitative', title: 'threshold', scale: { zero: false, nice: false } };
  const y = { field: 'rate', type: 'quantitative', title: 'rate', scale: { domain: [0, 1] } };
  const dash = {
    field: 'kind',
    type: 'nominal',
    sort: null,
    scale: {
      domain: names,
      range: [
        [1, 0],
        [6, 4],
      ],
    },
  };
  return draw('thresholds', `${names.join(' and ')} against threshold`, {
    encoding: seriesOf(curves.map(({ name }) => name)),
    layer: [
      { data: { values: rows.flat(2) }, mark: lines, encoding: { x, y, strokeDash: dash } },
      { data: { values: rows.flatMap((of) => some(of, 40)).flat() }, ...pointed(x, y) },
    ],
  });
}

/**
 * Detection error trade-off. Zero rates are not drawn, and axes start at 1/N.
 * @param axes `probit` (normal deviates), or `log`, NIST's habit.
 */
export function detChart(curves: readonly NamedCurve[], axes: 'probit' | 'log' = 'probit'): Promise<Chart> {
  const low = (side: 'genuine' | 'impostor') =>
    Math.max(1e-7, Math.min(0.01, ...curves.map((curve) => 1 / curve[side])));
  const place = axes === 'probit' ? probit : (rate: number) => rate;
  const rows = curves.map((curve) =>
    points(curve)
      .filter(({ fmr, fnmr }) => Number(fmr) > 0 && Number(fnmr) > 0 && Number(fmr) < 1 && Number(fnmr) < 1)
      .map((row) => ({ ...row, fmr: place(Number(row.fmr)), fnmr: place(Number(row.fnmr)) })),
  );
  const x = rateAxis('fmr', 'false match rate', axes, low('impostor'));
  const y = rateAxis('fnmr', 'false non-match rate', axes, low('genuine'));
  return draw(axes === 'probit' ? 'det' : 'det-log', `DET (${axes} axes)`, {
    encoding: seriesOf(curves.map(({ name }) => name)),
    layer: [
      {
        data: { values: rows.flat() },
        mark: lines,
        encoding: { x, y, order: { field: 'order', type: 'quantitative' } },
      },
      { data: { values: rows.flatMap((of) => some(of, 60)) }, ...pointed(x, y) },
    ],
  });
}

/** Shares of genuine and of impostor scores by score. */
export function histogramChart(name: string, { low, high, genuine, impostor }: ScoreHistogram): Promise<Chart> {
  const step = (high - low) / genuine.length;
  const kinds = [
    { kind: 'genuine', counts: genuine, color: colors[2] },
    { kind: 'impostor', counts: impostor, color: colors[1] },
  ].filter(({ counts }) => counts.some((count) => count > 0));
  const rows = kinds.flatMap(({ kind, counts }) => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    return Array.from(counts, (count, i): Row => {
      const from = low + i * step;
      const label = `${kind}: ${count} of ${total} from ${from.toPrecision(3)} to ${(from + step).toPrecision(3)}`;
      return { kind, from, to: from + step, share: count / total, label };
    });
  });
  return draw(`histogram-${name}`, `Scores of ${name}`, {
    data: { values: rows },
    mark: { type: 'bar', opacity: 0.55 },
    encoding: {
      x: {
        field: 'from',
        type: 'quantitative',
        title: 'score',
        bin: 'binned',
        scale: { zero: false },
        axis: { tickCount: 6, format: '~g' },
      },
      x2: { field: 'to' },
      y: { field: 'share', type: 'quantitative', title: 'share of comparisons', stack: null, axis: { format: '.0%' } },
      color: {
        field: 'kind',
        type: 'nominal',
        sort: null,
        scale: { domain: kinds.map(({ kind }) => kind), range: kinds.map(({ color }) => color) },
        legend: { symbolType: 'square', symbolSize: 120, symbolStrokeWidth: 0 },
      },
      description: { field: 'label', type: 'nominal' },
    },
  });
}

/** Cumulative match characteristic: the share of mated searches whose mate is within each rank. */
export function cmcChart(systems: readonly { name: string; cmc: Float64Array }[], ranks = 20): Promise<Chart> {
  const rows = systems.flatMap(({ name, cmc }) =>
    Array.from(
      cmc.slice(0, ranks),
      (rate, i): Row => ({
        system: name,
        rank: i + 1,
        rate,
        label: `${name}: ${percent(rate)} within rank ${i + 1}`,
      }),
    ),
  );
  const x = {
    field: 'rank',
    type: 'quantitative',
    title: 'rank',
    axis: { tickMinStep: 1 },
    scale: { zero: false, nice: false },
  };
  const y = { field: 'rate', type: 'quantitative', title: 'identification rate', scale: { zero: false } };
  return draw('cmc', 'CMC', {
    data: { values: rows },
    encoding: seriesOf(systems.map(({ name }) => name)),
    layer: [{ mark: lines, encoding: { x, y } }, pointed(x, y)],
  });
}

/** Photos a second by threads, one line a series, and dashed what one thread's rate would give on as many. */
export function scalingChart(rows: readonly { series: string; threads: number; rate: number }[]): Promise<Chart> {
  const series = [...new Set(rows.map((row) => row.series))];
  const kinds = ['measured', 'as many times one thread'];
  const values = series.flatMap((name) => {
    const own = rows.filter((row) => row.series === name).sort((a, b) => a.threads - b.threads);
    const [first] = own;
    return own.flatMap(({ threads, rate }): Row[] =>
      [rate, ((first?.rate ?? 0) * threads) / (first?.threads ?? 1)].map((shown, k) => ({
        ...{ system: name, threads, rate: shown, kind: kinds[k] as string },
        label: `${name}: ${shown.toPrecision(3)} photos/s on ${threads} threads, ${kinds[k]}`,
      })),
    );
  });
  const x = {
    field: 'threads',
    type: 'quantitative',
    title: 'threads',
    axis: { tickMinStep: 1 },
    scale: { zero: true },
  };
  const y = { field: 'rate', type: 'quantitative', title: 'photos a second', scale: { zero: true } };
  const dash = {
    field: 'kind',
    type: 'nominal',
    sort: null,
    scale: {
      domain: kinds,
      range: [
        [1, 0],
        [3, 4],
      ],
    },
  };
  return draw('scaling', 'Photos a second by threads', {
    encoding: seriesOf(series),
    layer: [
      { data: { values }, mark: lines, encoding: { x, y, strokeDash: dash } },
      { data: { values }, ...pointed(x, y) },
    ],
  });
}

/** A rate of something, in one of two or more ways. */
export interface NamedRate {
  /** The row. */
  name: string;
  /** The colour. */
  way: string;
  value: number;
  interval?: [number, number];
}

/** Rates with their intervals: a row for each name, a colour for each way. */
export function ratesChart(name: string, title: string, rates: readonly NamedRate[]): Promise<Chart> {
  const names = [...new Set(rates.map((rate) => rate.name))];
  const ways = [...new Set(rates.map((rate) => rate.way))];
  const values = rates.map(({ name: row, way, value, interval = [value, value] }) => ({
    ...{ row, way, value, low: interval[0], high: interval[1] },
    label: `${row}, ${way}: ${percent(value)} (${interval.map(percent).join(' to ')})`,
  }));
  const y = { field: 'row', type: 'nominal', title: null, sort: names, axis: { labelLimit: 0 } };
  const common = {
    y,
    yOffset: { field: 'way', type: 'nominal', sort: ways },
    color: { field: 'way', type: 'nominal', sort: ways },
  };
  const x = { field: 'value', type: 'quantitative', title, axis: { format: '.0%' }, scale: { zero: true } };
  return draw(name, title, {
    data: { values },
    height: { step: 16 },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: { ...common, x: { ...x, field: 'low' }, x2: { field: 'high' } },
      },
      {
        mark: { type: 'point', filled: true, size: 70, opacity: 1 },
        encoding: { ...common, x, description: { field: 'label', type: 'nominal' } },
      },
    ],
  });
}
