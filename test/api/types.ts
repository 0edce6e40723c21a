/** What the API's types promise; `npm run typecheck` checks it. */
import { expectTypeOf } from 'expect-type';
import {
  type Box,
  Embedder,
  type EmbedInput,
  embedFiles,
  type ManifestLine,
  Masker,
  type MaskOptions,
  type MaskResult,
  maskFiles,
  type Placement,
  readManifest,
} from 'maskbench';
import { generateCorpora, type Pair, parsePairs, samplePairs } from 'maskbench/datasets';
import { type AllScores, evaluate, type evaluateAllPairsFiles, type evaluateFiles, scoreAll } from 'maskbench/metrics';
import { type ModelDescription, presets } from 'maskbench/models';
import {
  writeAllPairsReport,
  writeBenchmarkReport,
  writeContactSheet,
  writeEvaluationReport,
  writeIdentificationReport,
  writeStyleSheet,
} from 'maskbench/report';

// Both are opened alike, and neither by its constructor.
expectTypeOf(Masker.open).returns.resolves.toEqualTypeOf<Masker>();
expectTypeOf(Embedder.open).returns.resolves.toEqualTypeOf<Embedder>();
// @ts-expect-error
new Masker();
// @ts-expect-error
new Embedder();

// A manifest's line can be given back as it was read.
expectTypeOf(readManifest).returns.toEqualTypeOf<AsyncGenerator<ManifestLine>>();
expectTypeOf<ManifestLine['faces']>().toExtend<NonNullable<MaskOptions['faces']>>();
expectTypeOf<{ image: string; faces: ManifestLine['faces'] }>().toExtend<EmbedInput>();
expectTypeOf<ManifestLine['faces']>().toEqualTypeOf<MaskResult['faces']>();
expectTypeOf<ManifestLine['faces'][number]['box']>().toEqualTypeOf<Box>();
expectTypeOf<keyof Placement>().toEqualTypeOf<'x' | 'y' | 'rotation' | 'scale'>();

// Whatever takes long can be aborted.
for (const call of [maskFiles, embedFiles, generateCorpora, scoreAll, evaluate])
  expectTypeOf(call)
    .parameter(2)
    .exclude<undefined>()
    .toHaveProperty('signal')
    .toEqualTypeOf<AbortSignal | undefined>();

// Report writers take a place, what was measured, and options; each gives the path back.
expectTypeOf(writeEvaluationReport).toBeCallableWith('report', {} as Awaited<ReturnType<typeof evaluateFiles>>);
expectTypeOf(writeAllPairsReport).toBeCallableWith('report', {} as Awaited<ReturnType<typeof evaluateAllPairsFiles>>);
for (const write of [
  writeAllPairsReport,
  writeBenchmarkReport,
  writeContactSheet,
  writeEvaluationReport,
  writeIdentificationReport,
  writeStyleSheet,
]) {
  expectTypeOf(write).parameter(0).toEqualTypeOf<string>();
  expectTypeOf(write).returns.toEqualTypeOf<Promise<string>>();
}

expectTypeOf(parsePairs).returns.toHaveProperty('pairs').toEqualTypeOf<Pair[]>();
expectTypeOf(samplePairs).returns.resolves.toEqualTypeOf<Pair[]>();
expectTypeOf(scoreAll).returns.resolves.toEqualTypeOf<AllScores>();
expectTypeOf(presets).toEqualTypeOf<Record<string, ModelDescription>>();
