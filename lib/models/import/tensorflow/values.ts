import type { Attribute, Value as Node, OnnxGraph } from '../../onnx/graph.js';
import { sizeOf, stridesOf } from './network.js';

/** A tensor while a network is converted. */
export interface Value {
  /** In TensorFlow's order: channels last. */
  shape: number[];
  /** The numbers of a constant, in that order. */
  data?: Float32Array;
  /** In the ONNX graph; absent for a constant that no node has needed yet. */
  node?: Node;
  /** Whether the node has channels first. */
  image: boolean;
  /** Whether its first size is the batch, which is left open. */
  batched: boolean;
}

/** Places of TensorFlow's dimensions in an image with channels first. */
const imageAxes = [0, 2, 3, 1];
/** The order of dimensions that brings channels first. */
const toImage = [0, 3, 1, 2];
const fromImage = [0, 2, 3, 1];

/** Reorders a constant. */
export function permuted(data: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const strides = stridesOf(shape);
  const [lengths, steps] = [order.map((axis) => shape[axis] as number), order.map((axis) => strides[axis] as number)];
  const turned = new Float32Array(data.length);
  const index = lengths.map(() => 0);
  let from = 0;
  for (let to = 0; to < turned.length; to++) {
    turned[to] = data[from] as number;
    for (let axis = lengths.length - 1; axis >= 0; axis--) {
      from += steps[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if (index[axis] !== lengths[axis]) break;
      from -= (steps[axis] as number) * (lengths[axis] as number);
      index[axis] = 0;
    }
  }
  return turned;
}

/** Throws unless `axis` counts a dimension, from the end where it is negative. */
export function axisOf(axis: number | undefined, rank: number): number {
  const place = axis === undefined || axis >= 0 ? axis : axis + rank;
  if (place === undefined || !Number.isInteger(place) || place < 0 || place >= rank)
    throw new Error(`axis ${axis} of ${rank}`);
  return place;
}

/** A dimension's place in the value's node. */
export const nodeAxis = (value: Value, axis: number): number => (value.image ? (imageAxes[axis] as number) : axis);

export const isConstant = (value: Value): value is Value & { data: Float32Array } => value.data !== undefined;

/** The numbers of a constant. */
export function numbersOf(value: Value | undefined, what: string): number[] {
  if (!value?.data) throw new Error(`${what} is computed; expected a constant`);
  return [...value.data];
}

export const constantValue = (data: Float32Array, shape: number[]): Value => {
  if (sizeOf(shape) !== data.length) throw new Error(`${data.length} numbers do not fit ${shape.join(' × ')}`);
  return { data, shape, image: false, batched: false };
};

/** The nodes of values, in the order that an operator needs; each is converted once. */
export class Values {
  readonly #plain = new Map<Value, Node>();
  readonly #images = new Map<Value, Node>();

  constructor(
    readonly graph: OnnxGraph,
    /** The batch that the file was written for. */
    readonly batch: number,
  ) {}

  /** A node's result as a value like the one it was made of. */
  result(node: Node, shape: number[], like: Pick<Value, 'image' | 'batched'>): Value {
    sizeOf(shape);
    if (like.batched && shape[0] !== this.batch) throw new Error('mixes the batch with other dimensions');
    return { node, shape, image: like.image, batched: like.batched };
  }

  /** One node of one input, of the same shape. */
  like(value: Value, opType: string, more: Node[] = [], attributes: Record<string, Attribute> = {}): Value {
    return this.result(this.graph.node(opType, [this.own(value), ...more], attributes), value.shape, value);
  }

  scalar(value: number): Node {
    return this.graph.constant(Float32Array.of(value), []);
  }

  whole(...values: number[]): Node {
    return this.graph.constant(BigInt64Array.from(values, BigInt), [values.length]);
  }

  /** In the order that it has. */
  own(value: Value): Node {
    return value.image ? this.image(value) : this.plain(value);
  }

  /** With the dimensions in TensorFlow's order. */
  plain(value: Value): Node {
    return this.#once(this.#plain, value, () => {
      if (value.data) return this.graph.constant(value.data, value.shape);
      return value.image ? this.#transposed(value.node as Node, fromImage) : (value.node as Node);
    });
  }

  /** With channels first. */
  image(value: Value): Node {
    const { shape, data } = value;
    if (shape.length !== 4) throw new Error(`takes ${shape.join(' × ')} numbers; expected four dimensions`);
    return this.#once(this.#images, value, () => {
      if (data)
        return this.graph.constant(
          permuted(data, shape, toImage),
          toImage.map((axis) => shape[axis] as number),
        );
      return value.image ? (value.node as Node) : this.#transposed(value.node as Node, toImage);
    });
  }

  asPlain(value: Value): Value {
    return { ...value, node: this.plain(value), image: false };
  }

  reshaped(value: Value, shape: number[]): Value {
    if (sizeOf(shape) !== sizeOf(value.shape))
      throw new Error(`cannot make ${shape.join(' × ')} of ${value.shape.join(' × ')}`);
    if (value.data) return constantValue(value.data, shape);
    // 0 copies the batch. With the channels kept, what an image's places become is left open, for images of any size.
    const places = value.image && value.shape.length === 4 && shape.length === 3 && shape[2] === value.shape[3];
    const sizes = this.whole(
      ...shape.map((length, axis) => (axis === 0 && value.batched ? 0 : axis === 1 && places ? -1 : length)),
    );
    const node = this.graph.node('Reshape', [this.plain(value), sizes]);
    return this.result(node, shape, { image: false, batched: value.batched });
  }

  #transposed(node: Node, perm: readonly number[]): Node {
    return this.graph.node('Transpose', [node], { perm: [...perm] });
  }

  #once(nodes: Map<Value, Node>, value: Value, make: () => Node): Node {
    const node = nodes.get(value) ?? make();
    nodes.set(value, node);
    return node;
  }
}
