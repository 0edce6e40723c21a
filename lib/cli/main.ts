#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../package-root.js';
import { commands } from './commands.js';
import { fail } from './output.js';

const { version, description } = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8')) as {
  version: string;
  description: string;
};
const program = new Command('maskbench')
  .description(description)
  .version(version)
  .showHelpAfterError()
  .enablePositionalOptions()
  .exitOverride();
const [asked = ''] = process.argv.slice(2);
for (const [name, load] of Object.entries(commands))
  if (!Object.hasOwn(commands, asked) || asked === name)
    program.addCommand((await load()).copyInheritedSettings(program));

// Whoever reads our output may stop early, as head does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = fail(error);
}
