import { type Attribute, encodeAttributes, encodeTensor, type Value } from './graph.js';
import { prelu } from './prelu.js';
import { modelProto, tensorTypes } from './proto.js';

interface TensorMessage {
  name: string;
  dims: (number | { toNumber(): number })[];
  dataType: number;
  rawData: Uint8Array;
  floatData: number[];
  externalData: object[];
}
interface NodeMessage {
  opType: string;
  input: string[];
  output: string[];
  attribute: object[];
}
interface ValueMessage {
  name: string;
  type?: { tensorType?: { shape?: { dim: { dimValue?: unknown; dimParam?: string }[] } } };
}
interface ModelMessage {
  opsetImport: { domain: string; version: unknown }[];
  graph?: {
    node: NodeMessage[];
    initializer: TensorMessage[];
    input: ValueMessage[];
    output: ValueMessage[];
    valueInfo: object[];
  };
}

const dimensionsOf = ({ type }: ValueMessage) => type?.tensorType?.shape?.dim ?? [];
const sizesOf = (value: ValueMessage): number[] => dimensionsOf(value).map(({ dimValue }) => Number(dimValue ?? 0));

/** An ONNX file that is read, changed and written again. */
export class OnnxFile {
  readonly #message: ModelMessage & { graph: NonNullable<ModelMessage['graph']> };
  #added = 0;

  private constructor(message: ModelMessage) {
    if (!message.graph || message.graph.node.length === 0) throw new Error('is not an ONNX file');
    if (message.graph.initializer.some(({ externalData }) => externalData.length > 0))
      throw new Error('keeps weights in other files; expected one file');
    this.#message = { ...message, graph: message.graph };
  }

  /** Throws an `Error` that says what is wrong with the bytes. */
  static async read(bytes: Uint8Array): Promise<OnnxFile> {
    const proto = await modelProto();
    let message: ModelMessage;
    try {
      message = proto.decode(bytes) as unknown as ModelMessage;
    } catch (error) {
      throw new Error(`is not an ONNX file: ${(error as Error).message}`);
    }
    return new OnnxFile(message);
  }

  get #graph() {
    return this.#message.graph;
  }

  #constant(name: string | undefined): TensorMessage | undefined {
    return this.#graph.initializer.find((tensor) => tensor.name === name);
  }

  /** What the graph takes, without the constants that older files list there too. */
  get #inputs(): ValueMessage[] {
    return this.#graph.input.filter(({ name }) => !this.#constant(name));
  }

  /** Sizes of the input and of each output, without the batch; 0 where the file leaves one open. */
  get sizes(): { input: number[]; outputs: number[][] } {
    const [input, second] = this.#inputs;
    if (!input || second) throw new Error(`has ${this.#inputs.length} inputs; expected one`);
    return { input: sizesOf(input).slice(1), outputs: this.#graph.output.map((output) => sizesOf(output).slice(1)) };
  }

  /** The version of ONNX's own operators. */
  get opset(): number {
    return Number(this.#message.opsetImport.find(({ domain }) => domain === '')?.version ?? 1);
  }

  /** Numbers in floating constants. */
  get parameters(): number {
    return this.#graph.initializer
      .filter(({ dataType }) => dataType === tensorTypes.float || dataType === tensorTypes.half)
      .reduce((sum, { dims }) => sum + dims.reduce((product: number, size) => product * Number(size), 1), 0);
  }

  /** Makes a batch that the file fixes free: of the input, the outputs, and where values get another shape. */
  freeBatch(): void {
    const [batch] = this.#inputs.map((input) => sizesOf(input)[0]);
    if (!batch) return;
    for (const value of [...this.#inputs, ...this.#graph.output]) {
      const [first] = dimensionsOf(value);
      if (Number(first?.dimValue) === batch) dimensionsOf(value)[0] = { dimParam: 'n' };
    }
    // Shapes of what is between would contradict it.
    this.#graph.valueInfo = [];
    for (const node of this.#graph.node) {
      const shape = node.opType === 'Reshape' ? this.#constant(node.input[1]) : undefined;
      if (!shape || shape.rawData.length % 8 !== 0) continue;
      const [first, ...rest] = new BigInt64Array(Uint8Array.from(shape.rawData).buffer);
      // 0 copies the size.
      if (Number(first) === batch) node.input[1] = this.constant(BigInt64Array.of(0n, ...rest), [rest.length + 1]);
    }
  }

  /** Computes PRelus of channels by nodes that run faster. */
  rewritePrelus(): void {
    this.#graph.node = this.#graph.node.flatMap((node) => {
      const [x, name] = node.input;
      const [output] = node.output;
      const tensor = node.opType === 'PRelu' ? this.#constant(name) : undefined;
      const [channels, ...rest] = tensor?.dims.map(Number) ?? [];
      const isPerChannel = rest.length === 2 && rest.every((size) => size === 1);
      if (!tensor || !isPerChannel || x === undefined || output === undefined || tensor.dataType !== tensorTypes.float)
        return [node];
      const slopes =
        tensor.rawData.length > 0
          ? new Float32Array(Uint8Array.from(tensor.rawData).buffer)
          : Float32Array.from(tensor.floatData);
      if (slopes.length !== channels) return [node];
      const nodes: NodeMessage[] = [];
      const make = (opType: string, input: Value[], attributes: Record<string, Attribute> = {}): Value => {
        const made = this.#name();
        nodes.push({ opType, input, output: [made], attribute: encodeAttributes(attributes) });
        return made;
      };
      prelu({ node: make, constant: (data, shape) => this.constant(data, shape) }, x, slopes);
      (nodes.at(-1) as NodeMessage).output = [output];
      return nodes;
    });
  }

  /**
   * Feeds one output, or the first, to another graph, whose output becomes the only one.
   * @param next Takes and gives vectors, [n, dimensions].
   * @returns the output's new name
   */
  append(next: OnnxFile, { output, dimensions }: { output: string | undefined; dimensions: number }): Value {
    const graph = this.#graph;
    const values = [...graph.input, ...graph.initializer, ...graph.output].map(({ name }) => name);
    const taken = [...values, ...graph.node.flatMap((node) => node.output)];
    let prefix = 'adapter_';
    while (taken.some((name) => name.startsWith(prefix))) prefix = `_${prefix}`;
    const renamed = (name: Value) => (name === '' ? name : prefix + name);
    const [input] = next.#inputs as [ValueMessage];
    const [last] = next.#graph.output as [ValueMessage];
    const vector = output ?? (graph.output[0] as ValueMessage).name;
    // Some models give [n, dimensions, 1, 1]. 0 copies the size.
    const shape = this.constant(BigInt64Array.of(0n, BigInt(dimensions)), [2]);
    graph.node.push({ opType: 'Reshape', input: [vector, shape], output: [renamed(input.name)], attribute: [] });
    for (const node of next.#graph.node)
      graph.node.push({ ...node, input: node.input.map(renamed), output: node.output.map(renamed) });
    for (const tensor of next.#graph.initializer) graph.initializer.push({ ...tensor, name: renamed(tensor.name) });
    graph.output = [{ ...last, name: renamed(last.name) }];
    return renamed(last.name);
  }

  constant(data: Float32Array | BigInt64Array, shape: number[]): Value {
    const name = this.#name();
    this.#graph.initializer.push(encodeTensor(name, data, shape) as TensorMessage);
    return name;
  }

  #name(): Value {
    return `maskbench_${this.#added++}`;
  }

  /** The file's bytes. */
  async encode(): Promise<Uint8Array> {
    const proto = await modelProto();
    return proto.encode(this.#message as never).finish();
  }
}
