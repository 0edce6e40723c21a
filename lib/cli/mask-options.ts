import { type Command, Option } from 'commander';
import { detectors } from '../face/search.js';
import { type MaskerOptions, selections } from '../mask/masker.js';
import { parseMaskTheFaceCode } from '../mask/templates/masktheface.js';
import { integer, number } from './numbers.js';

/** What the options below are called where they differ from the API's. */
export interface MaskFlags extends Omit<MaskerOptions, 'landmarkModel'> {
  landmarks?: string;
  code?: string;
}

/** Flags as the API's options. */
export function toMaskerOptions<Flags extends MaskFlags>({ landmarks, code, ...options }: Flags) {
  return {
    ...options,
    ...(code !== undefined && { style: parseMaskTheFaceCode(code, options.templates) }),
    ...(landmarks !== undefined && { landmarkModel: landmarks }),
  };
}

/** The options that decide how masks look. */
export function addMaskOptions(command: Command): Command {
  return command
    .option(
      '--style <list>',
      'how the mask looks: a name, or a list name[#rrggbb][@texture][:weight],… ("maskbench styles")',
      'a',
    )
    .option('--color <color>', "#rrggbb, a CSS colour name, or random (default: the style's; white for a to f)")
    .option('--templates <folder>', "templates of your own, or MaskTheFace's library as it is")
    .addOption(new Option('--code <code>', "MaskTheFace's list: cloth-#e54294,N95,surgical_blue").conflicts('style'))
    .option('--tint-weight <share>', 'how much of its own colour a template loses to another, 0 to 1', number, 1)
    .option('--wear <list>', 'correct, under-nose or chin, or a list with weights: correct:8,chin:1', 'correct')
    .option('--jitter <share>', 'how far templates may sit off their place, in distances between the eyes', number, 0)
    .option('--seed <n>', 'what random choices are drawn from', integer, 0)
    .addOption(new Option('--select <faces>', 'which faces of a photo').choices(selections).default('largest'))
    .option('--quality <n>', 'of JPEG (95 if not given) and WebP (lossless if not given)', integer)
    .option('--png-level <n>', 'how hard PNG is compressed, 0 to 12 (1 if not given)', integer);
}

/** The options about reading photos and finding faces. */
export function addReadOptions(command: Command): Command {
  return command
    .addOption(new Option('--detector <name>', 'both find the same faces').choices(detectors).default('fast'))
    .option(
      '--upsample <n>',
      'how often a photo is doubled before the search; 0 is faster, finds faces from 80 pixels',
      integer,
      1,
    )
    .option('--min-face <pixels>', 'for speed: do not look for faces narrower than this', integer)
    .option('--max-size <pixels>', 'for speed: search photos made smaller until no side is longer', integer)
    .option('--landmarks <file>', "dlib's 68-point shape predictor (also: MASKBENCH_LANDMARKS)")
    .option('--max-pixels <n>', 'refuse photos that declare more pixels', integer, 100_000_000)
    .option('--accept-damaged', 'use what can be read of truncated JPEGs')
    .option(
      '--device <device>',
      'where faces are searched and masks drawn: cpu, cuda, cuda:<n>, or auto (cuda if it is there)',
      'cpu',
    )
    .option('--device-memory <MiB>', 'of the device, at most (default: half of it, 8 GiB at most)', integer)
    .option('--concurrency <n>', 'photos worked on at once (default: the processors; with a device 32)', integer);
}
