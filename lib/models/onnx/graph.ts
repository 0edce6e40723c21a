import { native } from '../../native.js';
import { attributeTypes, modelProto, tensorTypes } from './proto.js';

/** The operator set that graphs are written for. */
export const opset = 13;

/** Numbers and their shape. */
export interface Tensor {
  /** Row-major. */
  data: Float32Array;
  shape: number[];
}

/** A value of a graph: an input, a constant or a node's output. */
export type Value = string;

/** An attribute of a node: a whole number, a list of them, a text, or a float as `{ float }`. */
export type Attribute = number | number[] | string | { float: number };

/** A name stands for a size that is known at run time only. */
export type Size = number | string;

/** Builds an ONNX model node by node. */
export class OnnxGraph {
  readonly #nodes: object[] = [];
  readonly #constants: object[] = [];
  readonly #inputs: object[] = [];
  readonly #outputs: object[] = [];
  #values = 0;
  /** Texts that the file carries. */
  readonly metadata = new Map<string, string>();

  /** @param halves Store weights as 16-bit floats; they are made 32-bit again as the model is loaded. */
  constructor(
    readonly name: string,
    readonly halves = false,
  ) {}

  input(name: string, shape: Size[]): Value {
    this.#inputs.push(valueInfo(name, shape));
    return name;
  }

  output(value: Value, name: string, shape: Size[]): void {
    this.#nodes.push({ input: [value], output: [name], opType: 'Identity', attribute: [] });
    this.#outputs.push(valueInfo(name, shape));
  }

  constant(data: Float32Array | BigInt64Array, shape: number[]): Value {
    const name = `c${this.#constants.length}`;
    const half = this.halves && data instanceof Float32Array;
    this.#constants.push(encodeTensor(name, half ? native.toHalves(data) : data, shape));
    return half ? this.node('Cast', [name], { to: tensorTypes.float }) : name;
  }

  node(opType: string, inputs: Value[], attributes: Record<string, Attribute> = {}): Value {
    const output = `v${this.#values++}`;
    this.#nodes.push({ input: inputs, output: [output], opType, attribute: encodeAttributes(attributes) });
    return output;
  }

  /** The model's bytes. */
  async encode(): Promise<Uint8Array> {
    const modelType = await modelProto();
    const graph = {
      node: this.#nodes,
      name: this.name,
      initializer: this.#constants,
      input: this.#inputs,
      output: this.#outputs,
    };
    const model = {
      ...{ irVersion: 8, producerName: 'maskbench', graph, opsetImport: [{ domain: '', version: opset }] },
      metadataProps: Array.from(this.metadata, ([key, value]) => ({ key, value })),
    };
    return modelType.encode(modelType.fromObject(model)).finish();
  }
}

/** A tensor's message: floats, their halves, or whole numbers. */
export function encodeTensor(name: string, data: Float32Array | Uint16Array | BigInt64Array, dims: number[]): object {
  const dataType =
    data instanceof Float32Array
      ? tensorTypes.float
      : data instanceof Uint16Array
        ? tensorTypes.half
        : tensorTypes.int64;
  return { dims, dataType, name, rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

export function encodeAttributes(attributes: Record<string, Attribute>): object[] {
  return Object.entries(attributes).map(([name, value]) => {
    if (Array.isArray(value)) return { name, ints: value, type: attributeTypes.ints };
    if (typeof value === 'number') return { name, i: value, type: attributeTypes.int };
    if (typeof value === 'string') return { name, s: Buffer.from(value), type: attributeTypes.text };
    return { name, f: value.float, type: attributeTypes.float };
  });
}

/** The texts that an ONNX file carries. Throws where the bytes are no such file. */
export async function readMetadata(file: Uint8Array): Promise<Map<string, string>> {
  const { metadataProps } = (await modelProto()).decode(file) as unknown as {
    metadataProps: { key: string; value: string }[];
  };
  return new Map(metadataProps.map(({ key, value }) => [key, value]));
}

function valueInfo(name: string, shape: Size[]): object {
  const dim = shape.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: { elemType: tensorTypes.float, shape: { dim } } } };
}
