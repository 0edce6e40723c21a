import { type Command, Option } from 'commander';
import type { EmbedderOptions } from '../embed/embedder.js';
import { faceSources } from '../embed/files.js';
import { faceChoices } from '../face/choice.js';
import { packageFiles, presets } from '../models/presets.js';
import { integer } from './numbers.js';

/** The flags of {@link addEmbedderOptions}. */
export interface EmbedderFlags extends Omit<EmbedderOptions, 'landmarkModel'> {
  landmarks?: string;
}

/** The options of commands that run a model. */
export function addEmbedderOptions(command: Command): Command {
  return command
    .option('--device <device>', 'where the model runs: cpu, cuda, cuda:<n>, or auto (cuda if present)', 'cpu')
    .option('--concurrency <n>', 'photos and batches processed at once (default: the number of processors)', integer)
    .option('--max-batch <n>', 'faces in one batch at most', integer, 16);
}

/** Which model. */
export function addModelOptions(command: Command): Command {
  return command
    .option(
      '--model <model>',
      `embedding model: dlib-resnet-128, ${Object.keys(packageFiles)
        .filter((name) => Object.hasOwn(presets, name))
        .join(' or ')} (after models fetch), or an ONNX file with a description beside it (<name>.json)`,
      'dlib-resnet-128',
    )
    .option(
      '--description <preset>',
      `preset that describes an ONNX file without a description: ${Object.keys(presets).join(', ')}`,
    );
}

export const selectOption = (fallback: string) =>
  new Option(
    '--select <face>',
    `which of several faces is embedded: the largest, or the one nearest the centre, weighted by size (default: ${fallback})`,
  ).choices(faceChoices);

export const faceSourceOption = (sources: readonly string[] = faceSources, more = '') =>
  new Option(
    '--face-source <source>',
    `where faces of a corpus come from: search each image, take the landmarks of the plain twin (manifest, optimistic for masked photos), or search first (auto)${more}`,
  )
    .choices(sources)
    .default('auto');

/** Flags as the API's options. */
export function toEmbedderOptions<Flags extends EmbedderFlags>({ landmarks, ...options }: Flags) {
  return { ...options, ...(landmarks !== undefined && { landmarkModel: landmarks }) };
}
