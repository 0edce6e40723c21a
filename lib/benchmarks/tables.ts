import type { PaperMeasures } from '../metrics/score-set.js';
import { type DataSet, dataSets, type Measure, publishedTables } from './published.js';

/** One cell of a regenerated table. */
export interface BenchmarkCell {
  /** As printed in the paper. */
  published: string;
  /** Ours, whole. */
  value?: number;
  /** Whether ours rounds to what was published. */
  equal?: boolean;
  /** Why there is no value. */
  missing?: string;
}

/** A published table, regenerated. */
export interface BenchmarkTable {
  name: string;
  title: string;
  columns: string[];
  rows: { dataSet: DataSet; cells: BenchmarkCell[] }[];
  /** Cells equal at the published precision, different, not regenerable. */
  counts: { equal: number; different: number; missing: number };
  notes: string[];
}

/**
 * Whether a number rounds to a printed one. Six places were printed by the program and cut from longer numbers; three
 * were written by hand, so a 5 that is next may have gone either way (0.0125 stands as 0.013).
 */
function roundsTo(value: number, printed: string, places: number): boolean {
  return Math.abs(value - Number(printed)) <= 0.5 * 10 ** -places + 1e-9;
}

/**
 * Regenerates the published tables.
 * @param measure The paper's measures of a system (several: of their mean) on a data set, or why there are none.
 */
export function regenerateTables(
  measure: (systems: string[], dataSet: DataSet) => PaperMeasures | string,
): BenchmarkTable[] {
  return publishedTables.map(({ name, title, columns, notes }) => {
    const counts = { equal: 0, different: 0, missing: 0 };
    const places = Math.max(
      ...columns.flatMap(({ values }) => values.map((value) => (value.split('.')[1] ?? '').length)),
    );
    const rows = dataSets.map((dataSet, row) => ({
      dataSet,
      cells: columns.map(({ systems, measure: wanted, values }): BenchmarkCell => {
        const published = values[row] as string;
        const found = measure(systems, dataSet);
        if (typeof found === 'string') {
          counts.missing++;
          return { published, missing: found };
        }
        const value = found[wanted satisfies Measure];
        const equal = roundsTo(value, published, places);
        counts[equal ? 'equal' : 'different']++;
        return { published, value, equal };
      }),
    }));
    return { name, title, columns: columns.map((column) => column.title), rows, counts, notes };
  });
}
