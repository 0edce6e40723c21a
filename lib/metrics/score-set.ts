import { checkFlag, checkInteger, checkNumber, checkNumbers, checkText, invalid, MaskbenchError } from '../errors.js';
import { native } from '../native.js';
import { checkMeasuring } from './arguments.js';

/** Error rates at a threshold. */
export interface Rates {
  /** A score, in its own units; where nothing matches `Infinity`, of distances `-Infinity`. */
  threshold: number;
  /** False match rate: share of impostor comparisons that match, [0, 1]. */
  fmr: number;
  /** False non-match rate: share of genuine comparisons that do not match, [0, 1]. */
  fnmr: number;
}

/** {@link Rates} at the threshold that a target asks for. */
export interface OperatingPoint extends Rates {
  target: number;
}

/**
 * Threshold-free measures, `exact` definition (ISO/IEC 19795-1: a match is score ≥ threshold, of distances score ≤
 * threshold).
 */
export interface ExactMeasures {
  /** Equal error rate by linear interpolation between the neighbouring points where FNMR − FMR changes sign. */
  eer: number;
  /** The score nearest to where the two are equal. */
  eerThreshold: number;
  /** Equal error rate of the lower-left convex hull of the (FMR, FNMR) points. */
  eerHull: number;
  /** Area under the ROC, ties counted as one half. */
  auc: number;
  /**
   * |mean genuine − mean impostor| / √((variance genuine + variance impostor) / 2), variances divided by n. Null, for
   * undefined, where that deviation is 0 within rounding.
   */
  dPrime: number | null;
  /** Cost of the best monotone calibration, in bits (Brümmer and du Preez 2006), by pool-adjacent-violators. */
  minCllr: number;
}

/** The paper's measures: a match is similarity > threshold, at 50 thresholds evenly from 1 to 0. */
export interface PaperMeasures {
  /** Mean of FMR and FNMR at the first threshold with the smallest difference. */
  eer: number;
  /** Smallest FNMR at which FMR < 0.01; 1 where there is none. */
  fnmr100: number;
  /** Smallest FNMR at which FMR < 0.001; 1 where there is none. */
  fnmr1000: number;
  /** Smallest FNMR at which FMR = 0; 1 where there is none. */
  fnmr0: number;
}

/**
 * Points of a curve, thresholds from the most lenient to the strictest (of distances descending): FMR falls from 1 to
 * 0, FNMR rises from 0 to 1.
 */
export interface ErrorCurve {
  thresholds: Float64Array;
  fmr: Float64Array;
  fnmr: Float64Array;
}

export interface ScoreHistogram {
  low: number;
  high: number;
  /** Counts in equal bins over [low, high]. */
  genuine: Float64Array;
  impostor: Float64Array;
}

/** Whether so many comparisons can show a rate, with a little room for 1 / `rate` not being whole in binary. */
export const supports = (comparisons: number, rate: number) => comparisons * rate >= 1 - 1e-9;

/** Numbers: 0 impostor, 1 genuine, 2 a comparison to leave out. */
export type Labels = ArrayLike<number>;

/** `count` numbers evenly from 1 to 0, as the paper's program makes them with NumPy. */
export function paperThresholds(count: number): number[] {
  const step = -1 / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? 0 : i * step + 1));
}

/**
 * Genuine and impostor scores, sorted once in the addon: everything else is quick.
 * @example
 * const set = await ScoreSet.from([0.9, 0.8, 0.3, 0.1], [1, 1, 0, 0]);
 * set.fnmrAtFmr(0.01).fnmr; // 0
 */
export class ScoreSet {
  readonly #native: InstanceType<typeof native.ScoreSet>;
  readonly #source: string;
  readonly #distance: boolean;

  private constructor(
    scores: InstanceType<typeof native.ScoreSet>,
    { source, distance }: { source: string; distance: boolean },
    /** How many genuine scores there are. */
    readonly genuine: number,
    /** How many impostor scores there are. */
    readonly impostor: number,
  ) {
    this.#native = scores;
    this.#source = source;
    this.#distance = distance;
  }

  /**
   * @param scores Similarities [n]; with `distance`, distances: thresholds are distances then too.
   * @param labels [n]: 1 genuine, 0 impostor, 2 left out
   * @param options `source` names the scores in errors.
   * @throws `MaskbenchError` `INVALID_ARGUMENT`: another length, a score that is not a number, no genuine or no
   * impostor score
   */
  static async from(
    scores: Float64Array | Float32Array | readonly number[],
    labels: Labels,
    options: { distance?: boolean; source?: string } = {},
  ): Promise<ScoreSet> {
    checkNumbers('scores', scores);
    checkNumbers('labels', labels);
    checkMeasuring(options);
    checkFlag('distance', options.distance);
    const { distance = false } = options;
    const source = checkText('source', options.source ?? 'scores');
    const refuse = (problem: string) => new MaskbenchError('INVALID_ARGUMENT', source, `${source}: ${problem}`);
    if (scores.length !== labels.length) throw refuse(`${scores.length} scores for ${labels.length} labels`);
    const numbers = ArrayBuffer.isView(scores) ? scores : Float64Array.from(scores);
    const marks = labels instanceof Uint8Array ? labels : Uint8Array.from(labels);
    let genuine = 0;
    let impostor = 0;
    for (let i = 0; i < labels.length; i++) {
      if (labels[i] === 1) genuine++;
      else if (labels[i] === 0) impostor++;
      else if (labels[i] !== 2) throw refuse(`label ${i + 1} is ${labels[i]}, expected 0, 1 or 2`);
    }
    if (genuine === 0 || impostor === 0)
      throw refuse(`expected genuine and impostor comparisons, found ${genuine} genuine and ${impostor} impostor`);
    const set = new native.ScoreSet();
    const wrong = await set.load(numbers, marks, distance);
    if (wrong !== undefined) throw refuse(`score ${wrong + 1} is ${numbers[wrong]}`);
    return new ScoreSet(set, { source, distance }, genuine, impostor);
  }

