import path from 'node:path';
import test from 'ava';
import ts from 'typescript';

const repository = path.join(import.meta.dirname, '../..');
const entryPoints = [
  'index',
  'entry-points/datasets',
  'entry-points/metrics',
  'entry-points/models',
  'entry-points/opencv4nodejs',
  'entry-points/report',
  'entry-points/storage',
];

test('every public function and class has an example', (t) => {
  const files = entryPoints.map((name) => path.join(repository, `lib/${name}.ts`));
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(path.join(repository, 'tsconfig.json'), ts.sys.readFile).config,
    ts.sys,
    repository,
  );
  const program = ts.createProgram(files, options);
  const checker = program.getTypeChecker();
  const hasExample = (symbol: ts.Symbol) => symbol.getJsDocTags(checker).some(({ name }) => name === 'example');
  const lacking: string[] = [];
  for (const file of files) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file) as ts.SourceFile) as ts.Symbol;
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      if (symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Class) && !hasExample(symbol))
        lacking.push(symbol.name);
    }
  }
  t.deepEqual(lacking, []);
});
