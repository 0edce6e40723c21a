// The directions of includes in native/: a folder includes itself and folders on later lines, never back, so that no two
// folders include each other; nor do two files. Prints what breaks them and ends with 1.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const layers = [
  ['tests', 'bench', 'fuzz', '.'],
  ['bindings'],
  ['open_device'],
  ['mask', 'embed', 'all_pairs', 'adapt', 'metrics'],
  ['face'],
  ['face/detectors'],
  ['inference', 'image', 'device'],
  ['runtime'],
];
// A grid's memory and launches are for the programs that run on it; everything else is given a handle.
const isGrid = (file) => /^device\/\w*grid\.h$/.test(file);
const mayUseGrids = (file) => /^(device|open_device|tests)\/|_grid\.h$/.test(file);
const mayOpenDevices = ['open_device', 'bindings', 'tests'];

const native = path.join(path.dirname(import.meta.dirname), 'native');
const layerOf = new Map(layers.flatMap((folders, layer) => folders.map((folder) => [folder, layer])));
const folderOf = (file) => path.dirname(file);
const includes = new Map();
for (const file of readdirSync(native, { recursive: true })) {
  if (!/\.(h|cc|cu)$/.test(file)) continue;
  const text = readFileSync(path.join(native, file), 'utf8');
  const included = [...text.matchAll(/^#include "([^"]+)"/gm)].map(([, name]) => name);
  includes.set(file, included);
}

const problems = [];
for (const [file, included] of includes) {
  const from = folderOf(file);
  if (!layerOf.has(from)) problems.push(`native/${file}: ${from}/ is missing from scripts/lint-directions.mjs`);
  for (const other of included) {
    const to = folderOf(other);
    const refuse = (expected) => problems.push(`native/${file} includes ${other}: ${expected}`);
    if (from !== to && layerOf.get(from) > 0 && !(layerOf.get(from) < layerOf.get(to)))
      refuse(`${from}/ lies below ${to}/, or beside it`);
    if (isGrid(other) && !mayUseGrids(file)) refuse('only device/, open_device/ and _grid files may');
    if (to === 'open_device' && !mayOpenDevices.includes(from)) refuse('only bindings/ may');
  }
}

const done = new Set();
function findCircle(file, way) {
  if (way.includes(file)) problems.push(`native/${[...way.slice(way.indexOf(file)), file].join(' → ')}: a circle`);
  if (way.includes(file) || done.has(file)) return;
  for (const other of includes.get(file) ?? []) findCircle(other, [...way, file]);
  done.add(file);
}
for (const file of includes.keys()) findCircle(file, []);

for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
