import colorNames from 'color-name';
import { invalid } from '../../errors.js';

/** `#rrggbb` or a CSS colour name, as 0xRRGGBB. */
export function parseColor(text: string): number {
  const hex = /^#([0-9a-f]{6})$/i.exec(text)?.[1];
  if (hex) return Number.parseInt(hex, 16);
  const named = Object.hasOwn(colorNames, text.toLowerCase())
    ? colorNames[text.toLowerCase() as keyof typeof colorNames]
    : undefined;
  if (!named) throw invalid('color', '#rrggbb, a CSS colour name or "random"', text);
  return (named[0] << 16) | (named[1] << 8) | named[2];
}

/** 0xRRGGBB as `#rrggbb`. */
export function formatColor(color: number): string {
  return `#${color.toString(16).padStart(6, '0')}`;
}
