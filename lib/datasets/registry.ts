import { checkChoice, checkPath } from '../errors.js';
import { celeba } from './layouts/celeba.js';
import { feiFaceFrontal, feiFaceOriginal } from './layouts/fei.js';
import { folders } from './layouts/folders.js';
import { georgiaTech } from './layouts/georgia-tech.js';
import type { Layout } from './layouts/layout.js';
import { lfw } from './layouts/lfw.js';
import { inHouse, mfr2, rmfd } from './layouts/real-masks.js';
import { sofOriginal } from './layouts/sof.js';
import { youtubeFaces } from './layouts/youtube-faces.js';

/** Every layout, in the order of the paper's program, then those beyond it. */
export const layouts: readonly Layout[] = [
  celeba,
  feiFaceFrontal,
  feiFaceOriginal,
  georgiaTech,
  lfw,
  sofOriginal,
  youtubeFaces,
  inHouse,
  rmfd,
  mfr2,
  folders,
].map((layout) => ({
  ...layout,
  async *read(root, options) {
    yield* layout.read(checkPath('root', root), options);
  },
}));

/** Throws `INVALID_ARGUMENT` for an unknown name. */
export function layoutNamed(name: string): Layout {
  checkChoice(
    'data set',
    name,
    layouts.map((layout) => layout.name),
  );
  return layouts.find((layout) => layout.name === name) as Layout;
}
