/** What every benchmark is given. */
export interface BenchOptions {
  /** Small enough for a smoke test; the figures mean nothing. */
  quick: boolean;
  concurrencies: number[];
  /** Photos of the event loop and data set benchmarks. */
  photos: number;
  /** A corpus of a data set with real masks. */
  real: string | undefined;
  /** Face detectors whose recall is measured. */
  detectors: string[];
  /** Where what can be is done: masking, embedding, all pairs. */
  device: string;
}
