import { native } from '../../native.js';

// Message and field numbers of ONNX's own onnx.proto, as far as they are used.
const schema = `
syntax = "proto3";
message AttributeProto { string name = 1; float f = 2; int64 i = 3; bytes s = 4; repeated float floats = 7; repeated int64 ints = 8; int32 type = 20; }
message NodeProto { repeated string input = 1; repeated string output = 2; string name = 3; string opType = 4; repeated AttributeProto attribute = 5; }
message TensorProto { repeated int64 dims = 1; int32 dataType = 2; string name = 8; bytes rawData = 9; }
message Dimension { int64 dimValue = 1; string dimParam = 2; }
message TensorShapeProto { repeated Dimension dim = 1; }
message TensorType { int32 elemType = 1; TensorShapeProto shape = 2; }
message TypeProto { TensorType tensorType = 1; }
message ValueInfoProto { string name = 1; TypeProto type = 2; }
message GraphProto { repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5; repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12; }
message OperatorSetIdProto { string domain = 1; int64 version = 2; }
message StringStringEntryProto { string key = 1; string value = 2; }
message ModelProto { int64 irVersion = 1; string producerName = 2; GraphProto graph = 7; repeated OperatorSetIdProto opsetImport = 8; repeated StringStringEntryProto metadataProps = 14; }
`;

/** The operator set that graphs are written for. */
export const opset = 13;
const types = { float: 1, int64: 7, half: 10 } as const;
const attributeTypes = { float: 1, int: 2, floats: 6, ints: 7 } as const;

/** Numbers and their shape. */
export interface Tensor {
  /** Row-major. */
  data: Float32Array;
  shape: number[];
}

/** A value of a graph: an input, a constant or a node's output. */
export type Value = string;

/** An attribute of a node: a whole number, a list of them, or a float as `{ float }`. */
export type Attribute = number | number[] | { float: number };

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
    const stored = half ? native.toHalves(data) : data;
    const dataType = half ? types.half : data instanceof Float32Array ? types.float : types.int64;
    const rawData = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    this.#constants.push({ dims: shape, dataType, name, rawData });
    return half ? this.node('Cast', [name], { to: types.float }) : name;
  }

  node(opType: string, inputs: Value[], attributes: Record<string, Attribute> = {}): Value {
    const output = `v${this.#values++}`;
    const attribute = Object.entries(attributes).map(([name, value]) => {
      if (Array.isArray(value)) return { name, ints: value, type: attributeTypes.ints };
      if (typeof value === 'number') return { name, i: value, type: attributeTypes.int };
      return { name, f: value.float, type: attributeTypes.float };
    });
    this.#nodes.push({ input: inputs, output: [output], opType, attribute });
    return output;
  }

  /** The model's bytes. */
  async encode(): Promise<Uint8Array> {
    const modelType = await loadModelType();
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

async function loadModelType() {
  // Loaded when it is needed: it takes a tenth of a second.
  const { default: protobuf } = await import('protobufjs');
  return protobuf.parse(schema).root.lookupType('ModelProto');
}

/** The texts that an ONNX file carries. Throws where the bytes are no such file. */
export async function readMetadata(file: Uint8Array): Promise<Map<string, string>> {
  const { metadataProps } = (await loadModelType()).decode(file) as unknown as {
    metadataProps: { key: string; value: string }[];
  };
  return new Map(metadataProps.map(({ key, value }) => [key, value]));
}

function valueInfo(name: string, shape: Size[]): object {
  const dim = shape.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: { elemType: types.float, shape: { dim } } } };
}
