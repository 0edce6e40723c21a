import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { chromium } from 'playwright-core';
import sharp from 'sharp';
import { maskbench, samplePhoto, temporaryFolder } from '../support/files.js';
import { normal, uniform } from '../support/scores.js';

const browser = '/usr/bin/chromium';

/** Two systems on pairs of 30 identities; p0 and p1 have photos. */
async function evaluated(folder: string): Promise<{ folder: string; args: string[] }> {
  const lines: string[] = [];
  const scores: string[][] = [[], []];
  const deviate = normal(uniform(8));
  for (let i = 0; i < 30; i++)
    for (const other of [i, (i + 1) % 30, i, (i + 2) % 30]) {
      lines.push(`p${i}/1.jpg p${other}/masked_2.jpg 0 1 ${Number(i === other)}`);
      for (const of of scores) of.push(String(1 / (1 + Math.exp(-deviate() - (i === other ? 1.5 : -1.5)))));
    }
  writeFileSync(path.join(folder, 'pairs.txt'), `${lines.join('\n')}\n`);
  for (const [i, name] of ['first', 'second'].entries())
    writeFileSync(path.join(folder, `${name}.txt`), `${scores[i]?.join('\n')}\n`);
  for (const name of ['p0/1.jpg', 'p1/masked_2.jpg', 'p1/1.jpg', 'p2/masked_2.jpg'])
    await sharp(samplePhoto(1))
      .resize(200)
      .toFile(await makeFor(path.join(folder, 'images', name)));
  const args = ['evaluate', '--pairs', path.join(folder, 'pairs.txt'), '--draws', '100', '--scores'];
  return { folder, args: [...args, ...['first', 'second'].map((name) => path.join(folder, `${name}.txt`))] };
}

async function makeFor(file: string): Promise<string> {
  const { mkdir } = await import('node:fs/promises');
  await mkdir(path.dirname(file), { recursive: true });
  return file;
}

