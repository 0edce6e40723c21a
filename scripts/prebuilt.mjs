// Whether a clone need not build: the platform package of its own version is installed.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);
const { version, prebuilt } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));

function installedVersion() {
  try {
    return createRequire(path.join(root, 'package.json'))(
      `${prebuilt[`${process.platform}-${process.arch}`]}/package.json`,
    ).version;
  } catch {
    return undefined;
  }
}

export const isPrebuilt = installedVersion() === version;
