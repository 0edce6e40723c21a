import { Command } from 'commander';
import { convertTable } from '../embed/convert.js';
import { print } from './output.js';

export function convertCommand(): Command {
  return new Command('convert')
    .description('write a manifest, an index, a pair list or scores as Parquet, or from Parquet as text')
    .argument('<from>', 'a .jsonl, .txt, .csv or .parquet file')
    .argument('<to>', 'the file to write: .parquet, or for a .parquet file .jsonl, .txt or .csv')
    .action(async (from: string, to: string) => print(`${await convertTable(from, to)}: ${to}`));
}
