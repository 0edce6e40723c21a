/** A layer of a template: what is bent to the face, what holds it, what is drawn on it. */
export const templateParts = ['body', 'straps', 'seams'] as const;
export type TemplatePart = (typeof templateParts)[number];

/** A pixel of a template's picture, and the place of a face that it lies on. */
export interface TemplateAnchor {
  /** 0 to 67; 28.5 is midway between 28 and 29. */
  landmark: number;
  /** Pixels. */
  x: number;
  y: number;
}

/** How a template looks from one side. */
export interface TemplateView {
  /** Lowest first. `file` gives the picture's bytes, where `path` only names it. */
  parts: { part: TemplatePart; path: string; file?: () => Promise<Uint8Array>; tinted: boolean }[];
  /** At least three, not on a line. */
  anchors: TemplateAnchor[];
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
