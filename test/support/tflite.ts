import { Builder } from 'flatbuffers';

type Field = [field: number, type: 'int8' | 'int32' | 'float', value: number];

/** A tensor of a TFLite file; one with data is a constant. */
export interface TfliteTensor {
  name?: string;
  shape: number[];
  /** TFLite's number of its type: float32 (0), float16 (1), int32 (2), uint8 (3), int64 (4), int8 (9). Default 0. */
  type?: number;
  data?: ArrayBufferView;
  quantization?: { scale: number[]; zero: number[]; axis?: number };
  sparsity?: { order: number[]; blocked: number[]; levels: (number | { segments: number[]; indices: number[] })[] };
}

export interface TfliteOperator {
  code: number;
  /** Name of an operator that is none of TFLite's own. */
  custom?: string;
  inputs: number[];
  outputs: number[];
  /** Fields of its options. */
  options?: Field[];
  list?: number[];
}

export interface TfliteModel {
  tensors: TfliteTensor[];
  operators: TfliteOperator[];
  inputs: number[];
  outputs: number[];
}

/** Writes a TFLite file with the flatbuffers library. */
export function writeTflite({ tensors, operators, inputs, outputs }: TfliteModel): Buffer {
  const b = new Builder(1024);
  const vector = (values: readonly number[], size: number, add: (value: number) => void) => {
    b.startVector(size, values.length, size);
    for (const value of values.toReversed()) add(value);
    return b.endVector();
  };
  const offsets = (values: number[]) => vector(values, 4, (value) => b.addOffset(value));
  const ints = (values: readonly number[]) => vector(values, 4, (value) => b.addInt32(value));
  /** Offsets of vectors and tables by field, and numbers. */
  const table = (parts: Record<number, number>, fields: Field[] = []) => {
    b.startObject(16);
    for (const [field, offset] of Object.entries(parts)) b.addFieldOffset(Number(field), offset, 0);
    for (const [field, type, value] of fields)
      if (type === 'float') b.addFieldFloat32(field, value, 0);
      else if (type === 'int8') b.addFieldInt8(field, value, 0);
      else b.addFieldInt32(field, value, 0);
    return b.endObject();
  };
  const bytes = (data: ArrayBufferView) =>
    b.createByteVector(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const sparse = ({ order, blocked, levels }: NonNullable<TfliteTensor['sparsity']>) => {
    const indices = (values: number[]) => table({ 0: ints(values) });
    const dimensions = levels.map((level) => {
      if (typeof level === 'number') return table({}, [[1, 'int32', level]]);
      const parts = { 3: indices(level.segments), 5: indices(level.indices) };
      // Both are Int32Vector.
      return table(parts, [
        [0, 'int8', 1],
        [2, 'int8', 1],
        [4, 'int8', 1],
      ]);
    });
    return table({ 0: ints(order), 1: ints(blocked), 2: offsets(dimensions) });
  };
  const buffers = [table({}), ...tensors.map(({ data }) => table(data ? { 0: bytes(data) } : {}))];
  const tables = tensors.map(({ name, shape, type = 0, quantization, sparsity }, i) => {
    const parts: Record<number, number> = { 0: ints(shape), 3: b.createString(name ?? `tensor${i}`) };
    if (quantization) {
      const { scale, zero, axis = 0 } = quantization;
      const scales = vector(scale, 4, (value) => b.addFloat32(value));
      const zeros = vector(zero, 8, (value) => b.addInt64(BigInt(value)));
      parts[4] = table({ 2: scales, 3: zeros }, [[6, 'int32', axis]]);
    }
    if (sparsity) parts[6] = sparse(sparsity);
    return table(parts, [
      [1, 'int8', type],
      [2, 'int32', i + 1],
    ]);
  });
  const codes = operators.map(({ code, custom }) =>
    table(custom === undefined ? {} : { 1: b.createString(custom) }, [
      [0, 'int8', code],
      [3, 'int32', code],
    ]),
  );
  const runs = operators.map(({ inputs, outputs, options = [], list }, i) =>
    table({ 1: ints(inputs), 2: ints(outputs), 4: table(list ? { 0: ints(list) } : {}, options) }, [[0, 'int32', i]]),
  );
  const graph = table({ 0: offsets(tables), 1: ints(inputs), 2: ints(outputs), 3: offsets(runs) });
  const model = table({ 1: offsets(codes), 2: offsets([graph]), 4: offsets(buffers) }, [[0, 'int32', 3]]);
  b.finish(model, 'TFL3');
  return Buffer.from(b.asUint8Array());
}
