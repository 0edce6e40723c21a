/** A tensor of a TensorFlow network; channels come last. */
export interface NetworkTensor {
  name: string;
  /** As the file states it; −1 is a size that it leaves open. */
  shape: number[] | undefined;
  /** The numbers of a constant. */
  data?: Float32Array;
}

/** An operator, named and with options as TFLite has them. Inputs and outputs are tensors by number; −1 is none. */
export interface Operator {
  kind: string;
  inputs: number[];
  outputs: number[];
  options: Options;
  /** The list of whole numbers that RESHAPE (sizes) and SQUEEZE (axes) have. */
  list?: number[];
}

export type Options = Record<string, number>;

/** A network as TFLite and TensorFlow.js files hold it, in the order of execution. */
export interface Network {
  tensors: NetworkTensor[];
  operators: Operator[];
  inputs: number[];
  outputs: number[];
}

/** Numbers in a tensor at most: 256 MiB of floats. A network of faces is far from it; a damaged file may not be. */
const mostNumbers = 2 ** 26;

/** How many numbers a shape holds. Throws where no tensor can have it. */
export function sizeOf(shape: readonly number[]): number {
  const size = shape.reduce((product, length) => product * length, 1);
  if (shape.length > 8 || shape.some((length) => !Number.isInteger(length) || length < 1) || size > mostNumbers)
    throw new Error(`a tensor of ${shape.join(' × ')} numbers is not possible`);
  return size;
}

/** How far apart, in numbers, two neighbours along each dimension lie. */
export const stridesOf = (shape: readonly number[]): number[] => shape.map((_, i) => sizeOf(shape.slice(i + 1)));
