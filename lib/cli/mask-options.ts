import { type Command, Option } from 'commander';
import { detectors, selections, styles } from '../mask/masker.js';
import { integer } from './numbers.js';

/** The options that decide how masks look. */
export function addMaskOptions(command: Command): Command {
  return command
    .addOption(new Option('--style <style>', 'how the mask looks').choices([...styles, 'random']).default('a'))
    .option('--color <color>', '#rrggbb, a CSS colour name, or random', 'white')
    .option('--seed <n>', 'what random choices are drawn from', integer, 0)
    .addOption(new Option('--select <faces>', 'which faces of a photo').choices(selections).default('largest'))
    .option('--upsample <n>', 'how often a photo is doubled before the search', integer, 1)
    .option('--quality <n>', 'of JPEG (95 if not given) and WebP (lossless if not given)', integer);
}

/** The options about reading photos and finding faces. */
export function addReadOptions(command: Command): Command {
  return command
    .addOption(new Option('--detector <name>', 'both find the same faces').choices(detectors).default('fast'))
    .option('--landmarks <file>', "dlib's 68-point shape predictor (also: MASKBENCH_LANDMARKS)")
    .option('--max-pixels <n>', 'refuse photos that declare more pixels', integer, 100_000_000)
    .option('--accept-damaged', 'use what can be read of truncated JPEGs')
    .option('--concurrency <n>', 'photos worked on at once (default: the processors)', integer);
}