  /** Threshold-free measures of the `exact` definition. */
  async measure(): Promise<ExactMeasures> {
    const { eerCrossing, eerThreshold, ...others } = await this.#native.measure();
    return { eer: eerCrossing, eerThreshold: this.#turned(eerThreshold), ...others };
  }

  /**
   * FNMR at the smallest threshold (a score or infinity) with FMR ≤ `target`; not interpolated. TAR@FAR is 1 − FNMR.
   * @throws `MaskbenchError` `INVALID_ARGUMENT` where there are fewer than 1 / `target` impostor scores
   */
  fnmrAtFmr(target: number): OperatingPoint {
    checkNumber('target', target, 0, 1);
    return { target, ...this.#own(this.#native.atFmr(this.#supported('FMR', target, this.impostor))) };
  }

  /** FMR at the largest threshold with FNMR ≤ `target`. Throws as {@link ScoreSet.fnmrAtFmr}. */
  fmrAtFnmr(target: number): OperatingPoint {
    checkNumber('target', target, 0, 1);
    return { target, ...this.#own(this.#native.atFnmr(this.#supported('FNMR', target, this.genuine))) };
  }

  /** Rates where a match is score ≥ `threshold`, of distances score ≤ `threshold`. */
  at(threshold: number): Rates {
    if (typeof threshold !== 'number' || Number.isNaN(threshold)) throw invalid('threshold', 'a number', threshold);
    return this.#own(this.#native.at(this.#turned(threshold), false));
  }

  /** Points for drawing; with more than `most` distinct scores, about 2,000 that lie visibly apart on any axes. */
  async curve(most = 2000): Promise<ErrorCurve> {
    checkInteger('most', most, 1, 2 ** 31 - 1);
    const { thresholds, ...rates } = await this.#native.curve(most);
    return { thresholds: thresholds.map((threshold) => this.#turned(threshold)), ...rates };
  }

  async histogram(bins = 60): Promise<ScoreHistogram> {
    checkInteger('bins', bins, 1, 2 ** 24);
    const { low, high, genuine, impostor } = await this.#native.histogram(bins);
    if (!this.#distance) return { low, high, genuine, impostor };
    return {
      low: this.#turned(high),
      high: this.#turned(low),
      genuine: genuine.reverse(),
      impostor: impostor.reverse(),
    };
  }

  /** The paper's rates at `count` thresholds evenly from 1 to 0: a match is score > threshold. */
  paperCurve(count: number): Rates[] {
    checkInteger('count', count, 2, 1_000_000);
    const { threshold: lowest } = this.#native.atFmr(1);
    if (this.#distance || lowest < 0 || this.#native.at(1, true).fmr > 0 || this.#native.at(1, true).fnmr < 1)
      throw new MaskbenchError(
        'INVALID_ARGUMENT',
        this.#source,
        `${this.#source}: the paper's definition needs similarities from 0 to 1`,
      );
    return paperThresholds(count).map((threshold) => this.#native.at(threshold, true));
  }

  /** The paper's measures. Throws `INVALID_ARGUMENT` for scores outside [0, 1]. */
  paper(): PaperMeasures {
    const rates = this.paperCurve(50);
    let nearest = rates[0] as Rates;
    for (const point of rates)
      if (Math.abs(point.fmr - point.fnmr) < Math.abs(nearest.fmr - nearest.fnmr)) nearest = point;
    const smallest = (allowed: (fmr: number) => boolean) =>
      Math.min(1, ...rates.filter(({ fmr }) => allowed(fmr)).map(({ fnmr }) => fnmr));
    return {
      eer: (nearest.fmr + nearest.fnmr) / 2,
      fnmr100: smallest((fmr) => fmr < 0.01),
      fnmr1000: smallest((fmr) => fmr < 0.001),
      fnmr0: smallest((fmr) => fmr === 0),
    };
  }

  /** The addon knows similarities only: distances are negated for it, and what it says of them is turned back. */
  #turned(threshold: number): number {
    // Not −0.
    return this.#distance ? 0 - threshold : threshold;
  }

  #own(rates: Rates): Rates {
    return { ...rates, threshold: this.#turned(rates.threshold) };
  }

  #supported(rate: string, target: number, comparisons: number): number {
    if (!(target > 0 && target <= 1))
      throw new MaskbenchError(
        'INVALID_ARGUMENT',
        rate,
        `expected a rate above 0 and up to 1 for ${rate}, received ${target}`,
      );
    if (!supports(comparisons, target))
      throw new MaskbenchError(
        'INVALID_ARGUMENT',
        this.#source,
        `${this.#source}: ${rate} ${target} needs at least ${Math.ceil(1 / target)} comparisons, there are ${comparisons}`,
      );
    return target;
  }
}
