import path from 'node:path';
import { z } from 'zod';
import { readTfjsGroups, weightGroups } from '../../tfjs.js';
import { type Network, type NetworkTensor, type Operator, type Options, sizeOf } from './network.js';
import { permuted } from './values.js';

// The part of a GraphDef, as TensorFlow.js writes it, that is looked at.
const longs = z.object({ i: z.array(z.coerce.number()).optional(), s: z.array(z.string()).optional() });
const attribute = z.object({
  i: z.coerce.number().optional(),
  f: z.coerce.number().optional(),
  b: z.boolean().optional(),
  s: z.string().optional(),
  list: longs.optional(),
  shape: z.object({ dim: z.array(z.object({ size: z.coerce.number() })).optional() }).optional(),
});
const node = z.object({
  name: z.string(),
  op: z.string(),
  input: z.array(z.string()).default([]),
  attr: z.record(z.string(), attribute).default({}),
});
const graphModel = z.object({
  format: z.literal('graph-model'),
  modelTopology: z.object({ node: z.array(node) }),
  weightsManifest: weightGroups,
  signature: z.object({ outputs: z.record(z.string(), z.object({ name: z.string() })).optional() }).optional(),
});
type Node = z.infer<typeof node>;

const textOf = (value = '') => Buffer.from(value, 'base64').toString('latin1');
/** Without the number of the output. */
const producer = (input: string) => input.replace(/:0$/, '');

/** Operators that TFLite has too, by its names. */
const alike: Record<string, string> = {
  ...{ Add: 'ADD', AddV2: 'ADD', BiasAdd: 'ADD', Sub: 'SUB', Mul: 'MUL', RealDiv: 'DIV', Pow: 'POW', Prelu: 'PRELU' },
  ...{ Maximum: 'MAXIMUM', Minimum: 'MINIMUM', SquaredDifference: 'SQUARED_DIFFERENCE', LeakyRelu: 'LEAKY_RELU' },
  ...{
    Relu: 'RELU',
    Relu6: 'RELU6',
    Sigmoid: 'LOGISTIC',
    Tanh: 'TANH',
    Elu: 'ELU',
    Abs: 'ABS',
    Neg: 'NEG',
    Exp: 'EXP',
  },
  ...{ Log: 'LOG', Sqrt: 'SQRT', Rsqrt: 'RSQRT', Square: 'SQUARE', Floor: 'FLOOR', Softmax: 'SOFTMAX' },
  ...{
    MaxPool: 'MAX_POOL_2D',
    AvgPool: 'AVERAGE_POOL_2D',
    Mean: 'MEAN',
    Sum: 'SUM',
    Max: 'REDUCE_MAX',
    Min: 'REDUCE_MIN',
  },
  ...{ Reshape: 'RESHAPE', Squeeze: 'SQUEEZE', ExpandDims: 'EXPAND_DIMS', Transpose: 'TRANSPOSE', Shape: 'SHAPE' },
  ...{ Pad: 'PAD', PadV2: 'PADV2', Pack: 'PACK', StridedSlice: 'STRIDED_SLICE', ConcatV2: 'CONCATENATION' },
  ...{ ResizeBilinear: 'RESIZE_BILINEAR', ResizeNearestNeighbor: 'RESIZE_NEAREST_NEIGHBOR' },
  ...{ DepthToSpace: 'DEPTH_TO_SPACE', SpaceToDepth: 'SPACE_TO_DEPTH' },
};
/** Operators whose weights lie in another order, and may carry what follows them. */
const weighted: Record<string, string> = {
  ...{ Conv2D: 'CONV_2D', _FusedConv2D: 'CONV_2D', MatMul: 'FULLY_CONNECTED', _FusedMatMul: 'FULLY_CONNECTED' },
  ...{ DepthwiseConv2dNative: 'DEPTHWISE_CONV_2D', FusedDepthwiseConv2dNative: 'DEPTHWISE_CONV_2D' },
};

