import path from 'node:path';
import { MaskbenchError } from '../errors.js';
import { isFile } from '../files/walk.js';
import { FolderSource } from './folder.js';
import { RecordSource } from './recordio.js';
import { type Contents, RecordSink } from './recordio-sink.js';
import type { Sink, Source } from './source.js';

const isRecordName = (name: string) => /\.rec$/i.test(name);

/** Whether an input is a file that holds many photos. */
export async function isPacked(input: string): Promise<boolean> {
  return isRecordName(input);
}

/**
 * Opens what photos come from: one .rec file, or files and folders of photos.
 * @throws {@link MaskbenchError} `INVALID_ARGUMENT` (something else beside a .rec file), `NOT_FOUND`, `READ_FAILED`,
 * `UNREADABLE` (the index)
 * @example
 * const source = await openSource(['faces/train.rec']);
 * for await (const photos of source.photos(0)) console.log(photos.length, photos[0]?.key, photos[0]?.labels);
 */
export async function openSource(inputs: readonly string[]): Promise<Source> {
  for (const input of inputs) {
    if (!(await isPacked(input))) continue;
    if (inputs.length > 1)
      throw new MaskbenchError('INVALID_ARGUMENT', input, `${input}: expected no other input beside it`);
    return RecordSource.open(input);
  }
  return new FolderSource(inputs);
}

export interface SinkOptions {
  /** Only the twins (default), or each photo and its twin. */
  contents?: Contents;
  /** Replace outputs that exist. */
  overwrite?: boolean;
}

/** The sink of an output's name; undefined where twins become files in a folder. */
export async function openSink(
  out: string,
  inputs: readonly string[],
  { contents = 'twins', overwrite = false }: SinkOptions = {},
): Promise<Sink | undefined> {
  if (!isRecordName(out)) return undefined;
  const property = path.join(path.dirname(inputs[0] ?? ''), 'property');
  const hasProperty = isRecordName(inputs[0] ?? '') && (await isFile(property));
  return new RecordSink(out, { contents, overwrite, property: hasProperty ? property : undefined });
}
