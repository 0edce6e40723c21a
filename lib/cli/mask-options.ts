import { type Command, Option } from 'commander';
import { type MaskerOptions, selections } from '../mask/masker.js';
import { parseMaskTheFaceCode } from '../mask/templates/masktheface.js';
import { integer, number } from './numbers.js';
import { addSearchOptions } from './options.js';

/** Flags whose names differ from the API's options. */
export interface MaskFlags extends Omit<MaskerOptions, 'landmarkModel' | 'landmarks'> {
  landmarks?: string;
  code?: string;
}

/** Flags as the API's options. */
export function toMaskerOptions<Flags extends MaskFlags>({ landmarks, code, ...options }: Flags) {
  return {
    ...options,
    ...(code !== undefined && { style: parseMaskTheFaceCode(code, options.templates) }),
    ...(landmarks === 'template'
      ? { landmarks: 'template' as const }
      : landmarks !== undefined && { landmarkModel: landmarks }),
  };
}

/** The options that decide how masks look. */
export function addMaskOptions(command: Command): Command {
  return command
    .option(
      '--style <list>',
      'mask style: a name, or a list name[#rrggbb][@texture][:weight],… ("maskbench styles" shows all)',
      'a',
    )
    .option(
      '--color <color>',
      "mask colour: #rrggbb, a CSS colour name, or random (default: the style's own; white for a to f)",
    )
    .option(
      '--templates <folder>',
      "folder of your own templates, or MaskTheFace's library, to use instead of the built-in ones",
    )
    .addOption(
      new Option(
        '--code <code>',
        "mask styles in MaskTheFace's notation, such as cloth-#e54294,N95,surgical_blue",
      ).conflicts('style'),
    )
    .option('--tint-weight <share>', 'how strongly --color replaces the own colour of a template, 0 to 1', number, 1)
    .option(
      '--wear <list>',
      'how the mask is worn: correct, under-nose or chin, or a list with weights such as correct:8,chin:1',
      'correct',
    )
    .option(
      '--jitter <share>',
      'how far templates may be displaced at random, as a share of the distance between the eyes',
      number,
      0,
    )
    .option('--seed <n>', 'random seed for styles, colours, wear and jitter', integer, 0)
    .addOption(
      new Option(
        '--select <faces>',
        'which faces of a photo get a mask: the largest, the one nearest the centre weighted by size (central), all, or the only one (default: largest, but central where a data set has the person in the middle)',
      ).choices(selections),
    )
    .option(
      '--quality <n>',
      'quality of JPEG and WebP outputs, 1 to 100 (default: 95 for JPEG, lossless for WebP)',
      integer,
    )
    .option('--png-level <n>', 'compression level of PNG outputs, 0 (fastest) to 12 (smallest) (default: 1)', integer);
}

/** The options about reading photos and finding faces. */
export function addReadOptions(command: Command): Command {
  return addSearchOptions(command)
    .option('--max-pixels <n>', 'refuse photos with more pixels', integer, 100_000_000)
    .option('--accept-damaged', 'accept truncated JPEGs and use the readable part')
    .option(
      '--device <device>',
      'where faces are searched and masks are drawn: cpu, cuda, cuda:<n>, or auto (cuda if present)',
      'cpu',
    )
    .option('--device-memory <MiB>', 'device memory to use at most (default: half of it, up to 8 GiB)', integer)
    .option(
      '--concurrency <n>',
      'photos processed at once (default: the number of processors; 32 on a device)',
      integer,
    );
}
