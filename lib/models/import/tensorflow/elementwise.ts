import type { Build } from './inputs.js';
import type { Options } from './network.js';
import { isConstant, type Value, type Values } from './values.js';

const clip = (low: number, high: number) => (values: Values, x: Value) =>
  values.like(x, 'Clip', [values.scalar(low), values.scalar(high)]);

/** Functions of one number. */
const functions: Record<string, (values: Values, x: Value) => Value> = {
  RELU6: clip(0, 6),
  RELU_N1_TO_1: clip(-1, 1),
  RSQRT: (values, x) => values.like(values.like(x, 'Sqrt'), 'Reciprocal'),
  SQUARE: (values, x) => values.like(x, 'Mul', [values.own(x)]),
  HARD_SWISH: (values, x) => {
    const gate = clip(0, 6)(values, values.like(x, 'Add', [values.scalar(3)]));
    return values.like(x, 'Mul', [values.own(values.like(gate, 'Mul', [values.scalar(1 / 6)]))]);
  },
  ...Object.fromEntries(
    Object.entries({
      RELU: 'Relu',
      TANH: 'Tanh',
      LOGISTIC: 'Sigmoid',
      ABS: 'Abs',
      NEG: 'Neg',
      EXP: 'Exp',
      LOG: 'Log',
      SQRT: 'Sqrt',
      FLOOR: 'Floor',
      ELU: 'Elu',
    }).map(([kind, opType]) => [kind, (values: Values, x: Value) => values.like(x, opType)]),
  ),
};

/** Activations that other operators carry, by their number. */
const activations = [undefined, 'RELU', 'RELU_N1_TO_1', 'RELU6', 'TANH'];

/** The result after the activation that an operator carries. */
export function activated(values: Values, x: Value, { activation = 0 }: Options): Value {
  if (activation === 0) return x;
  const build = functions[activations[activation] ?? ''];
  if (!build) throw new Error(`has the unknown activation ${activation}`);
  return build(values, x);
}

/** The shape of both after sizes of 1 are repeated. */
function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [first = 1, second = 1] = [a[i - rank + a.length], b[i - rank + b.length]];
    if (first !== second && first !== 1 && second !== 1)
      throw new Error(`cannot join ${a.join(' × ')} and ${b.join(' × ')}`);
    return Math.max(first, second);
  });
}

/** A node of two values that are repeated against each other. */
function joined(values: Values, opType: string, a: Value, b: Value): Value {
  const shape = broadcastShape(a.shape, b.shape);
  const rank = shape.length;
  const pair = [a, b];
  const batched = a.batched || b.batched;
  for (const one of pair)
    if (batched && !one.batched && one.shape.length === rank && one.shape[0] !== 1)
      throw new Error('has a constant for each image of a batch; the batch cannot be left open');
    else if (one.batched && one.shape.length < rank) throw new Error('mixes the batch with other dimensions');
  // Channels come first, unless an operand that is computed has fewer dimensions.
  const image = (a.image || b.image) && pair.every((one) => isConstant(one) || one.shape.length === 4);
  const nodes = pair.map((one) => {
    if (!image) return values.plain(one);
    const ones = Array.from({ length: 4 - one.shape.length }, () => 1);
    return values.image(ones.length === 0 ? one : values.reshaped(one, [...ones, ...one.shape]));
  });
  return values.result(values.graph.node(opType, nodes), shape, { image, batched });
}

const pairs = {
  ADD: 'Add',
  SUB: 'Sub',
  MUL: 'Mul',
  DIV: 'Div',
  MAXIMUM: 'Max',
  MINIMUM: 'Min',
  POW: 'Pow',
  PRELU: 'PRelu',
};

/** Operators that treat each number alone. */
export const elementwise: Record<string, Build> = {
  ...Object.fromEntries(
    Object.entries(functions).map(([kind, build]): [string, Build] => [
      kind,
      (values, inputs) => build(values, inputs.at(0)),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(pairs).map(([kind, opType]): [string, Build] => [
      kind,
      (values, inputs, options) => activated(values, joined(values, opType, inputs.at(0), inputs.at(1)), options),
    ]),
  ),
  SQUARED_DIFFERENCE: (values, inputs) => {
    const difference = joined(values, 'Sub', inputs.at(0), inputs.at(1));
    return values.like(difference, 'Mul', [values.own(difference)]);
  },
  LEAKY_RELU: (values, inputs, { alpha = 0 }) =>
    values.like(inputs.at(0), 'LeakyRelu', [], { alpha: { float: alpha } }),
};
