import { existsSync } from 'node:fs';
import path from 'node:path';
import { checkReplaceable, makeFolder, writeFileAtomically } from '../files/atomic.js';
import { toPath } from '../files/path.js';
import { type Chart, standalone } from './charts.js';
import { type PagePair, toPng } from './pictures.js';

/** A table of a page. Cells are text; `marks` colours some of them. */
export interface PageTable {
  caption: string;
  header: string[];
  rows: { text: string; mark?: 'good' | 'bad' | 'none'; hint?: string }[][];
}

/** What stands below a heading, in this order. */
export interface PageSection {
  heading: string;
  paragraphs?: string[];
  notes?: string[];
  tables?: PageTable[];
  charts?: Chart[];
  pairs?: PagePair[];
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (character) => escapes[character] as string);
}

const style = `
:root { color-scheme: light dark; --page: #fff; --text: #1c1e21; --quiet: #5c6470; --line: #d7dbe0; --good: #0a7a4f; --bad: #b3480a; }
@media (prefers-color-scheme: dark) {
  :root { --page: #16181c; --text: #e6e8eb; --quiet: #9aa3af; --line: #3a3f47; --good: #46c593; --bad: #f0995a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 76rem; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
h1, p, li { overflow-wrap: anywhere; } h1 { font-size: 1.6rem; line-height: 1.25; } h2 { margin-top: 2.5rem; font-size: 1.25rem; }
p, ul { max-width: 48rem; } .quiet, figcaption, caption { color: var(--quiet); font-size: .875rem; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
caption { text-align: left; padding-bottom: .4rem; }
th, td { padding: .3rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; } .none { color: var(--quiet); }
.charts, .pairs { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); }
figure { margin: 0; } figure svg { width: 100%; height: auto; max-width: 36rem; }
.pairs { grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); } .pairs img { width: 48%; height: auto; border-radius: 4px; }
figcaption { overflow-wrap: anywhere; }`;

function tableHtml({ caption, header, rows }: PageTable): string {
  const head = header.map((cell) => `<th scope="col">${escapeText(cell)}</th>`).join('');
  const body = rows
    .map((row) => {
      const cells = row.map(({ text, mark, hint }) => {
        const attributes = `${mark ? ` class="${mark}"` : ''}${hint ? ` title="${escapeText(hint)}"` : ''}`;
        return `<td${attributes}>${escapeText(text)}</td>`;
      });
      return `<tr>${cells.join('')}</tr>`;
    })
    .join('\n');
  return `<div class="scroll"><table><caption>${escapeText(caption)}</caption><thead><tr>${head}</tr></thead><tbody>
${body}</tbody></table></div>`;
}

function sectionHtml({
  heading,
  paragraphs = [],
  notes = [],
  tables = [],
  charts = [],
  pairs = [],
}: PageSection): string {
  const figures = charts.map(
    ({ title, svg }) => `<figure>${svg}<figcaption>${escapeText(title)}</figcaption></figure>`,
  );
  const thumbnails = pairs.map(({ pictures, caption }) => {
    const images = pictures.map((png) => `<img alt="" src="data:image/png;base64,${png.toString('base64')}">`);
    return `<figure>${images.join(' ')}<figcaption>${escapeText(caption)}</figcaption></figure>`;
  });
  return [
    `<section><h2>${escapeText(heading)}</h2>`,
    ...paragraphs.map((text) => `<p>${escapeText(text)}</p>`),
    ...tables.map(tableHtml),
    figures.length > 0 ? `<div class="charts">${figures.join('\n')}</div>` : '',
    notes.length > 0 ? `<ul class="quiet">${notes.map((text) => `<li>${escapeText(text)}</li>`).join('')}</ul>` : '',
    thumbnails.length > 0 ? `<div class="pairs">${thumbnails.join('\n')}</div>` : '',
    '</section>',
  ].join('\n');
}

/** Distinguishes our pages from others. */
const generator = '<meta name="generator" content="maskbench">';

/** A page that needs nothing but itself. */
export function toHtml(title: string, introduction: string[], sections: readonly PageSection[]): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">${generator}<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><title>${escapeText(title)}</title><style>${style}</style></head>
<body><h1>${escapeText(title)}</h1>
${introduction.map((text) => `<p>${escapeText(text)}</p>`).join('\n')}
${sections.map(sectionHtml).join('\n')}
</body></html>
`;
}

/**
 * Writes a report into a folder: `report.html`, its numbers as `report.json`, and each chart as SVG and PNG in
 * `charts/`. An earlier report there is replaced; other files are not.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`, `WRITE_FAILED`
 */
export async function writeReport(
  folder: string,
  report: { title: string; introduction: string[]; sections: PageSection[]; numbers: unknown },
): Promise<string> {
  const names = new Set<string>();
  const charts = report.sections
    .flatMap((section) => section.charts ?? [])
    .map((chart) => {
      const plain = chart.name.replace(/[^\w.-]+/g, '_');
      const same = [...names].filter((name) => name === plain || name.startsWith(`${plain}~`)).length;
      const unique = same > 0 ? `${plain}~${same + 1}` : plain;
      names.add(unique);
      return { chart, name: path.join(folder, 'charts', unique) };
    });
  const page = path.join(folder, 'report.html');
  const numbers = path.join(folder, 'report.json');
  await checkReplaceable(page, 'a report of maskbench', (head) => head.includes(generator));
  // The page comes first: where there is none, the other files are of somebody else.
  const isNew = !existsSync(toPath(page));
  for (const file of [numbers, ...charts.flatMap(({ name }) => [`${name}.svg`, `${name}.png`])])
    if (isNew) await checkReplaceable(file, 'no file', () => false);
  await makeFolder(path.join(folder, 'charts'));
  await writeFileAtomically(page, toHtml(report.title, report.introduction, report.sections));
  await Promise.all(
    charts.map(async ({ chart, name }) => {
      await writeFileAtomically(`${name}.svg`, standalone(chart));
      await writeFileAtomically(`${name}.png`, await toPng(standalone(chart), { zoom: 2, background: '#ffffff' }));
    }),
  );
  await writeFileAtomically(numbers, `${toJson(report.numbers)}\n`);
  return page;
}

/**
 * JSON in which typed arrays are arrays, what is undefined (NaN) is null, and infinities are text, for JSON has none.
 */
export function toJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_, item) => {
      if (ArrayBuffer.isView(item) || item instanceof Set) return Array.from(item as Iterable<unknown>);
      if (typeof item !== 'number' || Number.isFinite(item)) return item;
      return Number.isNaN(item) ? null : String(item);
    },
    2,
  );
}
