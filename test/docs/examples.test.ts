import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {
  type Block,
  blocksOf,
  installPackage,
  writeFaceSets,
  writeSamples,
  writeScoreSamples,
  writeSet,
} from '../support/examples.js';
import { type Run, repository, temporaryFolder } from '../support/files.js';
import { writeIjb } from '../support/ijb.js';
import { writeTwins } from '../support/twins.js';

const pages = [
  'README.md',
  ...readdirSync(path.join(repository, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const blocks = pages.flatMap(blocksOf);
const place = ({ file, line }: Block) => `${file}, line ${line}`;

/** Samples beyond those of {@link writeSamples}. */
const moreSamples: Record<string, (folder: string) => unknown> = {
  'docs/adapt.md': (folder) => writeTwins(folder, ['surgical', 'cloth'], { dimensions: 128, people: 60 }),
  'docs/corpora.md': async (folder) => {
    await writeFaceSets(folder);
    await writeSet(folder);
    await writeIjb(path.join(folder, 'IJBC'));
  },
  'docs/evaluate.md': writeScoreSamples,
};

/** Runs a block as a reader does who copies it. */
function run({ language, line, text }: Block, folder: string): Promise<Run> {
  const program = `line-${line}.mjs`;
  if (language === 'js') writeFileSync(path.join(folder, program), text);
  const [command, args] =
    language === 'js' ? [process.execPath, [program]] : ['bash', ['-euo', 'pipefail', '-c', text]];
  const env = {
    ...process.env,
    PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`,
    npm_config_offline: 'true',
    npm_config_update_notifier: 'false',
  };
  return new Promise((resolve) => {
    execFile(command, args, { cwd: folder, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
    );
  });
}

for (const file of pages) {
  const toRun = blocks.filter((block) => block.file === file && /^(sh|js)$/.test(block.language) && !block.notRun);
  if (toRun.length === 0) continue;
  // One after another: each of them uses all cores. The blocks of a page build on each other.
  test.serial(`the examples of ${file} run`, async (t) => {
    t.timeout(600_000);
    const folder = temporaryFolder(t);
    installPackage(folder);
    await writeSamples(folder);
    await moreSamples[file]?.(folder);
    for (const block of toRun) {
      const { code, stdout, stderr } = await run(block, folder);
      t.is(code, 0, `${place(block)}\n${block.text}\n${stdout}\n${stderr}`);
    }
  });
}

test('only blocks that need a GPU, a cluster, root or a download are not run', (t) => {
  for (const block of blocks) {
    t.regex(block.language, /^(sh|js|json|text)$/, `${place(block)}: language`);
    if (block.language === 'json') t.notThrows(() => JSON.parse(block.text), place(block));
    if (block.notRun === undefined) continue;
    t.log(`${place(block)}: ${block.notRun}`);
    t.regex(
      block.notRun,
      /^needs (a GPU|a (Slurm|Kubernetes) cluster|root and a download|(a download|downloads) of .+)$/,
      place(block),
    );
  }
  const comments = pages.flatMap((file) =>
    [...readFileSync(path.join(repository, file), 'utf8').matchAll(/<!-- not run:/g)].map(() => file),
  );
  t.is(comments.length, blocks.filter(({ notRun }) => notRun).length, 'a comment that belongs to no block');
});

test('links of the pages lead to files', (t) => {
  for (const file of [...pages, 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'])
    for (const [, link = ''] of readFileSync(path.join(repository, file), 'utf8').matchAll(/\]\(([^)#\s]+)/g))
      if (!/^https?:/.test(link))
        t.true(existsSync(path.join(repository, path.dirname(file), link)), `${file}: ${link}`);
});

test('the map of structure.md names every folder, and its files exist', (t) => {
  const text = readFileSync(path.join(repository, 'docs/structure.md'), 'utf8');
  const [map] = blocksOf('docs/structure.md');
  for (const outer of ['lib', 'native'])
    for (const entry of readdirSync(path.join(repository, outer), { withFileTypes: true }))
      if (entry.isDirectory()) t.true(map?.text.includes(`${entry.name}/`), `${outer}/${entry.name}/`);
  for (const [, folder = ''] of map?.text.matchAll(/(?<=^|\s)([a-z][a-z_-]+)\/(?=\s)/gm) ?? [])
    t.true(
      ['', 'lib', 'native'].some((outer) => existsSync(path.join(repository, outer, folder))),
      `the map: ${folder}/`,
    );
  for (const [, named = ''] of text.matchAll(/`((?:lib|native|test|bench|scripts)\/[\w./-]+)`/g))
    t.true(existsSync(path.join(repository, named)), named);
});

test('README stays short', (t) => {
  t.true(readFileSync(path.join(repository, 'README.md'), 'utf8').split('\n').length <= 151);
});