/** An operator's options by TFLite's names. */
function optionsOf({ op, attr }: Node): Options {
  const [, strideHeight = 1, strideWidth = 1] = attr.strides?.list?.i ?? [];
  const [, dilationHeight = 1, dilationWidth = 1] = attr.dilations?.list?.i ?? [];
  const [, height = 0, width = 0] = attr.ksize?.list?.i ?? [];
  const layout = textOf(attr.data_format?.s);
  const padding = textOf(attr.padding?.s);
  if (layout === 'NCHW' || padding === 'EXPLICIT') throw new Error(`has a ${op} with ${layout} and ${padding} padding`);
  const numbers = { beginMask: 'begin_mask', endMask: 'end_mask', ellipsisMask: 'ellipsis_mask' };
  const others = { newAxisMask: 'new_axis_mask', shrinkAxisMask: 'shrink_axis_mask', blockSize: 'block_size' };
  return {
    ...{ strideHeight, strideWidth, dilationHeight, dilationWidth, height, width, beta: 1 },
    ...{ padding: padding === 'VALID' ? 1 : 0, alpha: attr.alpha?.f ?? 0.2 },
    keepDimensions: Number(attr.keep_dims?.b ?? false),
    alignCorners: Number(attr.align_corners?.b ?? false),
    halfPixelCenters: Number(attr.half_pixel_centers?.b ?? false),
    ...Object.fromEntries(Object.entries({ ...numbers, ...others }).map(([name, key]) => [name, attr[key]?.i ?? 0])),
  };
}

/** Puts a graph together, whose nodes name each other. */
class Builder {
  readonly tensors: NetworkTensor[] = [];
  readonly operators: Operator[] = [];
  readonly inputs: number[] = [];
  readonly #numbers = new Map<string, number>();

  tensor(tensor: NetworkTensor): number {
    this.#numbers.set(tensor.name, this.tensors.length);
    return this.tensors.push(tensor) - 1;
  }

  number(input: string): number {
    const number = this.#numbers.get(producer(input));
    if (number === undefined) throw new Error(`has no node ${input}`);
    return number;
  }

  constant(input: string): { data: Float32Array; shape: number[] } {
    const { data, shape } = this.tensors[this.number(input)] as NetworkTensor;
    if (!data || !shape) throw new Error(`computes ${input}; expected a constant`);
    return { data, shape };
  }

  alias(name: string, input: string): void {
    this.#numbers.set(name, this.number(input));
  }

  add(kind: string, inputs: number[], name: string, options: Options = {}, list?: number[]): number {
    const output = this.tensor({ name, shape: undefined });
    this.operators.push({ kind, inputs, outputs: [output], options, ...(list && { list }) });
    return output;
  }
}

/** Weights in TFLite's order: [out, height, width, in], [1, height, width, in × multiplier], [out, in]. */
function reordered(
  kind: string,
  { data, shape }: { data: Float32Array; shape: number[] },
  isTransposed: boolean,
): Omit<NetworkTensor, 'name'> {
  const [a = 0, b = 0, c = 0, d = 0] = shape;
  if (shape.length !== (kind === 'FULLY_CONNECTED' ? 2 : 4)) throw new Error(`has weights of ${shape.join(' × ')}`);
  if (kind === 'CONV_2D') return { data: permuted(data, shape, [3, 0, 1, 2]), shape: [d, a, b, c] };
  if (kind === 'DEPTHWISE_CONV_2D') return { data, shape: [1, a, b, c * d] };
  return isTransposed ? { data, shape } : { data: permuted(data, shape, [1, 0]), shape: [b, a] };
}

/** A convolution or product, and what is fused to it. */
function addWeighted(builder: Builder, one: Node, kind: string): void {
  const [x = '', weights = '', ...more] = one.input;
  if (one.attr.transpose_a?.b) throw new Error(`has a ${one.op} of a transposed input`);
  const name = `${one.name}/weights`;
  const filters = builder.tensor({
    name,
    ...reordered(kind, builder.constant(weights), one.attr.transpose_b?.b ?? false),
  });
  const fused = (one.attr.fused_ops?.list?.s ?? []).map(textOf);
  const bias = fused[0] === 'BiasAdd' ? builder.number(more.shift() ?? '') : -1;
  let result = builder.add(kind, [builder.number(x), filters, bias], one.name, optionsOf(one));
  for (const op of fused.filter((op) => op !== 'BiasAdd')) {
    const after = alike[op];
    if (after === undefined) throw new Error(`has a ${one.op} with ${op} fused to it, which is not supported`);
    const operands = op === 'Prelu' ? [result, builder.number(more.shift() ?? '')] : [result];
    // The last one takes the node's name.
    result = builder.add(after, operands, one.name, { alpha: one.attr.leakyrelu_alpha?.f ?? 0.2, beta: 1 });
  }
}

