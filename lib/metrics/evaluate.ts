import { checkChoice, checkInteger, checkRates, invalid, MaskbenchError } from '../errors.js';
import { presetProvenance } from '../models/presets.js';
import { isSamePhoto, type Pair, pairIdentity, pairPath } from '../pairs/list.js';
import { checkComparisons, checkMeasuring, checkSystems } from './arguments.js';
import { type Comparisons, checkAgreement } from './comparisons.js';
import { type FoldedRates, measureFolds } from './folds.js';
import { cllr } from './fusion.js';
import { type Attributes, comparisonsOfGroups } from './groups.js';
import {
  bootstrap,
  type Draws,
  doubt,
  type Estimate,
  estimateShare,
  percentileInterval,
  type Resampled,
} from './intervals.js';
import type { SystemScores } from './score-files.js';
import {
  type ErrorCurve,
  type ExactMeasures,
  type PaperMeasures,
  type Rates,
  type ScoreHistogram,
  ScoreSet,
  supports,
} from './score-set.js';

export const definitions = ['exact', 'paper'] as const;
/**
 * How rates are counted. `exact`: a match is score ≥ threshold (of distances, score ≤ threshold), thresholds are the
 * scores themselves (ISO/IEC 19795-1). `paper`: a match is similarity > threshold, at 50 thresholds evenly from 1 to 0.
 */
export type Definition = (typeof definitions)[number];

export const protocols = ['insightface'] as const;
/** A published way to count, beside the rates that are always given: `insightface` is accuracy and TAR over ten folds. */
export type Protocol = (typeof protocols)[number];

/** Options of {@link evaluate}. */
export interface EvaluateOptions {
  /** Default `exact`. */
  definition?: Definition;
  /**
   * Adds accuracy and TAR by InsightFace's ten folds. Scores must be cosine similarities, or squared distances of
   * normalised vectors.
   */
  protocol?: Protocol;
  /**
   * FMR targets for FNMR@FMR. Default 0.1, 0.01, 0.001, 0.0001; targets that the sample cannot support are named in the
   * notes.
   */
  fmr?: readonly number[];
  /** FNMR targets for FMR@FNMR. Default 0.1, 0.01. */
  fnmr?: readonly number[];
  /**
   * A threshold fixed beforehand, at which rates and groups are given, in the scores' own units: one for all systems,
   * or one by a system's name; systems without one have no such rates.
   */
  threshold?: number | Record<string, number>;
  /**
   * Takes that threshold from each system's plain–plain comparisons, at this FMR (NISTIR 8311 and 8331 use 1e-5); FNMR
   * and FMR are then given for plain–masked and masked–masked comparisons too.
   */
  plainFmr?: number;
  /** Bootstrap draws for 95% intervals; 0 for none. Default 1000, none for more than a million comparisons. */
  draws?: number;
  /** Random seed for the bootstrap. Default 0. */
  seed?: number;
  /** Rates are also given for each group, from {@link readGroups}. */
  groups?: Attributes;
  signal?: AbortSignal;
}

/** Failure to acquire: photos that gave no template. A photo counts if all its comparisons failed. */
export interface Acquisition {
  plain: Estimate;
  masked: Estimate;
  /** References without a template: failures to enrol. */
  references: Estimate;
  /** Probes without a template. */
  probes: Estimate;
}

/** Rates at one threshold. */
export interface ThresholdRates {
  threshold: number;
  /** Over completed comparisons. */
  fmr: Estimate;
  fnmr: Estimate;
  /** Failed comparisons counted as non-matches. */
  far: Estimate;
  frr: Estimate;
}

/** {@link ThresholdRates} that a target asked for. */
export interface TargetRates extends ThresholdRates {
  target: number;
}

/** Rates of some of the comparisons at the operating threshold. */
export interface PartRates extends ThresholdRates {
  /** `plain–masked`, say; or an attribute and its value. */
  name: string;
  genuine: number;
  impostor: number;
  /** Photos without a template; groups only. */
  acquisition?: Acquisition;
}

