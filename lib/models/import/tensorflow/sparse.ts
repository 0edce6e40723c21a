import type { NumberType, Table } from './flatbuffer.js';
import { sizeOf, stridesOf } from './network.js';

/** How one level of a sparse tensor's tree branches: into `size` places, or into those that `indices` name. */
type Level = { size: number } | { segments: number[]; indices: number[] };

/** Types of vectors of indices by their number. */
const indexTypes: Record<number, NumberType> = { 1: 'int32', 2: 'uint16', 3: 'uint8' };

function readIndices(table: Table, field: number): number[] {
  const type = indexTypes[table.number(field, 'uint8')];
  const values = table.table(field + 1);
  if (!type || !values) throw new Error('a sparse tensor lacks its indices');
  return values.numbers(0, type);
}

/**
 * The numbers of a sparse tensor of TFLite, with zeros between. Its numbers are the leaves of a tree, whose levels are
 * dimensions in some order, then blocks of dimensions.
 */
export function densify(stored: Float32Array, shape: readonly number[], sparsity: Table): Float32Array {
  const order = sparsity.numbers(0, 'int32');
  const blocked = sparsity.numbers(1, 'int32');
  const levels = sparsity
    .tables(2)
    .map(
      (table): Level =>
        table.number(0, 'int8') === 0
          ? { size: table.number(1, 'int32') }
          : { segments: readIndices(table, 2), indices: readIndices(table, 4) },
    );
  const rank = shape.length;
  if (blocked.length > rank) throw new Error('a sparse tensor has more blocks than dimensions');
  const isComplete =
    new Set(order).size === rank + blocked.length &&
    order.every((level) => level >= 0 && level < rank + blocked.length);
  if (
    !isComplete ||
    order.length !== levels.length ||
    blocked.some((dimension) => !(dimension >= 0 && dimension < rank))
  )
    throw new Error('a sparse tensor has other levels than dimensions and blocks');
  // A place along a dimension that has blocks counts blocks; the block's level counts places in it.
  const strides = stridesOf(shape);
  const steps = order.map((level, i) => {
    if (level >= rank) return strides[blocked[level - rank] as number] as number;
    const block = blocked.indexOf(level);
    const inBlock = block < 0 ? undefined : levels[order.indexOf(rank + block)];
    if (inBlock && !('size' in inBlock)) throw new Error(`level ${i} of a sparse tensor has blocks of no fixed size`);
    return (strides[level] as number) * (inBlock?.size ?? 1);
  });
  const dense = new Float32Array(sizeOf(shape));
  // No level of a sound tree has more nodes than the tensor has numbers.
  let left = (levels.length + 1) * dense.length;
  const visit = (depth: number, parent: number, place: number): void => {
    if (--left < 0) throw new Error('a sparse tensor has more places than its shape');
    const level = levels[depth];
    const step = steps[depth];
    if (!level || step === undefined) {
      if (place >= dense.length || parent >= stored.length) throw new Error('a sparse tensor leads outside its shape');
      dense[place] = stored[parent] as number;
      return;
    }
    const [from, to] = 'size' in level ? [0, level.size] : [level.segments[parent], level.segments[parent + 1]];
    if (from === undefined || to === undefined) throw new Error('a sparse tensor has no such segment');
    for (let i = from; i < to; i++) {
      const index = 'size' in level ? i : level.indices[i];
      if (!(index !== undefined && index >= 0)) throw new Error('a sparse tensor has no such index');
      visit(depth + 1, 'size' in level ? parent * level.size + i : i, place + index * step);
    }
  };
  visit(0, 0, 0);
  return dense;
}