/** Batch normalisation by the moments of training: a factor and an offset. */
function addNorm(builder: Builder, { name, input, attr }: Node): void {
  const [x = '', ...constants] = input;
  const [scale, offset, mean, variance] = constants.map((constant) => builder.constant(constant).data);
  if (!scale || !offset || !mean || !variance) throw new Error(`${name} lacks its moments`);
  const epsilon = attr.epsilon?.f ?? 1e-4;
  const factors = scale.map((value, i) => value / Math.sqrt((variance[i] as number) + epsilon));
  const offsets = offset.map((value, i) => value - (mean[i] as number) * (factors[i] as number));
  const shape = [scale.length];
  const factor = builder.tensor({ name: `${name}/factors`, shape, data: factors });
  const shift = builder.tensor({ name: `${name}/offsets`, shape, data: offsets });
  builder.add('ADD', [builder.add('MUL', [builder.number(x), factor], `${name}/scaled`), shift], name);
}

function addNode(builder: Builder, one: Node): void {
  const { name, op, attr } = one;
  const input = one.input.filter((each) => !each.startsWith('^'));
  if (op === 'Identity') builder.alias(name, input[0] ?? '');
  else if (op === 'Placeholder') {
    const shape = attr.shape?.shape?.dim?.map(({ size }) => size);
    builder.inputs.push(builder.tensor({ name, shape }));
  } else if (op.startsWith('FusedBatchNorm')) addNorm(builder, { ...one, input });
  else if (weighted[op] !== undefined) addWeighted(builder, { ...one, input }, weighted[op]);
  else if (op === 'ConcatV2') {
    const [axis = 0] = builder.constant(input.at(-1) ?? '').data;
    builder.add(
      'CONCATENATION',
      input.slice(0, -1).map((each) => builder.number(each)),
      name,
      { axis },
    );
  } else {
    const list = op === 'Squeeze' ? (attr.squeeze_dims?.list?.i ?? []) : undefined;
    // An operator that is not known keeps its name, which the error gives.
    builder.add(
      alike[op] ?? op,
      input.map((each) => builder.number(each)),
      name,
      optionsOf(one),
      list,
    );
  }
}

/** Nodes in the order in which they can be computed. */
function ordered(nodes: readonly Node[]): Node[] {
  const byName = new Map(nodes.map((one) => [one.name, one]));
  const done = new Set<Node>();
  const begun = new Set<Node>();
  // Without recursion, for a network may be deep.
  const stack = nodes.toReversed();
  for (let one = stack.at(-1); one; one = stack.at(-1)) {
    const needed = one.input
      .map((input) => byName.get(producer(input.replace(/^\^/, ''))))
      .filter((input) => input && !done.has(input));
    if (needed.length > 0 && begun.has(one) && !done.has(one)) throw new Error(`goes in a circle at ${one.name}`);
    begun.add(one);
    if (needed.length === 0 || done.has(one)) {
      done.add(one);
      stack.pop();
    } else stack.push(...(needed as Node[]));
  }
  return [...done];
}

/** Whether bytes are those of a TensorFlow.js graph model (`model.json`). */
export const isTfjsGraph = (bytes: Buffer): boolean =>
  /^\s*\{/.test(bytes.toString('latin1', 0, 64)) && bytes.includes('"graph-model"');

/**
 * Reads a TensorFlow.js graph model, and its weight files beside `file`. Throws an `Error` that says what is wrong with
 * it.
 */
export async function readTfjsGraph(bytes: Buffer, file: string): Promise<Network> {
  const { data: model, error } = graphModel.safeParse(JSON.parse(bytes.toString('utf8')));
  if (!model) {
    const [issue] = error.issues;
    throw new Error(`${issue?.path.join('.')}: ${issue?.message}`);
  }
  const weights = await readTfjsGroups(model.weightsManifest, path.dirname(file), file);
  const builder = new Builder();
  const nodes = ordered(model.modelTopology.node);
  for (const one of nodes) {
    const weight = weights.get(one.name);
    if (weight) {
      sizeOf(weight.shape);
      builder.tensor({ name: one.name, ...weight });
    } else if (one.op === 'Const') throw new Error(`has no weights for ${one.name}`);
    else addNode(builder, one);
  }
  const used = new Set(nodes.flatMap(({ input }) => input.map(producer)));
  const named = Object.values(model.signature?.outputs ?? {}).map(({ name }) => name);
  const results = named.length > 0 ? named : nodes.filter(({ name }) => !used.has(name)).map(({ name }) => name);
  const { tensors, operators, inputs } = builder;
  return { tensors, operators, inputs, outputs: results.map((name) => builder.number(name)) };
}
