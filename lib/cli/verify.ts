import { Command } from 'commander';
import { Embedder } from '../embed/embedder.js';
import { MaskbenchError } from '../errors.js';
import { readThreshold } from '../metrics/threshold-files.js';
import { addEmbedderOptions, addModelOptions, type EmbedderFlags, toEmbedderOptions } from './embed-options.js';
import { number } from './numbers.js';
import { refuseIdle } from './options.js';
import { print, printJson, warn } from './output.js';

interface Flags extends EmbedderFlags {
  thresholdFrom?: string;
  thresholdFmr: number;
  crops?: boolean;
  json?: boolean;
}

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('how alike two faces are, and with a threshold whether they match')
    .argument('<a>', 'a photo')
    .argument('<b>', 'another');
  return addEmbedderOptions(addModelOptions(command))
    .option('--crops', 'the photos are ready crops')
    .option('--threshold-from <file>', 'what evaluate --json wrote for scores of the same model')
    .option('--threshold-fmr <rate>', 'the FMR whose threshold is taken from it', number, 1e-3)
    .option('--json', 'print as JSON')
    .action(async (a: string, b: string, { thresholdFrom, thresholdFmr, crops = false, json, ...flags }: Flags) => {
      refuseIdle(command, [['thresholdFmr', thresholdFrom !== undefined, '--threshold-from']]);
      const embedder = await Embedder.open(toEmbedderOptions(flags));
      if (embedder.deviceProblem !== undefined) warn(`${embedder.deviceProblem}; the CPU goes on`);
      if (embedder.batchProblem !== undefined) warn(embedder.batchProblem);
      const vectors = await embedder.embed([a, b], { crops });
      const { dimensions } = embedder;
      const { name, similarity: kind } = embedder.description;
      const zero = [a, b].filter((_, i) =>
        vectors.subarray(i * dimensions, (i + 1) * dimensions).every((x) => x === 0),
      );
      if (kind.kind === 'cosine' && zero.length > 0)
        throw new MaskbenchError(
          'INFERENCE_FAILED',
          zero.join(', '),
          `${zero.join(', ')}: ${name} gives a vector of zeros, which has no cosine similarity`,
        );
      const similarity = embedder.similarity(vectors.subarray(0, dimensions), vectors.subarray(dimensions));
      const use = {
        name,
        alone: true,
        definition: 'exact',
        distance: false,
        model: name,
        similarity: kind.kind,
      } as const;
      const found = thresholdFrom === undefined ? undefined : await readThreshold(thresholdFrom, thresholdFmr, use);
      for (const note of found?.notes ?? []) warn(`note: ${note}`);
      const threshold = found?.threshold;
      const match = threshold === undefined ? undefined : similarity >= threshold;
      if (json)
        return printJson({
          model: name,
          kind: kind.kind,
          similarity,
          ...(match !== undefined && { threshold, fmr: thresholdFmr, match }),
        });
      print(`${name}, ${kind.kind} similarity: ${similarity.toFixed(6)}`);
      if (match !== undefined)
        print(`${match ? 'match' : 'no match'} at the threshold ${threshold} (FMR ${thresholdFmr})`);
    });
}
