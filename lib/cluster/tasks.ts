import { invalid } from '../errors.js';
import { embedTask } from './embed.js';
import { generateTask } from './generate.js';
import { maskTask } from './mask.js';
import { scoreAllTask } from './score-all.js';
import type { Task } from './task.js';

/** The commands that ranks can do, by their words. */
export const tasks: Readonly<Record<string, Task>> = {
  mask: maskTask,
  'dataset generate': generateTask,
  embed: embedTask,
  'score-all': scoreAllTask,
};

/** Throws `INVALID_ARGUMENT`. */
export function taskOf(command: string): Task {
  const task = tasks[command];
  if (!task) throw invalid('command', `one of ${Object.keys(tasks).join(', ')}`, command);
  return task;
}
