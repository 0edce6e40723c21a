import { writeFileAtomically } from '../corpus/files.js';
import { escapeText } from './page.js';
import { dataUri, toPng } from './pictures.js';

const cell = { width: 320, height: 240 };
const gap = 8;
const caption = 24;

/**
 * Draws rows of pictures into one PNG file, each row with a caption: a photo and its masked twins, say.
 * @param rows Caption and JPEG or PNG files of each row.
 * @param file The PNG file to write.
 * @throws {@link MaskbenchError} `UNREADABLE`, `UNSUPPORTED_FORMAT`, `WRITE_FAILED`
 */
export async function contactSheet(rows: { caption: string; files: string[] }[], file: string): Promise<void> {
  const columns = Math.max(1, ...rows.map((row) => row.files.length));
  const width = columns * (cell.width + gap) + gap;
  const rowHeight = cell.height + caption + gap;
  const parts: string[] = [];
  for (const [y, row] of rows.entries()) {
    const top = gap + y * rowHeight;
    const text = escapeText(row.caption);
    parts.push(`<text x="${gap}" y="${top + caption - 8}">${text}</text>`);
    for (const [x, picture] of row.files.entries())
      parts.push(
        `<image x="${gap + x * (cell.width + gap)}" y="${top + caption}" width="${cell.width}" height="${cell.height}" href="${await dataUri(picture)}"/>`,
      );
  }
  const height = rows.length * rowHeight + gap;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
<rect width="100%" height="100%" fill="#202124"/>
<g font-family="DejaVu Sans, sans-serif" font-size="14" fill="#e8eaed">${parts.join('')}</g></svg>`;
  await writeFileAtomically(file, await toPng(svg));
}
