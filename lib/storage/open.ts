import path from 'node:path';
import { MaskbenchError } from '../errors.js';
import { isFile } from '../files/walk.js';
import { FolderSource } from './folder.js';
import { RecordSource } from './recordio.js';
import { RecordSink } from './recordio-sink.js';
import type { Contents, Sink, Source } from './source.js';
import { isTarName, standardStream, TarSource, tarsOf } from './tar.js';
import { TarSink } from './tar-sink.js';

const isRecordName = (name: string) => /\.rec$/i.test(name);

/** Whether an output is one file that holds many photos. */
export const isOneFile = (out: string) => isRecordName(out) || isTarName(out);

/** Whether an input is a file, or a folder of files, that hold many photos. */
export async function isPacked(input: string): Promise<boolean> {
  return isRecordName(input) || (await tarsOf(input)).length > 0;
}

/**
 * Opens what photos come from: one .rec file; a tar, a folder of tars, or `-` for a tar on standard input; or files and
 * folders of photos.
 * @throws {@link MaskbenchError} `INVALID_ARGUMENT` (something else beside a .rec file or tar), `NOT_FOUND`,
 * `READ_FAILED`, `UNREADABLE` (the index)
 * @example
 * const source = await openSource(['faces/train.rec']);
 * for await (const photos of source.photos(0)) console.log(photos.length, photos[0]?.key, photos[0]?.labels);
 */
export async function openSource(inputs: readonly string[]): Promise<Source> {
  for (const input of inputs) {
    if (!(await isPacked(input))) continue;
    if (inputs.length > 1)
      throw new MaskbenchError('INVALID_ARGUMENT', input, `${input}: expected no other input beside it`);
    return isRecordName(input) ? RecordSource.open(input) : new TarSource(input, await tarsOf(input));
  }
  return new FolderSource(inputs);
}

export interface SinkOptions {
  /** Only the twins (default), or each photo and its twin. */
  contents?: Contents;
  /** Replace outputs that exist. */
  overwrite?: boolean;
}

/**
 * The sink of an output's name: a .rec file, a tar (`-`: on standard output), or a folder for the shards of tars;
 * undefined where twins become files in a folder.
 * @param inputs The source's, whose shape a folder takes.
 */
export async function openSink(
  out: string,
  inputs: readonly string[],
  { contents = 'twins', overwrite = false }: SinkOptions = {},
): Promise<Sink | undefined> {
  const [input = ''] = inputs;
  if (isTarName(out) || out === standardStream || (!isRecordName(out) && (await tarsOf(input)).length > 0))
    return new TarSink(out, { contents, overwrite });
  if (!isRecordName(out)) return undefined;
  const property = path.join(path.dirname(input), 'property');
  const hasProperty = isRecordName(input) && (await isFile(property));
  return new RecordSink(out, { contents, overwrite, property: hasProperty ? property : undefined });
}
