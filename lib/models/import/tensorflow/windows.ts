import type { Value as Node } from '../../onnx/graph.js';
import { toFilters, transposed } from '../../onnx/layers.js';
import { activated } from './elementwise.js';
import type { Build } from './inputs.js';
import { type Options, sizeOf } from './network.js';
import { isConstant, permuted, type Value, type Values } from './values.js';

type Pair = [height: number, width: number];

/** How a window slides. */
interface Window {
  size: Pair;
  stride: Pair;
  dilation: Pair;
  /** Top, left, bottom, right. */
  pads: [number, number, number, number];
  /** Height and width of what it gives. */
  output: Pair;
}

const positive = (values: Pair, what: string): Pair => {
  if (values.some((value) => !Number.isInteger(value) || value < 1))
    throw new Error(`has a ${what} of ${values.join(' × ')}`);
  return values;
};

/** TensorFlow's paddings: `SAME` (0) adds what is lacking, the odd one at the bottom and right; `VALID` (1) nothing. */
function slide([height, width]: Pair, size: Pair, options: Options): Window {
  const { padding = 0, strideHeight = 0, strideWidth = 0, dilationHeight = 1, dilationWidth = 1 } = options;
  const stride = positive([strideHeight, strideWidth], 'stride');
  const dilation = positive([dilationHeight, dilationWidth], 'dilation');
  positive(size, 'window');
  const along = (axis: 0 | 1, length: number) => {
    const reach = (size[axis] - 1) * dilation[axis] + 1;
    const output = padding === 0 ? Math.ceil(length / stride[axis]) : Math.floor((length - reach) / stride[axis]) + 1;
    const lacking = padding === 0 ? Math.max((output - 1) * stride[axis] + reach - length, 0) : 0;
    return { output, before: Math.floor(lacking / 2), after: Math.ceil(lacking / 2) };
  };
  const [vertical, horizontal] = [along(0, height), along(1, width)];
  return {
    ...{ size, stride, dilation },
    pads: [vertical.before, horizontal.before, vertical.after, horizontal.after],
    output: [vertical.output, horizontal.output],
  };
}

const attributesOf = ({ size, stride, pads }: Window) => ({ kernel_shape: size, strides: stride, pads });

/** An image's sizes. Throws where it has other than four. */
function imageShape({ shape }: Value): [number, number, number, number] {
  if (shape.length !== 4) throw new Error(`takes ${shape.join(' × ')} numbers; expected four dimensions`);
  return shape as [number, number, number, number];
}

/** A constant of so many dimensions. */
function weightsOf(value: Value, rank: number): { data: Float32Array; shape: number[] } {
  if (!isConstant(value)) throw new Error('has weights that are computed; expected constants');
  if (value.shape.length !== rank)
    throw new Error(`has weights of ${value.shape.join(' × ')}; expected ${rank} dimensions`);
  return value;
}

/** The node of a bias, if there is one. */
function biasOf(values: Values, bias: Value | undefined, outputs: number): Node[] {
  if (!bias) return [];
  const { data } = weightsOf(bias, 1);
  if (data.length !== outputs) throw new Error(`has a bias of ${data.length}; expected ${outputs}`);
  return [values.plain(bias)];
}

/** A convolution of `filters` [out, in, height, width]. */
function convolution(
  values: Values,
  x: Value,
  filters: { data: Float32Array; shape: number[] },
  bias: Value | undefined,
  options: Options,
): Value {
  const [n, height, width, channels] = imageShape(x);
  const [outputs, inputs, ...size] = filters.shape as [number, number, number, number];
  const groups = channels / inputs;
  if (!Number.isInteger(groups) || outputs % groups !== 0)
    throw new Error(`has filters for ${inputs} channels; its input has ${channels}`);
  const window = slide([height, width], size, options);
  const nodes = [values.image(x), values.graph.constant(filters.data, filters.shape), ...biasOf(values, bias, outputs)];
  const attributes = { ...attributesOf(window), dilations: window.dilation, ...(groups > 1 && { group: groups }) };
  const y = values.graph.node('Conv', nodes, attributes);
  return activated(
    values,
    values.result(y, [n, ...window.output, outputs], { image: true, batched: x.batched }),
    options,
  );
}

const pool =
  (opType: string): Build =>
  (values, inputs, options) => {
    const x = inputs.at(0);
    const [n, height, width, channels] = imageShape(x);
    const window = slide([height, width], [options.height ?? 0, options.width ?? 0], options);
    const y = values.graph.node(opType, [values.image(x)], attributesOf(window));
    return activated(
      values,
      values.result(y, [n, ...window.output, channels], { image: true, batched: x.batched }),
      options,
    );
  };

