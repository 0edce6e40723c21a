import { MaskbenchError } from '../errors.js';
import type { Tensor } from './onnx/graph.js';

/** Gives the tensors of a network by name, and throws `MODEL_CORRUPT` for one that is missing. */
export const tensorsOf =
  (network: string, weights: ReadonlyMap<string, Tensor>) =>
  (name: string): Tensor => {
    const found = weights.get(name);
    if (!found) throw new MaskbenchError('MODEL_CORRUPT', name, `the weights of ${network} have no ${name}`);
    return found;
  };

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
