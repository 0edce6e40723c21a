import path from 'node:path';
import { checkChoice, checkFlag, checkOptions, checkPath, checkPaths, invalid, MaskbenchError } from '../errors.js';
import { standardStream } from '../files/standard-input.js';
import { type Pairing, pairings } from '../pairs/twins.js';
import { isSetName } from '../pairs/verification-set.js';
import { FolderSource } from './folder.js';
import { RecordSource } from './recordio.js';
import { RecordSink } from './recordio-sink.js';
import { isRemote } from './s3.js';
import { type Contents, contents, type Sink, type Source } from './source.js';
import { openStored } from './stored-file.js';
import { isTarName, tarsOf } from './tar-names.js';
import { SetSink, SetSource } from './verification-set.js';

export const isRecordName = (name: string) => /\.rec$/i.test(name);

/** Whether an output is one file that holds many photos. */
export const isOneFile = (out: string) => isRecordName(out) || isTarName(out) || isSetName(out);

/** Whether an input is a file, or a folder of files, that hold many photos. */
export async function isPacked(input: string): Promise<boolean> {
  return isRecordName(input) || isSetName(input) || (await tarsOf(input)).length > 0;
}

/**
 * Opens what photos come from: one .rec file; one verification set (.bin); a tar, a folder of tars, or `-` for a tar on
 * standard input; or files and folders of photos.
 * @throws `MaskbenchError` `INVALID_ARGUMENT` (something else beside a .rec file, set or tar), `NOT_FOUND`,
 * `READ_FAILED`, `UNREADABLE` (the index or the set)
 * @example
 * const source = await openSource(['faces/train.rec']);
 * for await (const photos of source.photos(0)) console.log(photos.length, photos[0]?.key, photos[0]?.labels);
 */
export async function openSource(inputs: readonly string[]): Promise<Source> {
  checkPaths('inputs', inputs);
  for (const input of inputs) {
    if (!(await isPacked(input))) continue;
    if (inputs.length > 1)
      throw new MaskbenchError('INVALID_ARGUMENT', input, `${input}: expected no other input beside it`);
    if (isRecordName(input)) return RecordSource.open(input);
    if (isSetName(input)) return SetSource.open(input);
    // Loaded when it is needed: most runs have no tar.
    const { TarSource } = await import('./tar.js');
    return new TarSource(input, await tarsOf(input));
  }
  if (inputs.includes(standardStream))
    throw new MaskbenchError('UNREADABLE', standardStream, 'standard input: expected a tar, found something else');
  return new FolderSource(inputs);
}

export interface SinkOptions {
  /** Only the twins (default), or each photo and its twin. Not for a verification set. */
  contents?: Contents;
  /** Which images of a verification set are replaced by their twins. Default `one-of-each`. */
  pairing?: Pairing;
  /** Replace outputs that exist. */
  overwrite?: boolean;
  /** A local folder where an output in S3 is made before it is copied there, and kept. */
  staging?: string;
}

/**
 * The sink of an output's name: a .rec file, a verification set (.bin) of another, a tar (`-`: on standard output), or
 * a folder for the shards of tars; undefined where twins become files in a folder. A name in S3 needs `staging`.
 * @param inputs The source's, whose shape a folder takes.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`
 * @example
 * const sink = await openSink('both/train.rec', ['train.rec'], { contents: 'both' });
 */
export async function openSink(
  out: string,
  inputs: readonly string[],
  options: SinkOptions = {},
): Promise<Sink | undefined> {
  checkPath('out', out);
  checkPaths('inputs', inputs);
  checkOptions(options);
  const { overwrite = false, staging } = options;
  checkFlag('overwrite', options.overwrite);
  if (staging !== undefined) checkPath('staging', staging);
  const what = { contents: checkChoice('contents', options.contents ?? 'twins', contents), overwrite };
  const [input = ''] = inputs;
  if (isSetName(out)) return setSink(out, inputs, options);
  if (options.pairing !== undefined)
    throw invalid('pairing', 'nothing, but for a verification set (.bin)', options.pairing);
  // A photo or a folder of photos never becomes a tar unless its name says so.
  const isShards = !isRecordName(out) && (await tarsOf(input)).length > 0;
  const isTar = isTarName(out) || isShards || (out === standardStream && isRecordName(input));
  if (!isTar && !isRecordName(out)) {
    if (isRemote(out))
      throw new MaskbenchError('INVALID_ARGUMENT', out, `${out}: expected a .rec file, a .bin file or tars in S3`);
    return undefined;
  }
  const { local, ...remote } = placeOf(out, staging);
  const made = { ...what, ...remote };
  if (isTar) {
    const { TarSink } = await import('./tar-sink.js');
    return new TarSink(local, made);
  }
  return new RecordSink(local, { ...made, property: await propertyBeside(input) });
}

async function setSink(out: string, inputs: readonly string[], options: SinkOptions): Promise<SetSink> {
  const { contents: given, pairing = 'one-of-each', overwrite = false, staging } = options;
  if (given !== undefined) throw invalid('contents', 'nothing, for a verification set, which has a pairing', given);
  checkChoice('pairing', pairing, pairings);
  const [input = '', ...others] = inputs;
  if (!isSetName(input) || others.length > 0)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      out,
      `${out}: expected one verification set (.bin) as the input; "pairs export" makes a set of a pair list`,
    );
  const { local, ...remote } = placeOf(out, staging);
  return SetSink.of(local, input, { pairing, overwrite, ...remote });
}

/** Where an output is made, and where in S3 it goes then. */
function placeOf(out: string, staging: string | undefined): { local: string; remote?: string } {
  if (!isRemote(out)) return { local: out };
  if (staging === undefined)
    throw new MaskbenchError('INVALID_ARGUMENT', out, `${out}: an output in S3 needs a local folder to be made in`);
  return { local: isOneFile(out) ? path.join(staging, path.posix.basename(out)) : staging, remote: out };
}

/** The `property` file of a .rec file. */
async function propertyBeside(input: string): Promise<Uint8Array | undefined> {
  if (!isRecordName(input)) return undefined;
  const stored = await openStored(input.replace(/[^/]*$/, 'property')).catch((error) => {
    if (error.code !== 'NOT_FOUND') throw error;
  });
  if (!stored) return undefined;
  try {
    return await stored.read(0, stored.size);
  } finally {
    await stored.close();
  }
}
