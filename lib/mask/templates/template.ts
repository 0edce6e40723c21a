import type { NativeAnchor } from '../../../binding.js';

/** A layer of a template: what is bent to the face, what holds it, what is drawn on it. */
export const templateParts = ['body', 'straps', 'seams'] as const;
export type TemplatePart = (typeof templateParts)[number];

/** How a template looks from one side. */
export interface TemplateView {
  /** Lowest first. `file` gives the picture's bytes, where `path` only names it. */
  parts: { part: TemplatePart; path: string; file?: () => Promise<Uint8Array>; tinted: boolean }[];
  anchors: NativeAnchor[];
}

/** A template: pictures, and where they meet the face. */
export interface TemplateDescription {
  name: string;
  /** What it is, for people. */
  title: string;
  /** Usual colours, `#rrggbb`; the first is the default. None: the pictures' own. */
  colors: string[];
  front: TemplateView;
  left?: TemplateView;
  right?: TemplateView;
}
