import { type DrawnTemplate, drawnAnchors, frame } from './canvas.js';
import { cloths, surgical } from './medical.js';
import { respirators } from './respirators.js';
import type { TemplateDescription } from './template.js';

const drawn: DrawnTemplate[] = [surgical, ...respirators, ...cloths];

const rendered = new Map<string, Promise<Uint8Array>>();

/** A part's picture as PNG, made once a process. */
function render({ name, parts, bottom }: DrawnTemplate, index: number): Promise<Uint8Array> {
  const key = `${name}/${index}`;
  const made =
    rendered.get(key) ??
    // Loaded when something is drawn.
    import('@resvg/resvg-js').then(async ({ renderAsync }) => {
      const part = parts[index] as DrawnTemplate['parts'][number];
      return (await renderAsync(frame(part, bottom))).asPng();
    });
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
