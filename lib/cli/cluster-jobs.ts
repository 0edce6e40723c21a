import type { Command } from 'commander';
import type { Job } from '../cluster/plan.js';
import { invalid } from '../errors.js';
import { type GenerateFlags, generateCommand } from './dataset.js';
import { type EmbedCommandFlags, embedCommand } from './embed.js';
import { toEmbedderOptions } from './embed-options.js';
import { type MaskCommandFlags, maskCommand } from './mask.js';
import { toMaskerOptions } from './mask-options.js';
import { type ScoreAllFlags, scoreAllRunCommand } from './score-all.js';

/** What a command would be called with. */
async function callOf<Args extends unknown[]>(command: Command, words: readonly string[]): Promise<Args> {
  let call: Args | undefined;
  command.exitOverride().action((...args) => {
    call = args as unknown as Args;
  });
  await command.parseAsync([...words], { from: 'user' });
  return call as Args;
}

/** Command lines that ranks can do. */
const readers: Record<string, (words: readonly string[]) => Promise<Omit<Job, 'command'>>> = {
  mask: async (words) => {
    const [inputs, { out, json: _, ...flags }] = await callOf<[string[], MaskCommandFlags]>(maskCommand(), words);
    return { inputs, out, options: { ...toMaskerOptions(flags) } };
  },
  'dataset generate': async (words) => {
    const [{ base, out, json: _, ...flags }] = await callOf<[GenerateFlags]>(generateCommand(), words);
    return { inputs: [base], out, options: { ...toMaskerOptions(flags) } };
  },
  embed: async (words) => {
    const [inputs, { out, json: _, ...flags }] = await callOf<[string[], EmbedCommandFlags]>(embedCommand(), words);
    return { inputs, out, options: { ...toEmbedderOptions(flags) } };
  },
  'score-all': async (words) => {
    const [{ vectors, out, json: _, ...flags }] = await callOf<[ScoreAllFlags]>(scoreAllRunCommand(), words);
    return { inputs: [vectors], out, options: { ...flags } };
  },
};

/** Reads a command line that ranks can do. Throws `INVALID_ARGUMENT` where it is another. */
export async function readJob(words: readonly string[]): Promise<Job> {
  const command = Object.keys(readers).find((name) => name.split(' ').every((word, i) => words[i] === word));
  const read = readers[command ?? ''];
  if (!command || !read)
    throw invalid('command', `one of ${Object.keys(readers).join(', ')}`, words.slice(0, 2).join(' '));
  return { command, ...(await read(words.slice(command.split(' ').length))) };
}
