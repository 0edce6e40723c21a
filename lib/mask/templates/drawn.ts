import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { makeFolder, writeFileAtomically } from '../../files/atomic.js';
import { native } from '../../native.js';
import { type DrawnTemplate, drawnAnchors, frame } from './canvas.js';
import { cloths, surgical } from './medical.js';
import { respirators } from './respirators.js';
import type { TemplateDescription } from './template.js';

const drawn: DrawnTemplate[] = [surgical, ...respirators, ...cloths];

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest();

/**
 * A picture as PNG. It is made once a machine and kept in the user's cache folder, behind its SHA-256: making all takes
 * half a second or more, and a hundred megabytes that resvg does not give back.
 */
async function renderOnce(svg: string): Promise<Uint8Array> {
  const { version } = createRequire(import.meta.url)('@resvg/resvg-js/package.json') as { version: string };
  const { cacheFolder } = native.systemInfo();
  const kept = cacheFolder && path.join(cacheFolder, 'templates', sha256(`${version} ${svg}`).toString('hex'));
  const found = kept && (await readFile(kept).catch(() => undefined));
  if (found && sha256(found.subarray(32)).equals(found.subarray(0, 32))) return found.subarray(32);
  const { renderAsync } = await import('@resvg/resvg-js');
  const png = (await renderAsync(svg, { font: { loadSystemFonts: false } })).asPng();
  if (kept)
    await makeFolder(path.dirname(kept))
      .then(() => writeFileAtomically(kept, Buffer.concat([sha256(png), png])))
      .catch(() => {}); // A full or read-only cache folder costs only the next start's time.
  return png;
}

const rendered = new Map<string, Promise<Uint8Array>>();

/** A part's picture. */
function render({ name, parts, bottom }: DrawnTemplate, index: number): Promise<Uint8Array> {
  const key = `${name}/${index}`;
  const made = rendered.get(key) ?? renderOnce(frame(parts[index] as DrawnTemplate['parts'][number], bottom));
  rendered.set(key, made);
  return made;
}

/** The templates that the project draws itself, from vectors. */
export const drawnTemplates: TemplateDescription[] = drawn.map((template) => ({
  name: template.name,
  title: template.title,
  colors: template.colors,
  front: {
    parts: template.parts.map(({ part }, index) => ({
      part,
      path: `template ${template.name}`,
      file: () => render(template, index),
      tinted: part === 'body',
    })),
    anchors: drawnAnchors,
  },
}));