/** Resizes an image to sizes that a constant gives. */
const resize =
  (attributesFor: (alignCorners: boolean, halfPixelCenters: boolean) => Record<string, string>): Build =>
  (values, inputs, { alignCorners = 0, halfPixelCenters = 0 }) => {
    const x = inputs.at(0);
    const [n, ownHeight, ownWidth, channels] = imageShape(x);
    const [height = 0, width = 0] = inputs.numbers(1);
    const { graph } = values;
    const image = values.image(x);
    const attributes = attributesFor(alignCorners !== 0, halfPixelCenters !== 0);
    const shape = [n, height, width, channels];
    const like = { image: true, batched: x.batched };
    if (height % ownHeight === 0 && width % ownWidth === 0) {
      // By factors, for images of any size; ONNX Runtime also stays in its blocked layout then.
      const factors = graph.constant(Float32Array.of(1, 1, height / ownHeight, width / ownWidth), [4]);
      return values.result(graph.node('Resize', [image, '', factors], attributes), shape, like);
    }
    const batch = graph.node('Slice', [graph.node('Shape', [image]), values.whole(0), values.whole(1)]);
    const sizes = graph.node('Concat', [batch, values.whole(channels, height, width)], { axis: 0 });
    return values.result(graph.node('Resize', [image, '', '', sizes], attributes), shape, like);
  };

const places = (alignCorners: boolean, halfPixelCenters: boolean) =>
  alignCorners ? 'align_corners' : halfPixelCenters ? 'half_pixel' : 'asymmetric';

/** Operators that look at places of an image and those around them. */
export const windows: Record<string, Build> = {
  CONV_2D: (values, inputs, options) => {
    // [out, height, width, in]
    const { data, shape } = weightsOf(inputs.at(1), 4);
    const [outputs, height, width, channels] = shape as [number, number, number, number];
    const filters = { data: permuted(data, shape, [0, 3, 1, 2]), shape: [outputs, channels, height, width] };
    return convolution(values, inputs.at(0), filters, inputs.optional(2), options);
  },
  DEPTHWISE_CONV_2D: (values, inputs, options) => {
    // [1, height, width, in × multiplier]
    const { data, shape } = weightsOf(inputs.at(1), 4);
    const [one, height, width, outputs] = shape as [number, number, number, number];
    if (one !== 1) throw new Error(`has filters of ${shape.join(' × ')}; expected 1 × height × width × channels`);
    const filters = toFilters({ data, shape: [height, width, outputs, 1] }, true);
    return convolution(values, inputs.at(0), filters, inputs.optional(2), options);
  },
  TRANSPOSE_CONV: (values, inputs, options) => {
    const output = inputs.numbers(0);
    // [out, height, width, in]
    const { data, shape } = weightsOf(inputs.at(1), 4);
    const [outputs, ...rest] = shape as [number, number, number, number];
    const [kernelHeight, kernelWidth, channels] = rest;
    const x = inputs.at(2);
    const [n, height, width, inputChannels] = imageShape(x);
    const [, outputHeight = 0, outputWidth = 0] = output;
    if (channels !== inputChannels || output.length !== 4)
      throw new Error(`has filters for ${channels} channels; its input has ${inputChannels}`);
    // The convolution that it reverses goes from its output to its input.
    const size: Pair = [kernelHeight, kernelWidth];
    const window = slide([outputHeight, outputWidth], size, options);
    if (window.output[0] !== height || window.output[1] !== width)
      throw new Error(`cannot make ${outputHeight} × ${outputWidth} of ${height} × ${width}`);
    const [top, left, bottom, right] = window.pads;
    const beyond = (length: number, axis: 0 | 1, reached: number) =>
      length - ((reached - 1) * window.stride[axis] + size[axis]) + (axis === 0 ? top + bottom : left + right);
    const y = values.graph.node(
      'ConvTranspose',
      [
        values.image(x),
        values.graph.constant(permuted(data, shape, [3, 0, 1, 2]), [channels, outputs, ...size]),
        ...biasOf(values, inputs.optional(3), outputs),
      ],
      { ...attributesOf(window), output_padding: [beyond(outputHeight, 0, height), beyond(outputWidth, 1, width)] },
    );
    const result = values.result(y, [n, outputHeight, outputWidth, outputs], { image: true, batched: x.batched });
    return activated(values, result, options);
  },
  MAX_POOL_2D: pool('MaxPool'),
  // What lies outside the image is not counted, as in TensorFlow.
  AVERAGE_POOL_2D: pool('AveragePool'),
  RESIZE_BILINEAR: resize((alignCorners, halfPixelCenters) => ({
    mode: 'linear',
    coordinate_transformation_mode: places(alignCorners, halfPixelCenters),
  })),
  RESIZE_NEAREST_NEIGHBOR: resize((alignCorners, halfPixelCenters) => ({
    mode: 'nearest',
    coordinate_transformation_mode: places(alignCorners, halfPixelCenters),
    nearest_mode: alignCorners || halfPixelCenters ? 'round_prefer_ceil' : 'floor',
  })),
  FULLY_CONNECTED: (values, inputs, options) => {
    if (options.shuffled) throw new Error('has shuffled weights, which are not supported');
    const weights = weightsOf(inputs.at(1), 2);
    const [outputs, width] = weights.shape as [number, number];
    const x = inputs.at(0);
    const before = options.keepDimensions ? x.shape.slice(0, -1) : [sizeOf(x.shape) / width];
    const rows = values.reshaped(x, [...before, width]);
    const product = values.graph.node('MatMul', [
      values.plain(rows),
      values.graph.constant(transposed(weights).data, [width, outputs]),
    ]);
    const [bias] = biasOf(values, inputs.optional(2), outputs);
    const y = bias === undefined ? product : values.graph.node('Add', [product, bias]);
    return activated(values, values.result(y, [...before, outputs], { image: false, batched: x.batched }), options);
  },
};
