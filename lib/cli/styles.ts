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
    .description('list every mask style, or draw all of them on photos')
    .argument('[photos...]', 'up to 20 photos with a face')
    .option('--out <file>', 'write the drawn styles to this file (PNG)')
    .option(
      '--templates <folder>',
      "folder of your own templates, or MaskTheFace's library, to use instead of the built-in ones",
    )
    .option('--color <color>', "mask colour: #rrggbb, a CSS colour name, or random (default: the style's own)")
    .option('--wear <name>', 'how the mask is worn: correct, under-nose or chin (default: correct)')
    .option('--seed <n>', 'random seed for random colours (default: 0)', integer)
    .option('--cell <n>', 'width and height of each picture in pixels', integer, 150)
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
        print(
          'A list name[#rrggbb][@texture][:weight],… draws one of its styles for each face; "random" draws one of a to f, "realistic" one of the templates.',
        );
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
