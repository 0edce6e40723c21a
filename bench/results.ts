// npm run results -- <folder of LFW's people> [<folder to work in>]
// Writes docs/results.md, its charts, and lib/models/measured.ts, which `maskbench models list` shows. What was made
// and measured stays in the folder to work in (build-results/ without one), so that an interrupted run resumes.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type ModelDescription, presets } from 'maskbench/models';
import { type Change, mostImpostors } from '../lib/adapt/measure.js';
import type { Condition } from '../lib/adapt/pairs.js';
import type { Estimate } from '../lib/metrics/intervals.js';
import { defaultDetector } from '../lib/models/detectors/presets.js';
import type { Measured } from '../lib/models/measured.js';
import { packageFiles } from '../lib/models/presets.js';
import { type NamedRate, ratesChart, standalone } from '../lib/report/charts.js';
import { toPng } from '../lib/report/pictures.js';
import { draws, folds, LfwResults, learned, type ModelResults, styles } from './results-measures.js';

const sourceNames = { manifest: 'manifest', search: 'searched' };
const conditionNames = {
  'plain-plain': 'plain–plain',
  'plain-masked': 'plain–masked',
  'masked-masked': 'masked–masked',
};
const withMasks = ['plain-masked', 'masked-masked'] as const;
const rateHeader = ['EER, %', 'FNMR at FMR 1e-2, %', 'FNMR at FMR 1e-3, %'];
const changeHeader = ['without, %', 'with, %', 'difference', 'relative'];

const [photos, work = 'build-results'] = process.argv.slice(2);
if (photos === undefined)
  throw new Error("expected a folder of LFW's people: npm run results -- <folder> [<folder to work in>]");