/** Threshold-free measures with their intervals. */
export interface MeasureEstimates extends Omit<ExactMeasures, 'eer' | 'auc'> {
  eer: Estimate;
  auc: Estimate;
}

/**
 * The threshold that groups, kinds of masking and the worst errors are given at; its rates are over all comparisons.
 */
export interface OperatingRates extends ThresholdRates {
  /** How it was chosen: `given`; `FMR` and `target`; `plain–plain FMR` and `target`. */
  by: 'given' | 'FMR' | 'plain–plain FMR';
  target?: number;
}

/** What the scores of one system say. Thresholds are in its scores' own units. */
export interface SystemEvaluation {
  name: string;
  /** Scores are distances: a match is score ≤ threshold. */
  distance: boolean;
  /** As {@link SystemScores} has them. */
  model?: string;
  similarity?: string;
  /** Completed comparisons. */
  genuine: number;
  impostor: number;
  /** Comparisons without a score. */
  failed: { genuine: number; impostor: number };
  /** Present if a pair list names the photos. */
  acquisition?: Acquisition;
  /** `paper` definition only. */
  paper?: PaperMeasures;
  /** Protocol `insightface` only. */
  folds?: FoldedRates;
  measures: MeasureEstimates;
  /** Log-likelihood ratios only: their cost in bits. */
  cllr?: number;
  fnmrAtFmr: TargetRates[];
  fmrAtFnmr: TargetRates[];
  /** At the threshold that was given, or taken from plain–plain comparisons. */
  atThreshold?: ThresholdRates;
  /**
   * Where `groups` and `maskings` stand: the threshold of `atThreshold`, or else that of the smallest FMR target that
   * all systems support.
   */
  operating?: OperatingRates;
  /** By kind of masking; failed comparisons are non-matches in `far` and `frr`. */
  maskings?: PartRates[];
  groups?: PartRates[];
  /** The same without comparisons of a photo and its own twin, where there are any. */
  withoutSamePhoto?: { genuine: number; eer: number; fnmrAtFmr: (Rates & { target: number })[]; paper?: PaperMeasures };
  curve: ErrorCurve;
  histogram: ScoreHistogram;
  /** What a reader should know. */
  notes: string[];
}

/** A system minus the first, with the interval of shared draws, over the comparisons that both have. */
export interface Difference {
  name: string;
  genuine: number;
  impostor: number;
  eer: Estimate;
  /** Its EER as a multiple of the first's; absent where that is 0. */
  eerRatio?: Estimate;
  fnmrAtFmr: (Estimate & { target: number })[];
}

/** The result of {@link evaluate}. */
export interface Evaluation {
  definition: Definition;
  genuine: number;
  impostor: number;
  /** Genuine comparisons of a photo with itself or its own masked twin. */
  samePhoto: number;
  identities?: number;
  /** How intervals were made. */
  intervals: string;
  systems: SystemEvaluation[];
  /** Each further system against the first. */
  differences: Difference[];
  notes: string[];
}

const left = 2;

/** Measures of one system on some comparisons, and the draws that they vary by. */
interface Measured {
  set: ScoreSet;
  eer: number;
  eerDraws?: Float64Array | undefined;
  points: { target: number; fnmr: number; draws?: Float64Array | undefined }[];
}

/** What stays the same for all systems. */
class Evaluator {
  readonly #comparisons: Comparisons;
  readonly #options: EvaluateOptions;
  readonly #first = new Int32Array(0);
  readonly #second = new Int32Array(0);
  readonly draws: number;
  readonly identities: number | undefined;
  readonly samePhoto: boolean[];
  /** The smallest FMR target that all systems support. */
  readonly #commonFmr: number | undefined;

