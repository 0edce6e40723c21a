import { measureThroughput } from 'maskbench';
import { printTable } from '../lib/cli/output.js';
import { throughputTables } from '../lib/report/throughput.js';
import { median } from '../lib/throughput/compare.js';
import { makeCorpus, shapes } from './corpus.js';
import type { BenchOptions } from './options.js';

/** The paper's Python program on one core of this kind of machine, photos a second, by corpus (stated in docs/speed.md). */
const paper: Record<string, number> = { 'lfw-size': 38, 'celeba-size': 47 };

/** Masks corpora folder to folder, and times the stages of one photo. */
export async function benchMasking({ quick, concurrencies, device }: BenchOptions): Promise<void> {
  for (const shape of shapes) {
    const count = quick ? 40 : 600;
    const measured = await measureThroughput({
      photos: await makeCorpus(shape, count),
      ...{ limit: count, concurrency: concurrencies, device, styles: ['a'], models: [], rounds: quick ? 1 : 3 },
    });
    console.log(`\n${shape.name}: ${count} photos of ${shape.width}×${shape.height}, ${shape.format}`);
    for (const { title, rows } of throughputTables(measured)) {
      console.log(title);
      printTable(rows);
    }
    for (const { threads, rates } of measured.cases)
      if (threads !== undefined)
        console.log(
          `${threads} thread${threads === 1 ? '' : 's'}: ${(median(rates) / (paper[shape.name] as number)).toFixed(2)} × the paper's Python on one core`,
        );
    console.log(`peak memory: ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`);
  }
}
