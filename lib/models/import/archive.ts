import yauzl from 'yauzl';

/**
 * Reads entries of a zip whose entries are stored as they are, as PyTorch and Keras write it; so none can be larger
 * than the file.
 * @returns by name, those that `isWanted`
 */
export async function readArchive(file: string, isWanted: (name: string) => boolean): Promise<Map<string, Buffer>> {
  const entries = new Map<string, Buffer>();
  const zip = await yauzl.openPromise(file, { lazyEntries: true });
  try {
    for await (const entry of zip.eachEntry()) {
      if (!isWanted(entry.fileName)) continue;
      if (entry.compressionMethod !== 0 || entry.uncompressedSize > zip.fileSize)
        throw new Error(`the entry ${entry.fileName} claims ${entry.uncompressedSize} bytes`);
      const whole = Buffer.alloc(entry.uncompressedSize);
      let at = 0;
      for await (const chunk of await zip.openReadStreamPromise(entry)) {
        (chunk as Buffer).copy(whole, at);
        at += (chunk as Buffer).length;
      }
      entries.set(entry.fileName, whole);
    }
  } finally {
    zip.close();
  }
  return entries;
}
