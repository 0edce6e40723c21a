import { native } from '../../../native.js';
import { type NumberType, Table } from './flatbuffer.js';
import { type Network, type NetworkTensor, type Operator, sizeOf } from './network.js';
import { densify } from './sparse.js';

// Names, numbers and fields of TFLite's schema.fbs (version 3), as far as they are used.

/** Builtin operators by their number. */
const kinds: Record<number, string> = Object.fromEntries(
  `0 ADD, 1 AVERAGE_POOL_2D, 2 CONCATENATION, 3 CONV_2D, 4 DEPTHWISE_CONV_2D, 5 DEPTH_TO_SPACE, 6 DEQUANTIZE,
  7 EMBEDDING_LOOKUP, 8 FLOOR, 9 FULLY_CONNECTED, 10 HASHTABLE_LOOKUP, 11 L2_NORMALIZATION, 12 L2_POOL_2D,
  13 LOCAL_RESPONSE_NORMALIZATION, 14 LOGISTIC, 15 LSH_PROJECTION, 16 LSTM, 17 MAX_POOL_2D, 18 MUL, 19 RELU,
  20 RELU_N1_TO_1, 21 RELU6, 22 RESHAPE, 23 RESIZE_BILINEAR, 24 RNN, 25 SOFTMAX, 26 SPACE_TO_DEPTH, 27 SVDF, 28 TANH,
  29 CONCAT_EMBEDDINGS, 30 SKIP_GRAM, 31 CALL, 32 CUSTOM, 33 EMBEDDING_LOOKUP_SPARSE, 34 PAD,
  35 UNIDIRECTIONAL_SEQUENCE_RNN, 36 GATHER, 37 BATCH_TO_SPACE_ND, 38 SPACE_TO_BATCH_ND, 39 TRANSPOSE, 40 MEAN, 41 SUB,
  42 DIV, 43 SQUEEZE, 44 UNIDIRECTIONAL_SEQUENCE_LSTM, 45 STRIDED_SLICE, 46 BIDIRECTIONAL_SEQUENCE_RNN, 47 EXP,
  48 TOPK_V2, 49 SPLIT, 50 LOG_SOFTMAX, 51 DELEGATE, 52 BIDIRECTIONAL_SEQUENCE_LSTM, 53 CAST, 54 PRELU, 55 MAXIMUM,
  56 ARG_MAX, 57 MINIMUM, 58 LESS, 59 NEG, 60 PADV2, 61 GREATER, 62 GREATER_EQUAL, 63 LESS_EQUAL, 64 SELECT, 65 SLICE,
  66 SIN, 67 TRANSPOSE_CONV, 68 SPARSE_TO_DENSE, 69 TILE, 70 EXPAND_DIMS, 71 EQUAL, 72 NOT_EQUAL, 73 LOG, 74 SUM,
  75 SQRT, 76 RSQRT, 77 SHAPE, 78 POW, 79 ARG_MIN, 80 FAKE_QUANT, 81 REDUCE_PROD, 82 REDUCE_MAX, 83 PACK,
  84 LOGICAL_OR, 85 ONE_HOT, 86 LOGICAL_AND, 87 LOGICAL_NOT, 88 UNPACK, 89 REDUCE_MIN, 90 FLOOR_DIV, 91 REDUCE_ANY,
  92 SQUARE, 93 ZEROS_LIKE, 94 FILL, 95 FLOOR_MOD, 96 RANGE, 97 RESIZE_NEAREST_NEIGHBOR, 98 LEAKY_RELU,
  99 SQUARED_DIFFERENCE, 100 MIRROR_PAD, 101 ABS, 102 SPLIT_V, 103 UNIQUE, 104 CEIL, 105 REVERSE_V2, 106 ADD_N,
  107 GATHER_ND, 108 COS, 109 WHERE, 110 RANK, 111 ELU, 112 REVERSE_SEQUENCE, 113 MATRIX_DIAG, 114 QUANTIZE,
  115 MATRIX_SET_DIAG, 116 ROUND, 117 HARD_SWISH, 118 IF, 119 WHILE, 120 NON_MAX_SUPPRESSION_V4,
  121 NON_MAX_SUPPRESSION_V5, 122 SCATTER_ND, 123 SELECT_V2, 124 DENSIFY, 125 SEGMENT_SUM, 126 BATCH_MATMUL`
    .split(',')
    .map((entry) => entry.trim().split(' ') as [string, string]),
);

