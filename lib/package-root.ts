import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's own folder. */
export const packageRoot = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
