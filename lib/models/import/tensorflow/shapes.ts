import { channelBlock } from './channels.js';
import { activated } from './elementwise.js';
import type { Build } from './inputs.js';
import { sizeOf } from './network.js';
import { axisOf, constantValue, isConstant, nodeAxis, numbersOf, permuted, type Value, type Values } from './values.js';

/** A reduction over axes that a constant names. */
const reduction =
  (opType: string, axesAsInput = false): Build =>
  (values, inputs, { keepDimensions = 0 }) => {
    const rank = inputs.at(0).shape.length;
    const axes = inputs.numbers(1).map((axis) => axisOf(axis, rank));
    // The result has no height and width, so its channels need not be moved.
    const x = keepDimensions || (axes.includes(1) && axes.includes(2)) ? inputs.at(0) : values.asPlain(inputs.at(0));
    if (x.batched && axes.includes(0)) throw new Error('mixes the batch with other dimensions');
    const nodeAxes = axes.map((axis) => nodeAxis(x, axis));
    const y = values.graph.node(opType, [values.own(x), ...(axesAsInput ? [values.whole(...nodeAxes)] : [])], {
      ...(!axesAsInput && { axes: nodeAxes }),
      keepdims: keepDimensions,
    });
    const shape = x.shape.flatMap((length, axis) => (!axes.includes(axis) ? [length] : keepDimensions ? [1] : []));
    return values.result(y, shape, { image: x.image && keepDimensions !== 0, batched: x.batched });
  };

/** Adds channels of zeros. A convolution makes them: unlike Pad, it does not leave ONNX Runtime's blocked layout. */
function withZeros(values: Values, x: Value, added: number): Value {
  const [, , , channels = 0] = x.shape;
  let group = Math.min(channels, added) / channelBlock;
  while (channels % (group * channelBlock) !== 0 || added % (group * channelBlock) !== 0) group--;
  const shape = [added, channels / group, 1, 1];
  const filters = values.graph.constant(new Float32Array((added * channels) / group), shape);
  const zeros = values.graph.node('Conv', [values.image(x), filters], { kernel_shape: [1, 1], group });
  const y = values.graph.node('Concat', [values.image(x), zeros], { axis: 1 });
  return values.result(y, [...x.shape.slice(0, 3), channels + added], x);
}

/** Adds a constant's numbers of places before and after each dimension. */
function padded(values: Values, x: Value, amounts: number[], value: number): Value {
  const rank = x.shape.length;
  if (amounts.length !== 2 * rank || amounts.some((amount) => amount < 0))
    throw new Error(`pads ${rank} dimensions by ${amounts.join(', ')}`);
  const inNode = new Array<number>(2 * rank).fill(0);
  const shape = x.shape.map((length, axis) => {
    const [before, after] = [amounts[2 * axis] as number, amounts[2 * axis + 1] as number];
    inNode[nodeAxis(x, axis)] = before;
    inNode[rank + nodeAxis(x, axis)] = after;
    return length + before + after;
  });
  const added = amounts[2 * rank - 1] as number;
  if (x.image && value === 0 && amounts.every((amount, i) => amount === 0 || i === 2 * rank - 1)) {
    const channels = x.shape[3] as number;
    if (channels % channelBlock === 0 && added % channelBlock === 0) return withZeros(values, x, added);
  }
  const y = values.graph.node('Pad', [values.own(x), values.whole(...inNode), values.scalar(value)]);
  return values.result(y, shape, x);
}

