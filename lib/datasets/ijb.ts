import path from 'node:path';
import { MaskbenchError } from '../errors.js';
import type { FivePoints } from '../face/face.js';
import { isFolder, listFolder } from '../files/walk.js';
import { streamStored } from '../storage/stored-file.js';

/*
 * IJB-B and IJB-C as InsightFace's programs read them: `loose_crop/` with the images, and in `meta/` three lists of
 * lines with blanks between fields: `*_name_5pts_score.txt` (name, five points, the detector's score),
 * `*_face_tid_mid.txt` (name, template, medium; the same images in the same order) and `*_template_pair_label.txt`
 * (template, template, 1 for genuine).
 */

/** Where the lists of an IJB set are. */
export interface IjbSet {
  /** The folder of the images' names. */
  folder: string;
  points: string;
  media: string;
  pairs: string;
}

/** An image of an IJB set. */
export interface IjbImage {
  /** Relative to the set's folder. */
  path: string;
  points: FivePoints;
  /** The detector's confidence. */
  score: number;
  template: number;
  /** A photo, or a video of which the image is a frame. */
  medium: number;
}

const endings = {
  points: '_name_5pts_score.txt',
  media: '_face_tid_mid.txt',
  pairs: '_template_pair_label.txt',
} as const;

/** The images of a set lie in this folder. */
const crops = 'loose_crop';

/** The greatest number of a template. */
const greatest = 2 ** 24;

/**
 * The lists of a folder that is an IJB set; undefined where it is something else.
 * @throws `MaskbenchError` `UNREADABLE`: one of the lists is missing, or there are two sets
 */
export async function findIjb(folder: string): Promise<IjbSet | undefined> {
  const meta = path.join(folder, 'meta');
  if (!(await isFolder(meta)) || !(await isFolder(path.join(folder, crops)))) return undefined;
  const names = (await listFolder(meta)).map(({ name }) => name);
  const ending = (kind: keyof typeof endings) => names.filter((name) => name.endsWith(endings[kind]));
  if (ending('points').length === 0) return undefined;
  const listOf = (kind: keyof typeof endings) => {
    const [list, ...more] = ending(kind);
    if (list === undefined || more.length > 0)
      throw new MaskbenchError(
        'UNREADABLE',
        meta,
        `${meta}: expected one list *${endings[kind]}, found ${list === undefined ? 'none' : [list, ...more].join(' and ')}`,
      );
    return path.join(meta, list);
  };
  return { folder, points: listOf('points'), media: listOf('media'), pairs: listOf('pairs') };
}

/** The fields of each line that is not empty, and the line's number from 1. */
async function* fieldsOf(file: string): AsyncGenerator<{ fields: string[]; number: number }> {
  let rest = '';
  let number = 0;
  const parse = (line: string) => ({ fields: line.trim().split(/\s+/), number });
  for await (const chunk of streamStored(file)) {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) {
      number++;
      if (line.trim() !== '') yield parse(line);
    }
  }
  number++;
  if (rest.trim() !== '') yield parse(rest);
}

const refuse = (file: string, number: number, problem: string) =>
  new MaskbenchError('UNREADABLE', file, `${file}, line ${number}: ${problem}`);

const isName = (name: string) => !name.startsWith('/') && !name.split('/').includes('..');

/**
 * The images of a set, in the lists' order.
 * @throws `MaskbenchError` `READ_FAILED`; `UNREADABLE`, naming the line: fields that are missing or no numbers, a name
 * that leads outside, lists of different images
 * @example
 * const set = await findIjb('IJBC');
 * if (set) for await (const { path, template, medium } of ijbImages(set)) console.log(path, template, medium);
 */