test('evaluate prints every measure with its definition, as text and as JSON', async (t) => {
  const { args, folder } = await evaluated(temporaryFolder(t));
  const { code, stdout, stderr } = await maskbench([
    ...args,
    '--fuse',
    'z-norm',
    '--threshold-from',
    path.join(folder, 'none.json'),
  ]);
  t.is(code, 1);
  t.is(stdout, '');
  t.regex(stderr, /none\.json: cannot be read/);
  const text = await maskbench([...args, '--fuse', 'z-norm']);
  t.is(text.code, 0);
  t.regex(text.stdout, /definition: exact; intervals: 95% percentile intervals of 100 draws of identities, seed 0/);
  t.regex(text.stdout, /EER \(exact, crossing\) +0\.\d+ \[/);
  t.regex(text.stdout, /fusion \(z-norm\)/);
  const json = await maskbench([...args, '--json']);
  const saved = JSON.parse(json.stdout);
  t.deepEqual(
    saved.systems.map(({ name }: { name: string }) => name),
    ['first', 'second'],
  );
  // The threshold that one evaluation found is used by another.
  writeFileSync(path.join(folder, 'saved.json'), json.stdout);
  const from = await maskbench([
    ...args,
    '--json',
    '--threshold-from',
    path.join(folder, 'saved.json'),
    '--threshold-fmr',
    '0.1',
  ]);
  t.is(JSON.parse(from.stdout).systems[0].atThreshold.threshold, saved.systems[0].fnmrAtFmr[0].threshold);
  const paper = await maskbench([...args, '--definition', 'paper']);
  t.regex(paper.stdout, /EER \(paper\) +0\.\d+/);
});

test('bad input of evaluate names the file and the line', async (t) => {
  const { args, folder } = await evaluated(temporaryFolder(t));
  const refused = async (more: string[], message: RegExp) => {
    const { code, stderr } = await maskbench([...args.slice(0, 1), ...more]);
    t.not(code, 0);
    t.regex(stderr, message);
    t.notRegex(stderr, /\n {4}at /);
  };
  const write = (name: string, text: string) => {
    writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  const pairs = ['--pairs', path.join(folder, 'pairs.txt')];
  await refused([...pairs, '--scores', write('short.txt', '0.5\n')], /pairs\.txt: 120 pairs for 1 scores/);
  await refused([...pairs, '--scores', write('long.txt', '0.5\n'.repeat(121))], /120 pairs for 121 scores/);
  await refused(['--scores', write('alone.txt', '0.5\n')], /expected pairs, labels/);
  await refused(
    ['--scores', write('same.txt', '0.5\n0.5\n'), '--labels', write('l.txt', '1\n1\n')],
    /2 genuine and 0 impostor/,
  );
  await refused(['--scores', path.join(folder, 'same.txt'), '--labels', write('l.txt', '1\n3\n')], /l\.txt, line 2/);
  await refused(
    [...pairs, '--scores', write('out.txt', `${'0.5\n'.repeat(119)}1.5\n`), '--definition', 'paper'],
    /out: .*0 to 1/,
  );
  await refused(
    ['--scores', write('x.csv', 'score,label\n1,1\n0,0\n'), '--threshold-from', write('t.json', '{}')],
    /t\.json: expected the output of evaluate/,
  );
  await refused(['--scores', path.join(folder, 'x.csv'), '--fmr', '2'], /rates above 0/);
});

(existsSync(browser) ? test : test.skip)(
  'the report opens in a browser: pictures, values, both widths and themes',
  async (t) => {
    const { args, folder } = await evaluated(temporaryFolder(t));
    const out = path.join(folder, 'report');
    const { code, stderr } = await maskbench([...args, '--out', out, '--images', path.join(folder, 'images')]);
    t.is(code, 0, stderr);
    const charts = ['fpr-tpr', 'det', 'det-log', 'thresholds', 'histogram-first', 'histogram-second'];
    for (const name of charts) {
      const { width, height } = await sharp(path.join(out, `charts/${name}.png`)).metadata();
      t.true((width as number) > 700 && (height as number) > 500, name);
      t.regex(readFileSync(path.join(out, `charts/${name}.svg`), 'utf8'), /^<svg/);
    }
    t.is(JSON.parse(readFileSync(path.join(out, 'report.json'), 'utf8')).systems.length, 2);
    const page = readFileSync(path.join(out, 'report.html'), 'utf8');
    t.notRegex(page, /(src|href)="(?!data:|#)/, 'nothing is loaded from elsewhere');
    t.regex(page, /personal data/);
    const running = await chromium.launch({ executablePath: browser, args: ['--no-sandbox'] });
    t.teardown(() => running.close());
    for (const width of [1280, 390])
      for (const colorScheme of ['light', 'dark'] as const) {
        const tab = await running.newPage({ viewport: { width, height: 900 }, colorScheme });
        const problems: string[] = [];
        tab.on('console', (message) => problems.push(message.text()));
        tab.on('pageerror', (error) => problems.push(error.message));
        await tab.goto(`file://${path.join(out, 'report.html')}`);
        t.deepEqual(problems, []);
        t.true(
          ((await tab.evaluate('document.documentElement.scrollWidth')) as number) <= width,
          'nothing is wider than the page',
        );
        const boxes = await tab
          .locator('figure svg')
          .evaluateAll((drawn) => drawn.map((svg) => svg.getBoundingClientRect().width));
        t.is(boxes.length, charts.length);
        t.true(boxes.every((wide) => wide >= 300 && wide <= width));
        t.true((await tab.locator('figure svg path title').count()) > 100, 'values are shown on pointing');
        const letters = await tab
          .locator('figure svg text')
          .first()
          .evaluate((text) => text.getBoundingClientRect().height);
        t.true(letters >= 9, `letters ${letters} pixels high`);
        const [ink, paper] = (await tab.evaluate(
          '[getComputedStyle(document.querySelector("figure svg text")).fill, getComputedStyle(document.body).backgroundColor]',
        )) as [string, string];
        const light = (color: string) =>
          (color.match(/\d+/g) ?? []).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3;
        t.true(Math.abs(light(ink) - light(paper)) > 120, `${ink} on ${paper}`);
        t.is(light(paper) > 128, colorScheme === 'light');
        t.true((await tab.locator('.pairs img').count()) > 0);
        await tab.close();
      }
  },
);
