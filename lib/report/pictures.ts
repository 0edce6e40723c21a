import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { MaskbenchError } from '../errors.js';
import { type Pair, pairPath } from '../pairs/list.js';

/** Two photos side by side. */
export interface PagePair {
  /** PNG pictures. */
  pictures: [Buffer, Buffer];
  caption: string;
}

const types: Record<string, string> = { '.jpg': 'jpeg', '.jpeg': 'jpeg', '.png': 'png', '.webp': 'webp' };

/** A picture's bytes as an address. Throws `UNSUPPORTED_FORMAT`, `UNREADABLE`. */
export async function dataUri(file: string): Promise<string> {
  const type = types[path.extname(file).toLowerCase()];
  if (!type) throw new MaskbenchError('UNSUPPORTED_FORMAT', file, `${file}: expected a JPEG, PNG or WebP file`);
  const data = await readFile(file).catch((error) => {
    throw new MaskbenchError('UNREADABLE', file, `${file}: ${error.message}`);
  });
  return `data:image/${type};base64,${data.toString('base64')}`;
}

/** Draws an SVG; `zoom` times as large as it says. */
export async function toPng(
  svg: string,
  { zoom = 1, background }: { zoom?: number; background?: string } = {},
): Promise<Buffer> {
  // Loaded when something is drawn.
  const { renderAsync } = await import('@resvg/resvg-js');
  const image = await renderAsync(svg, { fitTo: { mode: 'zoom', value: zoom }, ...(background && { background }) });
  return image.asPng();
}

const thumbnail = 112;

async function thumbnailOf(file: string): Promise<Buffer> {
  const uri = await dataUri(file).catch(() => undefined);
  const picture = uri
    ? `<image width="${thumbnail}" height="${thumbnail}" href="${uri}"/>`
    : '<text x="8" y="60" font-size="13" font-family="DejaVu Sans" fill="#888">not there</text>';
  return toPng(`<svg xmlns="http://www.w3.org/2000/svg" width="${thumbnail}" height="${thumbnail}">${picture}</svg>`, {
    zoom: 2,
  });
}

/** What a page must say above pictures of people. */
export const picturesNote = "These pictures are personal data: pass this page on only as the data set's terms allow.";

/** Two photos below a folder, side by side. */
export async function pagePair(
  images: string,
  { reference, probe }: Pick<Pair, 'reference' | 'probe'>,
  score: string,
): Promise<PagePair> {
  const [left, right] = await Promise.all(
    [reference, probe].map((name) => thumbnailOf(path.join(images, pairPath(name)))),
  );
  return {
    pictures: [left as Buffer, right as Buffer],
    caption: `${pairPath(reference)} – ${pairPath(probe)}: ${score}`,
  };
}
