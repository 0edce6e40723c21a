import { checkArray, checkObject, checkPath, checkPaths, checkText } from '../errors.js';
import { writeFileAtomically } from '../files/atomic.js';
import { escapeText } from './page.js';
import { dataUri, toPng } from './pictures.js';

/** A picture on a sheet; of one that is cropped only that part is shown. */
export interface SheetPicture {
  /** A data URI. */
  href: string;
  crop?: { left: number; top: number; size: number; width: number; height: number };
}

export interface SheetRow {
  caption: string;
  pictures: SheetPicture[];
}

interface SheetLayout {
  cell: { width: number; height: number };
  /** Rows that stand beside each other. */
  across: number;
}

const gap = 8;
const caption = 24;

function place({ href, crop }: SheetPicture, x: number, y: number, { width, height }: SheetLayout['cell']): string {
  if (!crop) return `<image x="${x}" y="${y}" width="${width}" height="${height}" href="${href}"/>`;
  const { left, top, size } = crop;
  return `<svg x="${x}" y="${y}" width="${width}" height="${height}" viewBox="${left} ${top} ${size} ${size}"><image width="${crop.width}" height="${crop.height}" href="${href}"/></svg>`;
}

/** Draws rows of pictures into one PNG file, each row with a caption. Throws `WRITE_FAILED`. */
export async function drawSheet(rows: SheetRow[], { cell, across }: SheetLayout, file: string): Promise<void> {
  const columns = Math.max(1, ...rows.map(({ pictures }) => pictures.length));
  const block = { width: columns * (cell.width + gap) + 2 * gap, height: cell.height + caption + gap };
  const parts = rows.map((row, i) => {
    const left = gap + (i % across) * block.width;
    const top = gap + Math.floor(i / across) * block.height;
    const pictures = row.pictures.map((picture, x) =>
      place(picture, left + x * (cell.width + gap), top + caption, cell),
    );
    return `<text x="${left}" y="${top + caption - 8}">${escapeText(row.caption)}</text>${pictures.join('')}`;
  });
  const width = Math.min(across, rows.length) * block.width;
  const height = Math.ceil(rows.length / across) * block.height + gap;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
<rect width="100%" height="100%" fill="#202124"/>
<g font-family="DejaVu Sans, sans-serif" font-size="14" fill="#e8eaed">${parts.join('')}</g></svg>`;
  await writeFileAtomically(file, await toPng(svg));
}

/**
 * Draws rows of pictures into one PNG file, each row with a caption: a photo and its masked twins, say.
 * @param file The PNG file to write.
 * @param rows Caption and JPEG or PNG files of each row.
 * @returns the file's path
 * @throws `MaskbenchError` `UNREADABLE`, `UNSUPPORTED_FORMAT`, `WRITE_FAILED`
 * @example
 * await writeContactSheet('sheet.png', [{ caption: 'before, after', files: ['a.jpg', 'masked_a.jpg'] }]);
 */
export async function writeContactSheet(
  file: string,
  rows: readonly { caption: string; files: readonly string[] }[],
): Promise<string> {
  checkPath('file', file);
  checkArray(
    'rows',
    rows,
    (name, row) => {
      const { caption, files } = checkObject(name, row, '{ caption, files }');
      checkText(`${name}.caption`, caption);
      checkPaths(`${name}.files`, files);
    },
    'an array of { caption, files }',
  );
  const drawn = rows.map(async ({ caption, files }) => ({
    caption,
    pictures: await Promise.all(files.map(async (picture) => ({ href: await dataUri(picture) }))),
  }));
  await drawSheet(await Promise.all(drawn), { cell: { width: 320, height: 240 }, across: 1 }, file);
  return file;
}