const root = path.join(import.meta.dirname, '..');
const docs = path.join(root, 'docs');
const date = new Date().toISOString().slice(0, 10);
const command = `npm run results -- ${path.basename(photos)}/`;
const people = readdirSync(photos, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const count = people.reduce((sum, { name }) => sum + readdirSync(path.join(photos, name)).length, 0);
const sample = `${count.toLocaleString('en')} photos of ${people.length} people of Labeled Faces in the Wild (LFW)`;

const percent = (rate: number) => (100 * rate).toFixed(2);
const shown = ({ value, interval }: Estimate) =>
  `${percent(value)}${interval ? ` (${interval.map(percent).join(' to ')})` : ''}`;
const table = (header: readonly string[], rows: readonly (readonly string[])[]) =>
  [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
const list = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ');
/** Prose in lines of at most 120 columns. */
const wrap = (text: string, indent = '') => text.replace(/(?=.{121})(.{1,118}) /g, `$1\n${indent}`);
const items = (texts: readonly string[]) => texts.map((text) => wrap(`- ${text}`, '  ')).join('\n');

function find(changes: readonly Change[], condition: Condition, measure: Change['measure'], target?: number): Change {
  const found = changes.find(
    (change) => change.condition === condition && change.measure === measure && change.target === target,
  );
  if (!found)
    throw new Error(`${photos}: has too few people to measure ${measure} at an FMR of ${target} in ${folds} folds`);
  return found;
}

const ratesOf = (changes: readonly Change[], condition: Condition) => [
  find(changes, condition, 'EER'),
  ...[1e-2, 1e-3].map((target) => find(changes, condition, 'FNMR', target)),
];
const acquired = (failures: Estimate) => [String(failures.of), shown(failures)];
const fnmr = (changes: readonly Change[], condition: Condition) => find(changes, condition, 'FNMR', 1e-2);

const changeRow = ({ before, after, difference }: Change) => [
  ...[before, after, difference].map(shown),
  `${((100 * difference.value) / before.value).toFixed(1)}%`,
];

/** A table of FNMR at an FMR of 1e-2 without and with an adapter: two rows for each name. */
const changeTable = (title: string, named: readonly (readonly [name: string, changes: readonly Change[]])[]) =>
  table(
    [title, 'pairs', ...changeHeader],
    named.flatMap(([name, changes]) =>
      withMasks.map((condition) => [name, conditionNames[condition], ...changeRow(fnmr(changes, condition))]),
    ),
  );

/** Writes a chart of FNMR without and with an adapter into docs/, and gives the line that shows it. */
async function chart(
  name: string,
  title: string,
  named: readonly (readonly [name: string, changes: readonly Change[]])[],
): Promise<string> {
  const rates = named.flatMap(([of, changes]) =>
    withMasks.flatMap((condition): NamedRate[] => {
      const { before, after } = fnmr(changes, condition);
      const row = `${of}, ${conditionNames[condition]}`;
      return [
        { name: row, way: 'without an adapter', ...before },
        { name: row, way: 'with the adapter', ...after },
      ];
    }),
  );
  const drawn = standalone(await ratesChart(name, title, rates));
  writeFileSync(path.join(docs, `${name}.png`), await toPng(drawn, { zoom: 2, background: '#ffffff' }));
  return `![${title}, with intervals](${name}.png)`;
}

async function sectionOf(model: string, results: ModelResults): Promise<string[]> {
  const { byStyle, pooled, leftOut, wrongLabels, methods } = results;
  const { training, licence } = presets[model] as ModelDescription;
  const names = byStyle.map(({ source, style }) => `${sourceNames[source]}, ${style}`);
  return [
    `## ${model}`,
    wrap(`Trained on: ${training}. Licence: ${licence}.`),
    await chart(
      `results-${model}`,
      `${model}: FNMR at FMR 1e-2`,
      byStyle.map(({ changes }, i) => [names[i] as string, changes]),
    ),
    '### Without an adapter',
    table(
      ['faces', 'style', 'pairs', ...rateHeader, 'photos', 'FTA, %'],
      byStyle.flatMap(({ source, style, changes, failures }, i) =>
        (['plain-plain', ...withMasks] as const)
          // The same for each style.
          .filter((condition) => condition !== 'plain-plain' || byStyle[i - 1]?.source !== source)
          .map((condition) => [
            sourceNames[source],
            condition === 'plain-plain' ? '' : style,
            conditionNames[condition],
            ...ratesOf(changes, condition).map(({ before }) => shown(before)),
            ...acquired(condition === 'plain-plain' ? failures.plain : failures.masked),
          ]),
      ),
    ),
    '### With a linear adapter',
    table(
      ['faces', 'style', 'pairs', ...rateHeader, 'difference in FNMR at FMR 1e-2'],
      byStyle.flatMap(({ source, style, changes }) =>
        withMasks.map((condition) => [
          ...[sourceNames[source], style, conditionNames[condition]],
          ...ratesOf(changes, condition).map(({ after }) => shown(after)),
          shown(fnmr(changes, condition).difference),
        ]),
      ),
    ),
    `### Pooled over ${learned.join(', ')}, manifest faces`,
    table(
      ['pairs', 'measure', ...changeHeader],
      pooled
        .filter(({ condition }) => condition !== 'plain-plain')
        .map((change) => {
          const { condition, measure, target } = change;
          const at = target === undefined ? '' : ` ${measure === 'FNMR' ? 'at' : 'of'} FMR ${target.toExponential()}`;
          return [conditionNames[condition], `${measure}${at}`, ...changeRow(change)];
        }),
    ),
    '### A style left out of training',
    wrap('FNMR at FMR 1e-2 of one style on manifest faces, with an adapter that has learned from the two others.'),
    changeTable(
      'style left out',
      leftOut.map(({ style, changes }) => [style, changes]),
    ),
    '### Wrong mask labels',
    wrap(
      'FNMR at FMR 1e-2 on manifest faces, pooled, where the adapter corrects every masked face and no plain one; and where 5% of the masked faces are taken for plain, and 5% of the plain ones for masked.',
    ),
    changeTable('labels', [
      ['all right', pooled],
      ['5% wrong', wrongLabels],
    ]),
    ...(methods.length > 0
      ? [
          '### Methods',
          wrap(
            'FNMR at FMR 1e-2 on manifest faces, pooled. Each method is trained on the same people. `published` is `--preset published`.',
          ),
          changeTable('method', [
            ['linear', pooled],
            ...methods.map(({ method, changes }) => [method, changes] as const),
          ]),
        ]
      : []),
  ];
}

const lfw = new LfwResults(photos, work);
const results: [string, ModelResults][] = [];
for (const model of ['dlib-resnet-128', ...Object.keys(packageFiles)])
  if (presets[model]) results.push([model, await lfw.measure(model)]);
const sections: string[] = [];
for (const [model, of] of results) sections.push(...(await sectionOf(model, of)));
const page = [
  '# Results on LFW',
  wrap(
    `This page shows what the model presets do on masked faces, without and with adapters. It was measured on ${date} on ${sample}, each masked with the styles ${list(styles)}. **LFW's people may be among those that the models were trained on**, so rates of other people may be worse.`,
  ),
  wrap(
    `This command makes the page, its charts and the table of \`models list\`. A run that was interrupted resumes. It takes about half an hour on two cores.`,
  ),
  `<!-- not run: needs a download of LFW -->\n\`\`\`sh\n${command}\n\`\`\``,
  items([
    `Pairs: every genuine pair of different photos, and impostor pairs, at most ${mostImpostors.toLocaleString('en')} of each fold, drawn at random.`,
    `Folds: the people are divided into ${folds}. Each fold has its own threshold. Its adapter has not learned from its people, and was not chosen on them. Rates are means over the folds, weighted by their genuine pairs.`,
    `Faces: \`manifest\` cuts a masked face where the plain photo's landmarks are, which is optimistic. \`searched\` looks for the face in the masked photo with ${defaultDetector}. Searched rates are of photos with a face.`,
    "FTA (failure to acquire) is the share of photos in which the search found no face, or another one than the person's: of plain photos in rows plain–plain, of masked ones in the others. Photos that could not be masked, because no face was found in the plain photo, are not among the photos of a style.",
    `Intervals hold 95%. People are drawn with replacement ${draws} times, the same people without and with an adapter. Differences are paired, and in percentage points.`,
    `Adapters have learned from ${list(learned)}. \`realistic\` draws one of all templates, most of which they have not seen. [adapt.md](adapt.md) says how they are trained. They are linear where no other method is named.`,
    'Presets without a model file of their own are left out.',
  ]),
  `## All models, pooled over ${learned.join(', ')}, manifest faces`,
  await chart(
    'results',
    'FNMR at FMR 1e-2',
    results.map(([model, { pooled }]) => [model, pooled]),
  ),
  table(
    ['model', 'pairs', 'EER, %', 'with adapter', 'FNMR at FMR 1e-2, %', 'with adapter'],
    results.flatMap(([model, { pooled }]) =>
      (['plain-plain', ...withMasks] as const).map((condition) => {
        const rates = [find(pooled, condition, 'EER'), fnmr(pooled, condition)];
        const isPlain = condition === 'plain-plain';
        return [
          ...[model, conditionNames[condition]],
          ...rates.flatMap(({ before, after }) => [shown(before), isPlain ? '' : shown(after)]),
        ];
      }),
    ),
  ),
  wrap(
    'Pooled masked–masked pairs are of any two of the styles. A threshold that was set on plain pairs does not fit masked faces, with an adapter or without: the tables of each model show its rates. Masked faces need a threshold of their own.',
  ),
  ...sections,
].join('\n\n');
writeFileSync(path.join(docs, 'results.md'), `${page}\n`);

const summary: Measured = {
  date,
  sample: `${sample}, each with masks ${learned.join(', ')}; manifest faces`,
  command,
  machine: results[0]?.[1].machine ?? '',
  presets: Object.fromEntries(results.map(([model, { preset }]) => [model, preset])),
};
const generated = path.join(root, 'lib/models/measured.ts');
const [types] = readFileSync(generated, 'utf8').split('/** Written by');
writeFileSync(
  generated,
  `${types}/** Written by bench/results.ts. */\nexport const measured: Measured = ${JSON.stringify(summary)};\n`,
);
execFileSync('npx', ['biome', 'check', '--write', generated], { cwd: root, stdio: 'inherit' });
