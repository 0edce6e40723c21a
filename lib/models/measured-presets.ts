/** What was measured of one preset. Equal error rates are null where there were no comparisons. */
export interface MeasuredPreset {
  /** Size of the model's file. */
  bytes: number;
  dimensions: number;
  /** Processor time a face, of a ready crop on one thread. */
  milliseconds: number | null;
  /** By the two sides that were compared. */
  eer: Record<string, number | null>;
  /** Plain–plain EER by colour order and mean, where the source of the weights leaves them open. */
  inputs?: { colors: 'RGB' | 'BGR'; mean: number; eer: number | null }[];
}

/** The measurement that `models list` shows. */
export interface Measured {
  date: string;
  sample: string;
  command: string;
  presets: Record<string, MeasuredPreset>;
}