/** Where a slice begins and ends, and which dimensions it leaves out. */
function stridedSlice(
  values: Values,
  x: Value,
  begin: number[],
  end: number[],
  stride: number[],
  masks: Record<string, number>,
): Value {
  const { beginMask = 0, endMask = 0, ellipsisMask = 0, newAxisMask = 0, shrinkAxisMask = 0 } = masks;
  if (ellipsisMask !== 0 || newAxisMask !== 0)
    throw new Error('has an ellipsis or a new axis, which are not supported');
  if (
    end.length !== begin.length ||
    stride.length !== begin.length ||
    begin.length > x.shape.length ||
    stride.some((step) => !(step >= 1))
  )
    throw new Error(`slices ${x.shape.join(' × ')} by steps of ${stride.join(', ')}`);
  const slices = begin.map((start, axis) => {
    const length = x.shape[axis] as number;
    const inside = (place: number) => Math.min(Math.max(place < 0 ? place + length : place, 0), length);
    const shrinks = (shrinkAxisMask >> axis) & 1;
    const from = (beginMask >> axis) & 1 ? 0 : inside(start);
    const to = shrinks ? from + 1 : (endMask >> axis) & 1 ? length : inside(end[axis] as number);
    return {
      axis,
      from,
      to,
      step: stride[axis] as number,
      shrinks,
      count: Math.ceil((to - from) / (stride[axis] as number)),
    };
  });
  const shape = x.shape.map((length, axis) => slices[axis]?.count ?? length);
  const kept = shape.filter((_, axis) => !slices[axis]?.shrinks);
  if (isConstant(x)) {
    if (x.shape.length !== 1) throw new Error('slices a constant of several dimensions');
    const [{ from, to, step } = { from: 0, to: 0, step: 1 }] = slices;
    return constantValue(
      x.data.slice(from, to).filter((_, i) => i % step === 0),
      kept,
    );
  }
  const cut = slices.filter(({ axis, from, to, step }) => from !== 0 || to !== x.shape[axis] || step !== 1);
  if (x.batched && (cut.some(({ axis }) => axis === 0) || slices[0]?.shrinks))
    throw new Error('mixes the batch with other dimensions');
  const node = values.graph.node('Slice', [
    values.own(x),
    values.whole(...cut.map(({ from }) => from)),
    values.whole(...cut.map(({ to }) => to)),
    values.whole(...cut.map(({ axis }) => nodeAxis(x, axis))),
    values.whole(...cut.map(({ step }) => step)),
  ]);
  const sliced = cut.length === 0 ? x : values.result(node, shape, x);
  return kept.length === shape.length ? sliced : values.reshaped(sliced, kept);
}