export async function* ijbImages({ points, media }: IjbSet): AsyncGenerator<IjbImage> {
  const others = fieldsOf(media);
  try {
    for await (const { fields, number } of fieldsOf(points)) {
      const [name = '', ...rest] = fields;
      const values = rest.map(Number);
      const score = values.pop();
      const pairs = [0, 2, 4, 6, 8].map((i) => [values[i], values[i + 1]] as const);
      if (values.length !== 10 || ![...values, score].every(Number.isFinite) || !isName(name))
        throw refuse(points, number, "expected a name, five points and the detector's score");
      if (pairs.every(([x, y]) => x === values[0] && y === values[1]))
        throw refuse(points, number, 'expected five points, found one five times');
      const { value, done } = await others.next();
      if (done) throw refuse(points, number, `${media} ends before ${name}`);
      const [other, template = '', medium = '', ...more] = value.fields;
      if (other !== name) throw refuse(media, value.number, `expected ${name}, as in ${points}, found ${other}`);
      if (
        more.length > 0 ||
        !(/^\d{1,8}$/.test(template) && Number(template) < greatest) ||
        !/^-?\d{1,15}$/.test(medium)
      )
        throw refuse(media, value.number, `expected a name, a template below ${greatest} and a medium`);
      yield {
        path: `${crops}/${name}`,
        points: pairs as unknown as FivePoints,
        score: score as number,
        template: Number(template),
        medium: Number(medium),
      };
    }
    const { value, done } = await others.next();
    if (!done) throw refuse(media, value.number, `${points} has no more images, found ${value.fields[0]}`);
  } finally {
    await others.return(undefined);
  }
}

/** Pairs of templates, in the list's order. */
export interface TemplatePairs {
  /** [pairs]: template numbers. */
  first: Int32Array;
  second: Int32Array;
  /** [pairs]: 1 genuine, 0 impostor. */
  labels: Uint8Array;
}

const [lineFeed, carriageReturn, space, tab, zero] = [10, 13, 32, 9, 48];

/** Lines of three whole numbers, from bytes that may end anywhere. */
class PairParser {
  readonly #file: string;
  /** The fields of the line so far. */
  readonly #fields = new Float64Array(3);
  #begun = 0;
  #isInside = false;
  #number = 1;

  constructor(file: string) {
    this.#file = file;
  }

  /** The pairs of the lines that end in `bytes`. */
  parse(bytes: Uint8Array): TemplatePairs {
    // The shortest line is "1 2 0", and one has begun before.
    const most = 1 + Math.ceil(bytes.length / 6);
    const group = { first: new Int32Array(most), second: new Int32Array(most), labels: new Uint8Array(most) };
    let count = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      const digit = byte - zero;
      if (digit >= 0 && digit <= 9) {
        if (!this.#isInside) this.#begin();
        const field = this.#begun - 1;
        this.#fields[field] = Math.min(greatest, (this.#fields[field] as number) * 10 + digit);
      } else if (byte === lineFeed) count += this.#endLine(group, count);
      else if (byte === space || byte === tab || byte === carriageReturn) this.#isInside = false;
      else throw this.#wrong();
    }
    const { first, second, labels } = group;
    return {
      first: first.subarray(0, count),
      second: second.subarray(0, count),
      labels: labels.subarray(0, count),
    };
  }

  #begin(): void {
    if (this.#begun === 3) throw this.#wrong();
    this.#fields[this.#begun++] = 0;
    this.#isInside = true;
  }

  /** Returns how many pairs the line has given. */
  #endLine({ first, second, labels }: TemplatePairs, at: number): number {
    const [a, b, label] = this.#fields as unknown as [number, number, number];
    const begun = this.#begun;
    if (begun !== 0 && (begun !== 3 || a >= greatest || b >= greatest || label > 1)) throw this.#wrong();
    this.#number++;
    this.#begun = 0;
    this.#isInside = false;
    if (begun === 0) return 0;
    first[at] = a;
    second[at] = b;
    labels[at] = label;
    return 1;
  }

  #wrong(): MaskbenchError {
    return refuse(this.#file, this.#number, `expected two templates below ${greatest}, and 0 or 1`);
  }
}

/**
 * The pairs of a set, some 100,000 at a time: the list of IJB-C has 15.6 million lines.
 * @throws `MaskbenchError` `READ_FAILED`; `UNREADABLE`, naming the line
 */
export async function* ijbPairs({ pairs }: IjbSet): AsyncGenerator<TemplatePairs> {
  const parser = new PairParser(pairs);
  for await (const chunk of streamStored(pairs)) yield parser.parse(chunk);
  // The last line may lack its end.
  yield parser.parse(Buffer.from('\n'));
}
