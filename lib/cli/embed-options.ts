import { type Command, Option } from 'commander';
import type { EmbedderOptions } from '../embed/embedder.js';
import { faceSources } from '../embed/files.js';
import { presets } from '../models/presets.js';
import { integer } from './numbers.js';

/** The flags of {@link addEmbedderOptions}. */
export interface EmbedderFlags extends Omit<EmbedderOptions, 'landmarkModel'> {
  landmarks?: string;
}

/** The options of commands that run a model. */
export function addEmbedderOptions(command: Command): Command {
  return command
    .option('--device <device>', 'cpu, cuda, cuda:<n>, or auto (cuda if it is there)', 'cpu')
    .option('--concurrency <n>', 'photos and batches worked on at once (default: the processors)', integer)
    .option('--max-batch <n>', 'faces a batch at most', integer, 16)
    .option('--landmarks <file>', "dlib's 68-point shape predictor (also: MASKBENCH_LANDMARKS)");
}

/** Which model. */
export function addModelOptions(command: Command): Command {
  return command
    .option(
      '--model <model>',
      'dlib-resnet-128, or an ONNX file with its description beside it (<name>.json)',
      'dlib-resnet-128',
    )
    .option('--description <preset>', `of an ONNX file without one: ${Object.keys(presets).join(', ')}`);
}

export const faceSourceOption = () =>
  new Option(
    '--face-source <how>',
    "faces of a corpus: searched on each image (detect), cut by the plain twin's landmarks (manifest, optimistic), or searched first (auto)",
  )
    .choices(faceSources)
    .default('auto');

/** Flags as the API's options. */
export function toEmbedderOptions<Flags extends EmbedderFlags>({ landmarks, ...options }: Flags) {
  return { ...options, ...(landmarks !== undefined && { landmarkModel: landmarks }) };
}
