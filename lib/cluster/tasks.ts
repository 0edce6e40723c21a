import { invalid } from '../errors.js';
import type { Task } from './task.js';

/** The commands that ranks can do, by their words. */
const tasks: Readonly<Record<string, () => Promise<Task>>> = {
  mask: async () => (await import('./mask.js')).maskTask,
  'dataset generate': async () => (await import('./generate.js')).generateTask,
  embed: async () => (await import('./embed.js')).embedTask,
  'score-all': async () => (await import('./score-all.js')).scoreAllTask,
};

export const commandsInRanks = Object.keys(tasks);

/** Throws `INVALID_ARGUMENT`. */
export async function taskOf(command: string): Promise<Task> {
  const load = Object.hasOwn(tasks, command) ? tasks[command] : undefined;
  if (!load) throw invalid('command', `one of ${commandsInRanks.join(', ')}`, command);
  return load();
}
