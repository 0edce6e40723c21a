import { OnnxGraph, type Tensor, type Value } from './graph.js';

/** A normalisation's tensors. */
export interface Norm {
  scale: Float32Array;
  bias: Float32Array;
  mean: Float32Array;
  variance: Float32Array;
  epsilon: number;
}

/** By each image's own moments (never folded), or by those of training. */
export type BatchNorm = 'per-image' | 'running';

export interface ConvolutionOptions {
  stride?: number;
  /** The same on all sides; top, left, bottom, right; or as TensorFlow's SAME, for inputs of any size. */
  pad?: number | [number, number, number, number] | 'same';
  groups?: number;
  bias?: Float32Array | undefined;
  norm?: Norm | undefined;
}

/** Layers of networks as ONNX nodes. */
export class Layers extends OnnxGraph {
  constructor(
    name: string,
    readonly batchNorm: BatchNorm,
    halves: boolean,
  ) {
    super(name, halves);
  }

  vector(data: Float32Array): Value {
    return this.constant(data, [data.length]);
  }

  /** A convolution and its normalisation, folded where that is exact. `filters` [out, in, height, width]. */
  convolution(
    x: Value,
    filters: Tensor,
    { stride = 1, pad = 0, groups = 1, bias, norm }: ConvolutionOptions = {},
  ): Value {
    const padding =
      pad === 'same' ? { auto_pad: 'SAME_UPPER' } : { pads: Array.isArray(pad) ? pad : [pad, pad, pad, pad] };
    const attributes = { strides: [stride, stride], ...padding, ...(groups > 1 && { group: groups }) };
    const folded = norm && this.batchNorm === 'running' ? fold(filters, bias, norm) : { filters: filters.data, bias };
    const inputs = [x, this.constant(folded.filters, filters.shape)];
    if (folded.bias) inputs.push(this.vector(folded.bias));
    const y = this.node('Conv', inputs, attributes);
    return norm && this.batchNorm === 'per-image' ? this.normalization(y, norm) : y;
  }

  normalization(x: Value, { scale, bias, mean, variance, epsilon }: Norm): Value {
    if (this.batchNorm === 'per-image')
      return this.node('InstanceNormalization', [x, this.vector(scale), this.vector(bias)], {
        epsilon: { float: epsilon },
      });
    const moments = [scale, bias, mean, variance].map((values) => this.vector(values));
    return this.node('BatchNormalization', [x, ...moments], { epsilon: { float: epsilon } });
  }

  /** `weights` [inputs, outputs]. */
  dense(x: Value, weights: Tensor, bias?: Float32Array): Value {
    const product = this.node('MatMul', [x, this.constant(weights.data, weights.shape)]);
    return bias ? this.node('Add', [product, this.vector(bias)]) : product;
  }

  relu(x: Value): Value {
    return this.node('Relu', [x]);
  }

  relu6(x: Value): Value {
    return this.node('Clip', [x, this.constant(Float32Array.of(0), []), this.constant(Float32Array.of(6), [])]);
  }

  maxPool(x: Value, size: number, stride: number, pad = 0): Value {
    return this.node('MaxPool', [x], {
      kernel_shape: [size, size],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
  }

  /** [n, channels, height, width] to [n, channels]. */
  globalAverage(x: Value): Value {
    return this.node('Flatten', [this.node('GlobalAveragePool', [x])]);
  }
}

/** (w ∗ x + b − mean) · s + offset with s = scale / √(variance + ε) is (s·w) ∗ x + (b − mean) · s + offset. */
function fold({ data, shape }: Tensor, bias: Float32Array | undefined, norm: Norm) {
  const size = data.length / (shape[0] as number);
  const factors = norm.scale.map((scale, o) => scale / Math.sqrt((norm.variance[o] as number) + norm.epsilon));
  const filters = data.map((value, i) => value * (factors[Math.floor(i / size)] as number));
  const folded = factors.map(
    (factor, o) => ((bias?.[o] ?? 0) - (norm.mean[o] as number)) * factor + (norm.bias[o] as number),
  );
  return { filters, bias: folded };
}

/** [a, b] as [b, a]. */
export function transposed({ data, shape }: Tensor): Tensor {
  const [rows, columns] = shape as [number, number];
  const turned = new Float32Array(data.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) turned[c * rows + r] = data[r * columns + c] as number;
  return { data: turned, shape: [columns, rows] };
}

/**
 * Filters [height, width, in, out] as [out, in, height, width]; of a depthwise layer [height, width, in, 1] as [in, 1,
 * height, width].
 */
export function toFilters({ data, shape }: Tensor, depthwise = false): Tensor {
  const [height, width, a, b] = shape as [number, number, number, number];
  const [outputs, inputs] = depthwise ? [a, b] : [b, a];
  const filters = new Float32Array(data.length);
  let at = 0;
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const [first, second] = depthwise ? [o, i] : [i, o];
          filters[at++] = data[((y * width + x) * a + first) * b + second] as number;
        }
  return { data: filters, shape: [outputs, inputs, height, width] };
}