/** Operators that move numbers, or join those of several places. */
export const shapes: Record<string, Build> = {
  RESHAPE: (values, inputs, _options, list) => {
    const x = inputs.at(0);
    const given = inputs.optional(1);
    const wanted = given ? numbersOf(given, 'the new shape') : list;
    const known = sizeOf(wanted.filter((length) => length !== -1));
    return values.reshaped(
      x,
      wanted.map((length) => (length === -1 ? sizeOf(x.shape) / known : length)),
    );
  },
  SQUEEZE: (values, inputs, _options, list) => {
    const x = inputs.at(0);
    const axes = list.map((axis) => axisOf(axis, x.shape.length));
    // Without a list, every size of 1 goes, except a batch's.
    const goes = (length: number, axis: number) =>
      list.length === 0 ? length === 1 && !(x.batched && axis === 0) : axes.includes(axis);
    return values.reshaped(
      x,
      x.shape.filter((length, axis) => !goes(length, axis)),
    );
  },
  EXPAND_DIMS: (values, inputs) => {
    const x = inputs.at(0);
    const axis = axisOf(inputs.numbers(1)[0], x.shape.length + 1);
    return values.reshaped(x, [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)]);
  },
  TRANSPOSE: (values, inputs) => {
    const x = inputs.at(0);
    const order = inputs.numbers(1).map((axis) => axisOf(axis, x.shape.length));
    if (new Set(order).size !== x.shape.length || order.length !== x.shape.length)
      throw new Error(`has the order ${order.join(', ')}`);
    const shape = order.map((axis) => x.shape[axis] as number);
    if (isConstant(x)) return constantValue(permuted(x.data, x.shape, order), shape);
    if (x.batched && order[0] !== 0) throw new Error('mixes the batch with other dimensions');
    return values.result(values.graph.node('Transpose', [values.plain(x)], { perm: order }), shape, {
      image: false,
      batched: x.batched,
    });
  },
  SHAPE: (_values, inputs) => constantValue(Float32Array.from(inputs.at(0).shape), [inputs.at(0).shape.length]),
  PACK: (_values, inputs) => {
    const parts = inputs.all.map((part) => numbersOf(part, 'a part'));
    if (parts.some(({ length }) => length !== 1)) throw new Error('joins other than single numbers');
    return constantValue(Float32Array.from(parts.flat()), [parts.length]);
  },
  STRIDED_SLICE: (values, inputs, options) =>
    stridedSlice(values, inputs.at(0), inputs.numbers(1), inputs.numbers(2), inputs.numbers(3), options),
  CONCATENATION: (values, inputs, options) => {
    const { all } = inputs;
    const [first] = all;
    if (!first) throw new Error('has no inputs');
    const rank = first.shape.length;
    const axis = axisOf(options.axis, rank);
    const fits = all.every(
      ({ shape }) => shape.length === rank && shape.every((length, i) => i === axis || length === first.shape[i]),
    );
    if (!fits) throw new Error(`cannot join ${all.map(({ shape }) => shape.join(' × ')).join(' and ')}`);
    const batched = all.some((one) => one.batched);
    if (batched && axis === 0) throw new Error('mixes the batch with other dimensions');
    if (batched && !all.every((one) => one.batched))
      throw new Error('joins a constant to each image of a batch; the batch cannot be left open');
    const image = rank === 4 && all.some((one) => one.image);
    const nodes = all.map((one) => (image ? values.image(one) : values.plain(one)));
    const shape = first.shape.map((length, i) =>
      i === axis ? all.reduce((sum, one) => sum + (one.shape[i] as number), 0) : length,
    );
    const like = { image, batched };
    const y = values.graph.node('Concat', nodes, { axis: nodeAxis({ ...first, ...like }, axis) });
    return activated(values, values.result(y, shape, like), options);
  },
  PAD: (values, inputs) => padded(values, inputs.at(0), inputs.numbers(1), 0),
  PADV2: (values, inputs) => padded(values, inputs.at(0), inputs.numbers(1), inputs.numbers(2)[0] ?? 0),
  MEAN: reduction('ReduceMean'),
  SUM: reduction('ReduceSum', true),
  REDUCE_MAX: reduction('ReduceMax'),
  REDUCE_MIN: reduction('ReduceMin'),
  SOFTMAX: (values, inputs, { beta = 1 }) => {
    const x = inputs.at(0);
    const scaled = beta === 1 ? x : values.like(x, 'Mul', [values.scalar(beta)]);
    return values.like(scaled, 'Softmax', [], { axis: nodeAxis(x, axisOf(-1, x.shape.length)) });
  },
  L2_NORMALIZATION: (values, inputs, options) => {
    const x = inputs.at(0);
    const axes = [nodeAxis(x, axisOf(-1, x.shape.length))];
    const length = values.graph.node('ReduceL2', [values.own(x)], { axes, keepdims: 1 });
    // As TFLite does, so that nothing is divided by 0.
    const y = values.like(x, 'Div', [values.graph.node('Max', [length, values.scalar(1e-6)])]);
    return activated(values, y, options);
  },
  DEPTH_TO_SPACE: (values, inputs, { blockSize = 0 }) => {
    const x = inputs.at(0);
    const [n = 0, height = 0, width = 0, channels = 0] = x.shape;
    const node = values.graph.node('DepthToSpace', [values.image(x)], { blocksize: blockSize, mode: 'DCR' });
    const shape = [n, height * blockSize, width * blockSize, channels / blockSize ** 2];
    return values.result(node, shape, { image: true, batched: x.batched });
  },
  SPACE_TO_DEPTH: (values, inputs, { blockSize = 0 }) => {
    const x = inputs.at(0);
    const [n = 0, height = 0, width = 0, channels = 0] = x.shape;
    const node = values.graph.node('SpaceToDepth', [values.image(x)], { blocksize: blockSize });
    const shape = [n, height / blockSize, width / blockSize, channels * blockSize ** 2];
    return values.result(node, shape, { image: true, batched: x.batched });
  },
  // Weights are floats already, as they were read.
  DEQUANTIZE: (_values, inputs) => inputs.at(0),
  DENSIFY: (_values, inputs) => inputs.at(0),
};
