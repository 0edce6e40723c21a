import { MaskbenchError } from '../../errors.js';
import { OnnxGraph, type Value } from '../onnx/graph.js';
import type { Tensor } from '../tfjs.js';

/** A tensor of a weight file. */
export interface StoredTensor {
  shape: number[];
  /** Its numbers, row-major. Throws where the file has none that can be read. */
  read(): Float32Array;
}

/** The tensors of a weight file. Each is given once, and let go, for checkpoints are large. */
export class Weights {
  readonly #tensors: Map<string, StoredTensor>;
  /** Numbers in the tensors used. */
  parameters = 0;

  constructor(
    tensors: Map<string, StoredTensor>,
    /** The file's name, for errors. */
    readonly file: string,
  ) {
    this.#tensors = tensors;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** Throws `MODEL_CORRUPT` where the tensor is missing or has another shape; −1 in `shape` is any size. */
  take(name: string, shape: number[]): Tensor {
    const found = this.#tensors.get(name);
    const refuse = (problem: string) => new MaskbenchError('MODEL_CORRUPT', this.file, `${this.file}: ${problem}`);
    if (!found)
      throw refuse(`has no ${name} of shape (${shape.join(', ')}): is it of this architecture? It has ${this.#some()}`);
    const fits =
      found.shape.length === shape.length && shape.every((size, i) => size === -1 || size === found.shape[i]);
    if (!fits) throw refuse(`${name} has the shape (${found.shape.join(', ')}), expected (${shape.join(', ')})`);
    this.#tensors.delete(name);
    try {
      const data = found.read();
      this.parameters += data.length;
      return { data, shape: found.shape };
    } catch (error) {
      throw refuse(`${name}: ${(error as Error).message}`);
    }
  }

  /** Names that no part of the model has asked for. */
  unused(): string[] {
    return [...this.#tensors.keys()];
  }

  /** A dense layer's name by its shape, where a file numbers its layers. */
  find(shape: number[], suffix: string): string | undefined {
    return [...this.#tensors].find(
      ([name, tensor]) =>
        name.endsWith(suffix) &&
        tensor.shape.length === shape.length &&
        tensor.shape.every((size, i) => size === shape[i]),
    )?.[0];
  }

  #some(): string {
    const names = [...this.#tensors.keys()];
    return names.length === 0
      ? 'nothing'
      : `${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;
  }
}

/** Stands for weights while a network is built, to learn what it asks for. */
export class NeededWeights extends Weights {
  readonly shapes = new Map<string, number[]>();

  constructor() {
    super(new Map(), '');
  }

  override take(name: string, shape: number[]): Tensor {
    this.shapes.set(name, shape);
    return { data: new Float32Array(0), shape };
  }
}

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
  /** The same on all sides, or top, left, bottom, right. */
  pad?: number | [number, number, number, number];
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
    const pads = Array.isArray(pad) ? pad : [pad, pad, pad, pad];
    const attributes = { strides: [stride, stride], pads, ...(groups > 1 && { group: groups }) };
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

/** Filters [height, width, in, out] as [out, in, height, width]; of a depthwise layer [height, width, in, 1] as [in, 1, height, width]. */
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
