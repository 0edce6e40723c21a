import { checkPath, MaskbenchError } from '../errors.js';
import { readNpy } from '../files/npy.js';
import { numberedLines, readText } from '../files/text.js';
import { pairIdentity } from '../pairs/list.js';
import { checkMeasuring } from './arguments.js';
import { evaluateIdentification, type Identification, type IdentificationOptions } from './identification.js';

/** Identities of a list of photos, one a line. */
async function readIdentities(file: string): Promise<string[]> {
  return numberedLines(await readText(file)).map(({ line, number }) => {
    const identity = pairIdentity(line);
    if (identity === '')
      throw new MaskbenchError('UNREADABLE', file, `${file}, line ${number}: expected <identity>/<photo>`);
    return identity;
  });
}

/**
 * Reads a score matrix with the photos of its rows and columns, and measures identification.
 * @param matrix A `.npy` of similarities, [probes × gallery], row-major.
 * @param probes A text file: `<identity>/<photo>` of each row, one a line.
 * @param gallery A text file: `<identity>/<photo>` of each column, one a line.
 * @throws `MaskbenchError` as {@link evaluateIdentification}; `NOT_FOUND`; `UNREADABLE` naming file and line
 * @example
 * const { cmc } = await evaluateIdentificationFiles('scores.npy', 'probes.txt', 'gallery.txt', { rank: 1 });
 */
export async function evaluateIdentificationFiles(
  matrix: string,
  probes: string,
  gallery: string,
  options: IdentificationOptions = {},
): Promise<Identification> {
  for (const [name, file] of Object.entries({ matrix, probes, gallery })) checkPath(name, file);
  checkMeasuring(options);
  const { data, shape } = await readNpy(matrix);
  if (shape.length !== 2 || !(data instanceof Float32Array || data instanceof Float64Array))
    throw new MaskbenchError('UNREADABLE', matrix, `${matrix}: expected a matrix of floating-point scores`);
  const rows = await readIdentities(probes);
  const columns = await readIdentities(gallery);
  if (shape[0] !== rows.length || shape[1] !== columns.length)
    throw new MaskbenchError(
      'INVALID_ARGUMENT',
      matrix,
      `${matrix}: the matrix is ${shape.join(' × ')}, but the lists name ${rows.length} probes and ${columns.length} gallery photos`,
    );
  return evaluateIdentification(data, rows, columns, options);
}