type OptionField = [field: number, type: NumberType, otherwise?: number];
const activation = (field: number): Record<string, OptionField> => ({ activation: [field, 'int8'] });
const window: Record<string, OptionField> = {
  padding: [0, 'int8'],
  strideWidth: [1, 'int32'],
  strideHeight: [2, 'int32'],
};
const dilation = (field: number): Record<string, OptionField> => ({
  dilationWidth: [field, 'int32', 1],
  dilationHeight: [field + 1, 'int32', 1],
});
const pool = { ...window, width: [3, 'int32'], height: [4, 'int32'], ...activation(5) } satisfies Record<
  string,
  OptionField
>;
const reduction: Record<string, OptionField> = { keepDimensions: [0, 'uint8'] };

/** The options of each operator that has any: their names here, and where TFLite keeps them. */
const optionFields: Record<string, Record<string, OptionField>> = {
  ADD: activation(0),
  SUB: activation(0),
  MUL: activation(0),
  DIV: activation(0),
  L2_NORMALIZATION: activation(0),
  CONV_2D: { ...window, ...activation(3), ...dilation(4) },
  DEPTHWISE_CONV_2D: { ...window, ...activation(4), ...dilation(5) },
  TRANSPOSE_CONV: { ...window, ...activation(3) },
  AVERAGE_POOL_2D: pool,
  MAX_POOL_2D: pool,
  FULLY_CONNECTED: { ...activation(0), shuffled: [1, 'int8'], keepDimensions: [2, 'uint8'] },
  SOFTMAX: { beta: [0, 'float'] },
  CONCATENATION: { axis: [0, 'int32'], ...activation(1) },
  RESIZE_BILINEAR: { alignCorners: [2, 'uint8'], halfPixelCenters: [3, 'uint8'] },
  RESIZE_NEAREST_NEIGHBOR: { alignCorners: [0, 'uint8'], halfPixelCenters: [1, 'uint8'] },
  LEAKY_RELU: { alpha: [0, 'float'] },
  DEPTH_TO_SPACE: { blockSize: [0, 'int32'] },
  SPACE_TO_DEPTH: { blockSize: [0, 'int32'] },
  PACK: { axis: [1, 'int32'] },
  STRIDED_SLICE: {
    beginMask: [0, 'int32'],
    endMask: [1, 'int32'],
    ellipsisMask: [2, 'int32'],
    newAxisMask: [3, 'int32'],
    shrinkAxisMask: [4, 'int32'],
  },
  ...Object.fromEntries(['MEAN', 'SUM', 'REDUCE_MAX', 'REDUCE_MIN'].map((kind) => [kind, reduction])),
};
/** Where operators with a list keep it. */
const listFields: Record<string, number> = { RESHAPE: 0, SQUEEZE: 0 };

function readOptions(kind: string, table: Table | undefined): Pick<Operator, 'options' | 'list'> {
  const options = Object.entries(optionFields[kind] ?? {}).map(([name, [field, type, otherwise = 0]]) => [
    name,
    table?.number(field, type, otherwise) ?? otherwise,
  ]);
  const list = listFields[kind];
  return {
    options: Object.fromEntries(options),
    ...(list !== undefined && table && { list: table.numbers(list, 'int32') }),
  };
}

/** Types of tensors by their number, and how their numbers become floats. */
const tensorTypes: Record<number, { name: string; size: number; read: (bytes: ArrayBuffer) => Float32Array }> = {
  0: { name: 'float32', size: 4, read: (bytes) => new Float32Array(bytes) },
  1: { name: 'float16', size: 2, read: (bytes) => native.fromHalves(new Uint16Array(bytes)) },
  2: { name: 'int32', size: 4, read: (bytes) => Float32Array.from(new Int32Array(bytes)) },
  3: { name: 'uint8', size: 1, read: (bytes) => Float32Array.from(new Uint8Array(bytes)) },
  4: { name: 'int64', size: 8, read: (bytes) => Float32Array.from(new BigInt64Array(bytes), Number) },
  7: { name: 'int16', size: 2, read: (bytes) => Float32Array.from(new Int16Array(bytes)) },
  9: { name: 'int8', size: 1, read: (bytes) => Float32Array.from(new Int8Array(bytes)) },
};

