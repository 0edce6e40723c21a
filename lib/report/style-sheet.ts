import { existsSync } from 'node:fs';
import path from 'node:path';
import {
  checkArray,
  checkInteger,
  checkObject,
  checkOptions,
  checkPath,
  checkPaths,
  checkText,
  invalid,
  MaskbenchError,
} from '../errors.js';
import type { Box } from '../face/face.js';
import { toPath } from '../files/path.js';
import { checkMasker, Masker, type MaskerOptions } from '../mask/masker.js';
import { drawSheet, type SheetRow } from './contact-sheet.js';

/** Options of {@link writeStyleSheet}. */
export interface StyleSheetOptions extends Pick<MaskerOptions, 'templates' | 'color' | 'tintWeight' | 'wear' | 'seed'> {
  /** Pixels of a picture's side. Default 150. */
  cell?: number;
  /** Called after each style. */
  onProgress?: (progress: { done: number; total: number }) => void;
}

/** The square around a face that a mask, its bands and some of the photo lie in. */
function cropAround({ left, top, right, bottom }: Box, width: number, height: number) {
  const side = 1.75 * Math.max(right - left, bottom - top);
  const size = Math.min(side, Math.max(width, height));
  const within = (middle: number, length: number) =>
    size > length ? (length - size) / 2 : Math.max(0, Math.min(middle - size / 2, length - size));
  return {
    left: within((left + right) / 2, width),
    top: within((top + bottom) / 2 + 0.08 * size, height),
    size,
    width,
    height,
  };
}

/**
 * Draws the largest face of each photo in each style into one PNG file, a row a style.
 * @param file The PNG file to write.
 * @param sheet Photos with a face, up to 20, and names of styles.
 * @returns the file's path
 * @throws `MaskbenchError` `OUTPUT_EXISTS`, `NO_FACE`, `INVALID_ARGUMENT`, and those of `Masker.mask`
 * @example
 * await writeStyleSheet('styles.png', { photos: ['a.jpg', 'b.jpg'], styles: ['a', 'surgical', 'n95'] });
 */
export async function writeStyleSheet(
  file: string,
  sheet: { photos: readonly string[]; styles: readonly string[] },
  sheetOptions: StyleSheetOptions = {},
): Promise<string> {
  checkPath('file', file);
  checkObject('sheet', sheet, '{ photos, styles }');
  const { photos, styles } = sheet;
  checkPaths('photos', photos);
  checkArray('styles', styles, checkText, 'an array of styles');
  if (!/\.png$/i.test(file)) throw invalid('file', 'a name that ends in .png', file);
  if (existsSync(toPath(file))) throw new MaskbenchError('OUTPUT_EXISTS', file, `${file}: the output exists already`);
  checkOptions(sheetOptions);
  const { cell = 150, onProgress, ...options } = sheetOptions;
  checkInteger('cell', cell, 16, 4096);
  // Styles and colours are checked before a photo is searched.
  for (const style of styles) await checkMasker({ ...options, style });
  if (photos.length < 1 || photos.length > 20) throw invalid('photos', '1 to 20 photos', photos.length);
  const finder = await Masker.open();
  const found = await Promise.all(
    photos.map(async (photo) => {
      const { faces, width, height } = await finder.detect(photo);
      const area = ({ box }: (typeof faces)[number]) => (box.right - box.left + 1) * (box.bottom - box.top + 1);
      const face = faces.reduce((a, b) => (area(b) > area(a) ? b : a), faces[0] as (typeof faces)[number]);
      if (!face) throw new MaskbenchError('NO_FACE', photo, `${photo}: no face was found`);
      return { photo, face, crop: cropAround(face.box, width, height) };
    }),
  );
  await finder.close();
  const rows: SheetRow[] = [];
  for (const [done, style] of styles.entries()) {
    const masker = await Masker.open({ ...options, style });
    const pictures = await Promise.all(
      found.map(async ({ photo, face, crop }) => {
        const { image } = await masker.mask(photo, { faces: [face], key: path.basename(photo), format: 'jpeg' });
        return { href: `data:image/jpeg;base64,${(image as Buffer).toString('base64')}`, crop };
      }),
    );
    await masker.close();
    rows.push({ caption: style, pictures });
    onProgress?.({ done: done + 1, total: styles.length });
  }
  const across = Math.max(1, Math.floor(1700 / (photos.length * (cell + 8) + 16)));
  await drawSheet(rows, { cell: { width: cell, height: cell }, across }, file);
  return file;
}
