/**
 * Where photos come from and twins go to: folders, RecordIO, tars, object storage.
 * @module
 */
export { maskStored, type StoredOptions } from '../corpus/mask-stored.js';
export { openSink, openSource, type SinkOptions } from '../storage/open.js';
export type { Placed, Sink, Source, StoredPhoto, TarMember } from '../storage/source.js';
export { type Contents, contents } from '../storage/source.js';