/** The real numbers of quantised ones, by a scale for all or for each place along one axis. */
function dequantize(data: Float32Array, shape: readonly number[], quantization: Table | undefined): Float32Array {
  const scales = quantization?.numbers(2, 'float') ?? [];
  if (!quantization || scales.length === 0) return data;
  const zeros = quantization.numbers(3, 'int64');
  const axis = quantization.number(6, 'int32');
  const inner = sizeOf(shape.slice(axis + 1));
  if (scales.length > 1 && scales.length !== shape[axis])
    throw new Error(`${scales.length} scales do not fit axis ${axis} of ${shape.join(' × ')}`);
  return data.map((value, i) => {
    const place = scales.length === 1 ? 0 : Math.floor(i / inner) % scales.length;
    return (value - (zeros[zeros.length === 1 ? 0 : place] ?? 0)) * (scales[place] as number);
  });
}

function readTensor(table: Table, buffers: readonly Table[], isResult: boolean): NetworkTensor {
  const name = table.text(3);
  const sizes = table.numbers(0, 'int32');
  const signature = table.numbers(7, 'int32');
  const number = table.number(1, 'int8');
  const type = tensorTypes[number];
  // 0 bytes are the buffer of what is computed.
  const bytes = buffers[table.number(2, 'uint32')]?.bytes(0);
  if (!bytes) throw new Error(`the tensor ${name} points to a buffer that is not there`);
  if (isResult || bytes.length === 0) {
    if (type && ['uint8', 'int16', 'int8'].includes(type.name))
      throw new Error(`${name} is computed in ${type.name}; expected a network that computes in floats`);
    // Some converters write no shape where a size is open.
    const shape = signature.length === sizes.length && signature.length > 0 ? signature : sizes;
    return { name, shape: shape.length === 0 ? undefined : shape };
  }
  if (!type) throw new Error(`${name} has numbers of type ${number}; expected floats or whole numbers`);
  const sparsity = table.table(6);
  const size = sizeOf(sizes);
  if (bytes.length % type.size !== 0 || (!sparsity && bytes.length !== size * type.size))
    throw new Error(`${name} has ${bytes.length} bytes; expected ${size * type.size} for ${sizes.join(' × ')}`);
  const stored = type.read(bytes.buffer);
  return {
    name,
    shape: sizes,
    data: dequantize(sparsity ? densify(stored, sizes, sparsity) : stored, sizes, table.table(4)),
  };
}

/** In all constants together; a damaged file may name the same bytes again and again. */
const mostConstants = 2 ** 28;

/** Reads a TFLite file. Throws an `Error` that says what is wrong with it. */
export function readTflite(file: Uint8Array): Network {
  if (!isTflite(file)) throw new Error('is not a TFLite file');
  const model = Table.root(file);
  const codes = model.tables(1).map((code) => Math.max(code.number(0, 'int8'), code.number(3, 'int32')));
  const customs = model.tables(1).map((code) => code.text(1));
  const [graph, second] = model.tables(2);
  if (!graph || second) throw new Error('expected one graph in the file');
  const operators = graph.tables(3).map((table): Operator => {
    const index = table.number(0, 'uint32');
    const code = codes[index];
    if (code === undefined) throw new Error(`is damaged: it has no operator code ${index}`);
    const kind = customs[index] || kinds[code] || `number ${code}`;
    return {
      kind,
      inputs: table.numbers(1, 'int32'),
      outputs: table.numbers(2, 'int32'),
      ...readOptions(kind, table.table(4)),
    };
  });
  const inputs = graph.numbers(1, 'int32');
  const results = new Set([...inputs, ...operators.flatMap(({ outputs }) => outputs)]);
  const buffers = model.tables(4);
  let left = mostConstants;
  const tensors = graph.tables(0).map((table, i) => {
    const tensor = readTensor(table, buffers, results.has(i));
    left -= (tensor.data?.length ?? 0) + 1;
    if (left < 0) throw new Error(`holds more than ${mostConstants} numbers`);
    return tensor;
  });
  return { tensors, operators, inputs, outputs: graph.numbers(2, 'int32') };
}

/** Whether bytes are those of a TFLite file: its identifier follows the first offset. */
export const isTflite = (bytes: Uint8Array): boolean => Buffer.from(bytes.subarray(4, 8)).toString('latin1') === 'TFL3';
