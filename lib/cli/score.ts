import { Command } from 'commander';
import { type ScorePairsOptions, scorePairs, writePairScores } from '../embed/score.js';
import { vectorSimilarityOption } from './options.js';
import { print, warn } from './output.js';

interface Flags extends ScorePairsOptions {
  vectors: string;
  pairs: string;
  out: string;
}

export function scoreCommand(): Command {
  return new Command('score')
    .description('score the pairs of a list from vectors')
    .requiredOption('--vectors <file>', 'vectors, .npy or .parquet, as embed writes them')
    .requiredOption('--pairs <list>', 'pair list of "pairs", or as LFW, YouTube Faces and MFR2 publish theirs')
    .requiredOption('--out <file.csv>', 'write the scores to this file')
    .option('--index <file.jsonl>', 'index of the vectors (default: beside them)')
    .addOption(vectorSimilarityOption())
    .option('--model <file.onnx>', 'the model, where its description has a similarity of its own (sigmoid)')
    .addHelpText('after', '\nA comparison without a vector has an empty score: a failure to acquire.')
    .action(async ({ vectors, pairs, out, ...options }: Flags) => {
      const scored = await scorePairs(vectors, pairs, options);
      await writePairScores(out, scored);
      const { scores, failed, model, similarity } = scored.system;
      for (const note of scored.notes) warn(`note: ${note}`);
      print(
        `${scores.length} pairs, ${failed.size} without a score; ${similarity} similarity${model === undefined ? '' : ` of ${model}`}`,
      );
    });
}
