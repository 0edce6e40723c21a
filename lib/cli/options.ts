import { type Command, Option } from 'commander';
import { MaskbenchError } from '../errors.js';
import { hogDetectors } from '../face/search.js';
import { detectorPresets } from '../models/detectors/presets.js';
import { vectorSimilarities } from '../models/similarity.js';
import { integer, number } from './numbers.js';

/** How the vectors of an index are compared. */
export const vectorSimilarityOption = () =>
  new Option(
    '--similarity <name>',
    "how vectors are compared (default: as the model's description says, which the index names)",
  ).choices(vectorSimilarities);

/** The options of every command that searches faces. */
export function addSearchOptions(command: Command): Command {
  return command
    .option(
      '--detector <detector>',
      `face detector: ${[...hogDetectors, ...Object.keys(detectorPresets)].join(', ')}, or an ONNX file with a description beside it (<name>.json); hog and dlib find the same faces`,
    )
    .option('--min-score <score>', "leave out faces with a lower score (default: the detector's own)", number)
    .option(
      '--pad <share>',
      "put a border around photos for the search, as a share of the longer side, so that a face that fills the photo is found (default: the detector's own; hog: 0)",
      number,
    )
    .option(
      '--min-face <pixels>',
      'for speed: do not search for faces narrower than this (default: hog: 0, all sizes; others: a 96th of the longer side, at least 20; blazeface-full-range: 12 in small photos where it finds none)',
      integer,
    )
    .option(
      '--upsample <n>',
      'of hog and dlib: how often a photo is doubled in size before the search: 1 finds faces from 40 pixels, 0 from 80 pixels and faster (default: 1)',
      integer,
    )
    .option(
      '--max-size <pixels>',
      'of hog, for speed: shrink photos for the search until no side is longer (default: do not shrink)',
      integer,
    )
    .option(
      '--landmarks <model>',
      'what predicts landmarks: dlib-68, face-api-68, or a file in the format of dlib\'s shape predictor (default: the environment variable MASKBENCH_LANDMARKS; dlib-68 of Debian\'s libdlib-data or as "models fetch" downloaded it; face-api-68 if there is neither)',
    );
}

/**
 * Refuses options that were given but have no effect.
 * @param rules The name of the option among the flags, whether it has an effect, and what it needs to have one.
 * @throws {@link MaskbenchError} `INVALID_ARGUMENT`
 */
export function refuseIdle(command: Command, rules: [flag: string, hasEffect: boolean, needed: string][]): void {
  for (const [flag, hasEffect, needed] of rules) {
    if (hasEffect || command.getOptionValueSource(flag) !== 'cli') continue;
    const name = command.options.find((option) => option.attributeName() === flag)?.long ?? flag;
    throw new MaskbenchError('INVALID_ARGUMENT', name, `${name} has no effect: it needs ${needed}`);
  }
}
