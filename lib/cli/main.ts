#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../package-root.js';
import { commandLine } from './command-line.js';
import { commands } from './commands.js';
import { fail, outliveReaders, warn } from './output.js';

const { version, description } = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8')) as {
  version: string;
  description: string;
};
const program = new Command('maskbench')
  .description(description)
  .version(version)
  .showHelpAfterError('see maskbench --help')
  .enablePositionalOptions()
  .exitOverride();

/** Gives a command what all have. `above`: the words before its own. */
function adopt(command: Command, parent: Command, above = parent.name()): Command {
  const words = `${above} ${command.name()}`;
  command.copyInheritedSettings(parent).showHelpAfterError(`see ${words} --help`);
  for (const option of command.options) if (option.mandatory) option.description += ' (required)';
  for (const part of command.commands) adopt(part, command, words);
  return command;
}

program.hook('preAction', (_, command) => {
  // mask writes a tar there.
  for (const name of ['out', 'manifest'])
    if (command.opts()[name] === '-' && !(name === 'out' && command.name() === 'mask'))
      command.error(`error: --${name} -: expected a name; standard output is not written to`);
});
outliveReaders();
// Node would add where warnings were made, which helps nobody here.
process.removeAllListeners('warning').on('warning', ({ message }) => warn(message));

try {
  const [asked = ''] = process.argv.slice(2);
  // Loading takes longer than starting Node; only help and wrong words need every command.
  const wanted = ['--version', '-V'].includes(asked) ? [] : Object.entries(commands);
  for (const [name, load] of wanted)
    if (!Object.hasOwn(commands, asked) || asked === name) program.addCommand(adopt(await load(), program));
  await program.parseAsync(commandLine(), { from: 'user' });
} catch (error) {
  process.exitCode = fail(error);
}