  constructor(systems: readonly SystemScores[], comparisons: Comparisons, options: EvaluateOptions) {
    this.#comparisons = comparisons;
    this.#options = options;
    const usual = comparisons.labels.length > 1_000_000 ? 0 : 1000;
    this.draws = checkInteger('draws', options.draws ?? usual, 0, 1_000_000);
    // Not by filter: it lists what it keeps, in eight bytes each.
    const impostors = (labels: Uint8Array) => labels.reduce((count, label) => count + Number(label === 0), 0);
    const fewest = Math.min(...systems.map((system) => impostors(this.#labelsOf(system))));
    const common = fmrTargets(options).filter((target) => supports(fewest, target));
    if (common.length > 0) this.#commonFmr = Math.min(...common);
    const { pairs } = comparisons;
    this.samePhoto = pairs?.map(isSamePhoto) ?? [];
    if (!pairs) return;
    const numbers = new Map<string, number>();
    const numberOf = (name: string) => {
      const identity = pairIdentity(name);
      const known = numbers.get(identity);
      if (known === undefined) numbers.set(identity, numbers.size);
      return known ?? numbers.size - 1;
    };
    this.#first = Int32Array.from(pairs, ({ reference }) => numberOf(reference));
    this.#second = Int32Array.from(pairs, ({ probe }) => numberOf(probe));
    this.identities = numbers.size;
  }

  async evaluate(system: SystemScores): Promise<{ evaluation: SystemEvaluation; measured: Measured }> {
    const { definition = 'exact', plainFmr } = this.#options;
    const { distance = false, model, similarity } = system;
    const labels = this.#labelsOf(system);
    const set = await ScoreSet.from(system.scores, labels, { distance, source: system.name });
    const notes = presetProvenance(model);
    const supported = (rate: string, targets: readonly number[], of: number) => {
      const given = targets.filter((target) => supports(of, target));
      if (given.length < targets.length)
        notes.push(`${of} comparisons cannot support ${rate} targets below ${(1 / of).toPrecision(3)} (1/N)`);
      return given;
    };
    const fmrPoints = supported('FMR', fmrTargets(this.#options), set.impostor).map((target) => set.fnmrAtFmr(target));
    const fnmrPoints = supported('FNMR', this.#options.fnmr ?? [0.1, 0.01], set.genuine).map((target) =>
      set.fmrAtFnmr(target),
    );
    const { threshold: wanted } = this.#options;
    const threshold =
      plainFmr === undefined
        ? typeof wanted === 'object'
          ? wanted[system.name]
          : wanted
        : await this.#plainThreshold(system, plainFmr);
    const fixed = [...fmrPoints, ...fnmrPoints].map((point) => point.threshold);
    if (threshold !== undefined) fixed.push(threshold);
    const draws = await this.#resample(system, labels, {
      fmr: fmrPoints.map(({ target }) => target),
      thresholds: fixed,
    });
    const failed = this.#failures(system.failed);
    const rates = (rate: Rates, draw: Draws['at'][number] | undefined, fnmrDraws = draw?.fnmr) =>
      toRates(rate, { genuine: set.genuine, impostor: set.impostor }, failed, draw?.fmr, fnmrDraws);
    const measured = await set.measure();
    const interval = (values: Float64Array | undefined) => {
      const found = values && percentileInterval(values);
      // Where no draw differs, the draws say nothing of what others would have been.
      return found && found[0] < found[1] ? { interval: found } : undefined;
    };
    const eerOf = Math.min(set.genuine, set.impostor);
    const eer: Estimate =
      measured.eer === 0 ? estimateShare(0, eerOf) : { value: measured.eer, ...interval(draws?.eer) };
    const evaluation: SystemEvaluation = {
      name: system.name,
      distance,
      ...(model !== undefined && { model }),
      ...(similarity !== undefined && { similarity }),
      genuine: set.genuine,
      impostor: set.impostor,
      failed,
      // Log-likelihood ratios are not similarities from 0 to 1.
      ...(definition === 'paper' && !system.dropped && { paper: set.paper() }),
      measures: { ...measured, eer, auc: { value: measured.auc, ...interval(draws?.auc) } },
      fnmrAtFmr: fmrPoints.map((point, k) => ({
        target: point.target,
        // The threshold is part of what varies; FMR at the threshold itself is not.
        ...rates(point, draws?.at[k], draws?.fnmrAtFmr[k]),
      })),
      fmrAtFnmr: fnmrPoints.map((point, k) => ({
        target: point.target,
        ...rates(point, draws?.at[fmrPoints.length + k]),
      })),
      curve: await set.curve(),
      histogram: await set.histogram(),
      notes,
    };
    if (measured.eer === 0) notes.push(doubt('EER', eer) as string);
    else if (measured.eer * eerOf < 30)
      notes.push(
        `EER ${(measured.eer).toPrecision(3)} rests on about ${Math.round(measured.eer * eerOf)} errors: fewer than 30`,
      );
    for (const { target, fnmr, fmr } of evaluation.fnmrAtFmr)
      for (const doubted of [doubt(`FNMR at FMR ${target}`, fnmr), doubt(`the FMR reached for ${target}`, fmr)])
        if (doubted) notes.push(doubted);
    if (threshold !== undefined) evaluation.atThreshold = rates(set.at(threshold), draws?.at.at(-1));
    const operating = this.#operating(evaluation);
    if (operating) evaluation.operating = operating;
    const { pairs } = this.#comparisons;
    if (pairs) await this.#addWhatPhotosTell(evaluation, system, pairs, labels);
    return {
      evaluation,
      measured: {
        set,
        eer: measured.eer,
        eerDraws: draws?.eer,
        points: fmrPoints.map(({ target, fnmr }, k) => ({ target, fnmr, draws: draws?.fnmrAtFmr[k] })),
      },
    };
  }

  #operating({ name, atThreshold, fnmrAtFmr, notes }: SystemEvaluation): OperatingRates | undefined {
    const { plainFmr, threshold, groups } = this.#options;
    if (plainFmr !== undefined && atThreshold) return { by: 'plain–plain FMR', target: plainFmr, ...atThreshold };
    if (atThreshold) return { by: 'given', ...atThreshold };
    const point = threshold === undefined && fnmrAtFmr.find(({ target }) => target === this.#commonFmr);
    if (point) return { by: 'FMR', ...point };
    if (groups)
      notes.push(
        threshold === undefined
          ? 'groups: no FMR target is supported by all systems, so groups have no threshold'
          : `groups: no threshold is given for ${name}`,
      );
    return undefined;
  }

  /** A system against the first, over the comparisons that both have. */
  async difference(
    first: SystemScores,
    other: SystemScores,
    known: readonly [Measured, Measured],
  ): Promise<Difference> {
    const sides = [first, other] as const;
    const [labels, others] = sides.map((system) => this.#labelsOf(system)) as [Uint8Array, Uint8Array];
    const alike = labels.every((label, i) => label === others[i]);
    const both = labels.map((label, i) => (others[i] === left ? left : label));
    const [base, against] = alike
      ? known
      : ((await Promise.all(sides.map((system) => this.#measure(system, both)))) as [Measured, Measured]);
    const interval = (
      a: Float64Array | undefined,
      b: Float64Array | undefined,
      of = (x: number, y: number) => x - y,
    ) => {
      const found = a && b && percentileInterval(a.map((value, i) => of(value, b[i] as number)));
      return found ? { interval: found } : {};
    };
    const ratio = (a: number, b: number) => a / b;
    return {
      name: `${other.name} − ${first.name}`,
      ...{ genuine: base.set.genuine, impostor: base.set.impostor },
      eer: { value: against.eer - base.eer, ...interval(against.eerDraws, base.eerDraws) },
      ...(base.eer > 0 && {
        eerRatio: { value: ratio(against.eer, base.eer), ...interval(against.eerDraws, base.eerDraws, ratio) },
      }),
      fnmrAtFmr: against.points.flatMap(({ target, fnmr, draws }) => {
        const point = base.points.find((found) => found.target === target);
        return point ? [{ target, value: fnmr - point.fnmr, ...interval(draws, point.draws) }] : [];
      }),
    };
  }

  async #measure(system: SystemScores, labels: Uint8Array): Promise<Measured> {
    const { distance = false } = system;
    const set = await ScoreSet.from(system.scores, labels, { distance, source: system.name });
    const targets = fmrTargets(this.#options).filter((target) => supports(set.impostor, target));
    const draws = await this.#resample(system, labels, { fmr: targets, thresholds: [] });
    return {
      set,
      eer: (await set.measure()).eer,
      eerDraws: draws?.eer,
      points: targets.map((target, k) => ({ target, fnmr: set.fnmrAtFmr(target).fnmr, draws: draws?.fnmrAtFmr[k] })),
    };
  }

  async #addWhatPhotosTell(
    evaluation: SystemEvaluation,
    system: SystemScores,
    pairs: readonly Pair[],
    labels: Uint8Array,
  ): Promise<void> {
    const { groups, plainFmr } = this.#options;
    const { distance = false } = system;
    const all = pairs.map((_, i) => i);
    evaluation.acquisition = acquisitionOf(pairs, all, system.failed);
    if (this.samePhoto.includes(true)) {
      const without = labels.map((label, i) => (this.samePhoto[i] ? left : label));
      if (without.includes(1)) {
        const set = await ScoreSet.from(system.scores, without, { distance, source: system.name });
        evaluation.withoutSamePhoto = {
          genuine: set.genuine,
          eer: (await set.measure()).eer,
          fnmrAtFmr: evaluation.fnmrAtFmr.map(({ target }) => set.fnmrAtFmr(target)),
          ...(evaluation.paper && { paper: set.paper() }),
        };
      }
    }
    const threshold = evaluation.operating?.threshold;
    if (threshold === undefined) return;
    if (plainFmr !== undefined) {
      const kinds = ['plain–plain', 'plain–masked', 'masked–masked'];
      const kindOf = ({ referenceMasked, probeMasked }: Pair) => Number(referenceMasked) + Number(probeMasked);
      evaluation.maskings = [];
      for (const [kind, name] of kinds.entries()) {
        const members = all.filter((i) => kindOf(pairs[i] as Pair) === kind);
        if (members.length > 0) evaluation.maskings.push(await this.#partRates(name, system, members, threshold));
      }
    }
    if (!groups) return;
    const found = comparisonsOfGroups(pairs, groups);
    if (found.length === 0) evaluation.notes.push('groups: no comparison is within a group');
    evaluation.groups = [];
    for (const { attribute, value, members } of found)
      evaluation.groups.push({
        ...(await this.#partRates(`${attribute}: ${value}`, system, members, threshold)),
        acquisition: acquisitionOf(pairs, members, system.failed),
      });
  }

  async #partRates(name: string, system: SystemScores, members: number[], threshold: number): Promise<PartRates> {
    const completed = this.#labelsOf(system);
    const labels = new Uint8Array(completed.length).fill(left);
    for (const i of members) labels[i] = completed[i] as number;
    const count = { genuine: 0, impostor: 0, fnm: 0, fm: 0 };
    for (const i of members) {
      const score = system.scores[i] as number;
      const match = system.distance ? score <= threshold : score >= threshold;
      if (labels[i] === 1) {
        count.genuine++;
        if (!match) count.fnm++;
      } else if (labels[i] === 0) {
        count.impostor++;
        if (match) count.fm++;
      }
    }
    const both = count.genuine > 0 && count.impostor > 0;
    const draws = both ? await this.#resample(system, labels, { thresholds: [threshold] }) : undefined;
    const failed = this.#failures(members.filter((i) => system.failed.has(i)));
    const rate = { threshold, fmr: count.fm / count.impostor, fnmr: count.fnm / count.genuine };
    return {
      name,
      genuine: count.genuine,
      impostor: count.impostor,
      ...toRates(rate, count, failed, draws?.at[0]?.fmr, draws?.at[0]?.fnmr),
    };
  }

  async #plainThreshold(system: SystemScores, rate: number): Promise<number> {
    const { pairs } = this.#comparisons;
    if (!pairs)
      throw new MaskbenchError(
        'INVALID_ARGUMENT',
        'plainFmr',
        'a threshold from plain–plain comparisons needs a pair list',
      );
    const labels = this.#labelsOf(system).map((label, i) =>
      pairs[i]?.referenceMasked || pairs[i]?.probeMasked ? left : label,
    );
    if (!labels.includes(0))
      throw new MaskbenchError('INVALID_ARGUMENT', 'plainFmr', 'expected plain–plain impostor comparisons, found none');
    const source = `${system.name}, plain–plain comparisons`;
    const { distance = false } = system;
    return (await ScoreSet.from(system.scores, labels, { distance, source })).fnmrAtFmr(rate).threshold;
  }

  #labelsOf(system: SystemScores): Uint8Array {
    const { labels } = this.#comparisons;
    if (system.scores.length !== labels.length)
      throw new MaskbenchError(
        'INVALID_ARGUMENT',
        system.name,
        `${system.name}: ${system.scores.length} scores for ${labels.length} comparisons`,
      );
    const { failed, dropped } = system;
    if (failed.size === 0 && !dropped) return labels;
    return labels.map((label, i) => (failed.has(i) || dropped?.has(i) ? left : label));
  }

  #failures(failed: Iterable<number>) {
    const counts = { genuine: 0, impostor: 0 };
    for (const i of failed) counts[this.#comparisons.labels[i] === 1 ? 'genuine' : 'impostor']++;
    return counts;
  }

  async #resample(
    system: SystemScores,
    labels: Uint8Array,
    targets: { fmr?: number[]; thresholds: number[] },
  ): Promise<Draws | undefined> {
    if (this.draws === 0) return undefined;
    const rows: number[] = [];
    for (let i = 0; i < labels.length; i++) if (labels[i] !== left) rows.push(i);
    const sign = system.distance ? -1 : 1;
    const resampled: Resampled = {
      scores: Float64Array.from(rows, (i) => sign * (system.scores[i] as number)),
      labels: Uint8Array.from(rows, (i) => labels[i] as number),
    };
    if (this.identities !== undefined)
      resampled.identities = {
        first: Int32Array.from(rows, (i) => this.#first[i] as number),
        second: Int32Array.from(rows, (i) => this.#second[i] as number),
        count: this.identities,
      };
    const { seed = 0, signal } = this.#options;
    return bootstrap(resampled, {
      ...{ fmr: targets.fmr ?? [], thresholds: targets.thresholds.map((threshold) => sign * threshold) },
      ...{ draws: this.draws, seed, ...(signal && { signal }) },
    });
  }
}

function toRates(
  { threshold, fmr, fnmr }: Rates,
  of: { genuine: number; impostor: number },
  failed: { genuine: number; impostor: number },
  fmrDraws: Float64Array | undefined,
  fnmrDraws: Float64Array | undefined,
): ThresholdRates {
  const falseMatches = of.impostor && Math.round(fmr * of.impostor);
  const falseNonMatches = of.genuine && Math.round(fnmr * of.genuine);
  return {
    threshold,
    fmr: estimateShare(falseMatches, of.impostor, fmrDraws),
    fnmr: estimateShare(falseNonMatches, of.genuine, fnmrDraws),
    far: estimateShare(falseMatches, of.impostor + failed.impostor),
    frr: estimateShare(falseNonMatches + failed.genuine, of.genuine + failed.genuine),
  };
}

function acquisitionOf(pairs: readonly Pair[], members: readonly number[], failed: Set<number>): Acquisition {
  // Whatever its part in a comparison, a photo has one template or none.
  const acquired = new Map<string, boolean>();
  const parts = {
    plain: new Set<string>(),
    masked: new Set<string>(),
    references: new Set<string>(),
    probes: new Set<string>(),
  };
  for (const i of members) {
    const { reference, probe, referenceMasked, probeMasked } = pairs[i] as Pair;
    for (const [name, masked, part] of [
      [pairPath(reference), referenceMasked, parts.references],
      [pairPath(probe), probeMasked, parts.probes],
    ] as const) {
      part.add(name);
      parts[masked ? 'masked' : 'plain'].add(name);
      acquired.set(name, (acquired.get(name) ?? false) || !failed.has(i));
    }
  }
  const share = (part: Set<string>) => estimateShare([...part].filter((name) => !acquired.get(name)).length, part.size);
  const { plain, masked, references, probes } = parts;
  return { plain: share(plain), masked: share(masked), references: share(references), probes: share(probes) };
}

const fmrTargets = ({ fmr = [0.1, 0.01, 0.001, 0.0001] }: EvaluateOptions) => fmr;

function checkOptions({ fmr, fnmr, threshold, plainFmr, groups, seed = 0 }: EvaluateOptions, comparisons: Comparisons) {
  if (fmr) checkRates('fmr', fmr);
  if (fnmr) checkRates('fnmr', fnmr);
  if (plainFmr !== undefined) checkRates('plainFmr', [plainFmr]);
  checkInteger('seed', seed, 0, Number.MAX_SAFE_INTEGER);
  for (const value of typeof threshold === 'object' ? Object.values(threshold) : [threshold ?? 0])
    if (!Number.isFinite(value)) throw invalid('threshold', 'a finite number', value);
  if (threshold !== undefined && plainFmr !== undefined)
    throw new MaskbenchError('INVALID_ARGUMENT', 'plainFmr', 'expected a threshold or plainFmr, received both');
  if (groups && !comparisons.pairs)
    throw new MaskbenchError('INVALID_ARGUMENT', 'groups', 'groups need a pair list, which says who is compared');
}

/**
 * Measures verification: error rates, thresholds, intervals, curves, for one system or several on the same comparisons.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`: options out of range; scores and labels of different lengths;
 * labels, pairs or names of photos that contradict each other; failures beyond the end; an unexplained NaN or an
 * infinity; only genuine or only impostor comparisons; distances or scores outside [0, 1] with the `paper` definition
 * @example
 * const { systems } = await evaluate([await readScores('scores.txt')], { labels: await readLabels('labels.txt') });
 */
export async function evaluate(
  systems: readonly SystemScores[],
  comparisons: Comparisons,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  checkSystems(systems);
  checkComparisons(comparisons);
  checkMeasuring(options);
  const definition = checkChoice('definition', options.definition ?? 'exact', definitions);
  if (options.protocol !== undefined) checkChoice('protocol', options.protocol, protocols);
  const { labels, pairs } = comparisons;
  checkOptions(options, comparisons);
  checkAgreement(systems, comparisons);
  const evaluator = new Evaluator(systems, comparisons, options);
  const results = [];
  for (const system of systems) {
    const result = await evaluator.evaluate(system);
    if (options.protocol === 'insightface') result.evaluation.folds = measureFolds(system, labels);
    if (system.dropped) {
      result.evaluation.cllr = cllr(system.scores, labels);
      if (system.dropped.size > 0)
        result.evaluation.notes.push(`${system.dropped.size} comparisons across folds of identities are left out`);
    }
    results.push({ system, ...result });
  }
  const [first, ...others] = results;
  const differences = [];
  for (const { system, measured } of others)
    if (first) differences.push(await evaluator.difference(first.system, system, [first.measured, measured]));
  const samePhoto = evaluator.samePhoto.filter(Boolean).length;
  let genuine = 0;
  for (const label of labels) genuine += label;
  const notes = samePhoto ? [`${samePhoto} genuine comparisons are of a photo with itself or its own masked twin`] : [];
  return {
    definition,
    genuine,
    impostor: labels.length - genuine,
    samePhoto,
    ...(evaluator.identities !== undefined && { identities: evaluator.identities }),
    intervals:
      evaluator.draws === 0
        ? 'none'
        : `95% percentile intervals of ${evaluator.draws} draws ${pairs ? 'of identities' : 'of comparisons (assumes independent pairs)'}, seed ${options.seed ?? 0}`,
    systems: results.map(({ evaluation }) => evaluation),
    differences,
    notes,
  };
}
