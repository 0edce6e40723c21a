import { OnnxGraph, type Size } from '../../onnx/graph.js';
import { Inputs } from './inputs.js';
import type { Network, NetworkTensor, Operator } from './network.js';
import { operators } from './operators.js';
import { type Value, Values } from './values.js';

/** Names of the graph's own values. */
const ownName = /^[cv]\d+$/;
const outerName = ({ name }: NetworkTensor, otherwise: string): string =>
  ownName.test(name) || name === '' ? otherwise : name;

const show = (shape: readonly number[]) => shape.join(' × ');

/** Throws where the file states another shape than was computed. */
function checkShape(
  { kind }: Operator,
  number: number,
  { name, shape: stated }: NetworkTensor,
  { shape }: Value,
): void {
  const fits =
    !stated || (stated.length === shape.length && stated.every((size, i) => size === -1 || size === shape[i]));
  if (!fits)
    throw new Error(`operator ${number} (${kind}) gives ${show(shape)}; the file states ${show(stated)} for ${name}`);
}

/**
 * Converts a TensorFlow network to ONNX: an image input [n, 3, height, width] of any batch, outputs as TensorFlow has
 * them, channels last. Throws an `Error` that names what cannot be converted.
 * @param anySize The network is convolutional: it takes images of any height and width that its strides divide.
 */
export function convertNetwork(
  network: Network,
  name: string,
  { halves = false, anySize = false } = {},
): { graph: OnnxGraph; input: number[]; outputs: number[][]; parameters: number } {
  const { tensors } = network;
  const unknown = [
    ...new Set(network.operators.map(({ kind }) => kind).filter((kind) => !Object.hasOwn(operators, kind))),
  ];
  if (unknown.length > 0) throw new Error(`uses operators that are not supported: ${unknown.join(', ')}`);
  const tensorAt = (number: number): NetworkTensor => {
    const tensor = tensors[number];
    if (!tensor) throw new Error(`is damaged: it has no tensor ${number}`);
    return tensor;
  };
  const [inputNumber, second] = network.inputs;
  if (inputNumber === undefined || second !== undefined)
    throw new Error(`has ${network.inputs.length} inputs; expected one`);
  const input = tensorAt(inputNumber);
  // A batch that the file leaves open.
  const shape = (input.shape ?? []).map((size, axis) => (axis === 0 && size === -1 ? 1 : size));
  if (shape.length === 0 || shape.includes(-1)) throw new Error(`has an input of no fixed size (${show(shape)})`);

  const graph = new OnnxGraph(name, halves);
  const values = new Values(graph, shape[0] as number);
  const image = shape.length === 4;
  const sizes: Size[] = image
    ? ['n', shape[3] as number, ...(anySize ? ['height', 'width'] : (shape.slice(1, 3) as number[]))]
    : ['n', ...shape.slice(1)];
  const node = graph.input(outerName(input, 'input'), sizes);
  const known = new Map<number, Value>([[inputNumber, values.result(node, shape, { image, batched: true })]]);
  let parameters = 0;
  const valueAt = (number: number): Value => {
    const found = known.get(number);
    if (found) return found;
    const { name, data, shape: constant } = tensorAt(number);
    if (!data || !constant) throw new Error(`is damaged: ${name} is used before it is computed`);
    const value = { data, shape: constant, image: false, batched: false };
    parameters += data.length;
    known.set(number, value);
    return value;
  };

  for (const [number, operator] of network.operators.entries()) {
    const [output, another] = operator.outputs;
    const build = operators[operator.kind];
    if (output === undefined || another !== undefined || !build)
      throw new Error(`operator ${number} (${operator.kind}) has ${operator.outputs.length} outputs; expected one`);
    const inputs = new Inputs(operator.inputs.map((tensor) => (tensor === -1 ? undefined : valueAt(tensor))));
    let value: Value;
    try {
      value = build(values, inputs, operator.options, operator.list ?? []);
    } catch (error) {
      throw new Error(`operator ${number} (${operator.kind}): ${(error as Error).message}`);
    }
    checkShape(operator, number, tensorAt(output), value);
    known.set(output, value);
  }
  const outputs = network.outputs.map((number, i) => {
    const value = valueAt(number);
    if (!value.batched) throw new Error(`has the output ${tensorAt(number).name}, which no image changes`);
    graph.output(values.plain(value), outerName(tensorAt(number), `output${i}`), [
      'n',
      ...value.shape.slice(1).map((size, axis) => (anySize && axis === 0 ? `places${i}` : size)),
    ]);
    return value.shape.slice(1);
  });
  if (outputs.length === 0) throw new Error('has no outputs');
  return { graph, input: image ? [shape[3] as number, ...shape.slice(1, 3)] : shape.slice(1), outputs, parameters };
}
