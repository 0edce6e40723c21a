import { Command } from 'commander';
import { Embedder } from '../embed/embedder.js';
import { addEmbedderOptions, addModelOptions, type EmbedderFlags, toEmbedderOptions } from './embed-options.js';
import { readThreshold } from './evaluate.js';
import { number } from './numbers.js';
import { print, printJson, warn } from './output.js';

interface Flags extends EmbedderFlags {
  thresholdFrom?: string;
  thresholdFmr: number;
  detect: boolean;
  json?: boolean;
}

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('how alike two faces are, and with a threshold whether they match')
    .argument('<a>', 'a photo')
    .argument('<b>', 'another');
  return addEmbedderOptions(addModelOptions(command))
    .option('--no-detect', 'the photos are ready crops')
    .option('--threshold-from <file>', 'what evaluate --json wrote for scores of the same model')
    .option('--threshold-fmr <rate>', 'the FMR whose threshold is taken from it', number, 0.001)
    .option('--json', 'print as JSON')
    .action(async (a: string, b: string, { thresholdFrom, thresholdFmr, detect, json, ...flags }: Flags) => {
      const threshold = thresholdFrom === undefined ? undefined : await readThreshold(thresholdFrom, thresholdFmr);
      const embedder = await Embedder.open(toEmbedderOptions(flags));
      if (embedder.deviceProblem !== undefined) warn(embedder.deviceProblem.message);
      const vectors = await embedder.embed([a, b], { crops: !detect });
      const { dimensions } = embedder;
      const similarity = embedder.similarity(vectors.subarray(0, dimensions), vectors.subarray(dimensions));
      const { name, similarity: kind } = embedder.description;
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
