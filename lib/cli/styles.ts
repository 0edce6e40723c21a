import { Command } from 'commander';
import { knownStyles } from '../mask/styles.js';
import { readTemplates } from '../mask/templates/folder.js';
import { writeStyleSheet } from '../report/style-sheet.js';
import { type MaskFlags, toMaskerOptions } from './mask-options.js';
import { integer } from './numbers.js';
import { print, printJson, printTable } from './output.js';
import { Progress } from './progress.js';

interface Flags extends MaskFlags {
  out?: string;
  cell: number;
  json?: boolean;
}

export function stylesCommand(): Command {
  return new Command('styles')
    .description('list every style of mask, and draw them on photos')
    .argument('[photos...]', 'photos with a face, up to 20')
    .option('--out <file>', 'the contact sheet to draw, a PNG')
    .option('--templates <folder>', "templates of your own, or MaskTheFace's library: these instead of ours")
    .option('--color <color>', '#rrggbb, a CSS colour name, or random')
    .option('--wear <name>', 'correct, under-nose or chin')
    .option('--seed <n>', 'what random choices are drawn from', integer)
    .option('--cell <n>', "pixels of a picture's side", integer, 150)
    .option('--json', 'print the list as JSON')
    .addHelpText('after', '\nExample:\n  maskbench styles a.jpg b.jpg --out styles.png')
    .action(async (photos: string[], { out, cell, json, ...options }: Flags, command: Command) => {
      const known =
        options.templates === undefined
          ? knownStyles
          : (await readTemplates(options.templates)).map(({ name, title, colors }) => ({ name, title, colors }));
      if (out === undefined) {
        if (photos.length > 0) command.error("error: required option '--out <file>' not specified");
        if (json) return printJson(known);
        printTable([
          ['style', 'usual colours', ''],
          ...known.map(({ name, title, colors }) => [name, colors.join(' '), title]),
        ]);
        print('lists: name[#rrggbb][@texture][:weight],…; random is one of a to f, realistic one of the templates');
        return;
      }
      const progress = new Progress('styles');
      const names = known.map(({ name }) => name);
      await writeStyleSheet(
        out,
        { photos, styles: names },
        {
          ...toMaskerOptions(options),
          cell,
          onProgress: ({ done, total }) => progress.update(done, total),
        },
      );
      progress.stop();
      print(`${names.length} styles on ${photos.length} photos: ${out}`);
    });
}
