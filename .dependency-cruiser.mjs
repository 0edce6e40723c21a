/**
 * The map of lib/: what stands in a row may import what stands in its own row or below, never above. docs/structure.md shows the same map.
 * A folder of the plan that is not there yet keeps its place.
 */
const rows = [
  ['cli', 'index.ts', 'entry-points'],
  ['doctor.ts', 'benchmarks', 'report', 'cluster', 'throughput'],
  ['corpus', 'all-pairs', 'adapt', 'embed', 'datasets'],
  ['mask', 'models', 'metrics', 'storage'],
  ['face', 'pairs'],
  ['image'],
  ['files'],
  ['native.ts', 'calls.ts', 'device.ts'],
  ['errors.ts', 'random.ts', 'multimap.ts', 'package-root.ts'],
];

/** Folders in folders, from the top: none imports one before it. */
const nested = [
  ['models/detectors', 'models/import', 'models', 'models/onnx'],
  ['datasets', 'datasets/layouts'],
  ['mask', 'mask/templates'],
];

const filesIn = (folder) => `^lib/${folder}/[^/]+$`;
const pathOf = (names) => `^lib/(${names.map((name) => name.replace('.', '\\.')).join('|')})($|/)`;

export default {
  forbidden: [
    {
      name: 'no-file-cycle',
      comment: 'Files that import each other are one file, or lack a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-folder-cycle',
      comment: 'Folders that import each other are one folder, or lack a third.',
      severity: 'error',
      scope: 'folder',
      from: {},
      to: { circular: true },
    },
    {
      name: 'on-the-map',
      comment: 'A file or folder of lib/ needs a place in the rows above.',
      severity: 'error',
      from: { path: '^lib/', pathNot: pathOf(rows.flat()) },
      to: {},
    },
    {
      name: 'lib-alone',
      comment: 'The library knows neither its tests nor its benchmarks.',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^(bench|test)/' },
    },
    ...nested.flatMap((folders) =>
      folders.slice(1).map((folder, i) => ({
        name: `${folder}-upward`,
        comment: 'Of a folder and a folder in it, one imports the other.',
        severity: 'error',
        from: { path: filesIn(folder) },
        to: { path: folders.slice(0, i + 1).map(filesIn) },
      })),
    ),
    ...rows.slice(1).map((names, i) => ({
      name: `${names.join('-')}-upward`,
      comment: `${names.join(', ')} may import their own row of the map and the rows below.`,
      severity: 'error',
      from: { path: pathOf(names) },
      to: { path: pathOf(rows.slice(0, i + 1).flat()) },
    })),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(node_modules|dist|build)/' },
  },
};
