import type { Network, Operator } from './network.js';

/**
 * Puts one PRELU where a converter wrote it as several operators: max(x, 0) + c · (x − |x|), or max(x, 0) + c ·
 * max(−x, 0). Operators that nothing needs any more go.
 */
export function foldPrelus({ tensors, operators, inputs, outputs }: Network): Network {
  const makers = new Map(
    operators.flatMap((operator) => operator.outputs.map((output) => [output, operator] as const)),
  );
  const made = (tensor: number | undefined, kind: string): Operator | undefined => {
    const maker = tensor === undefined ? undefined : makers.get(tensor);
    return maker?.kind === kind && !maker.options.activation ? maker : undefined;
  };
  const slopes = [...tensors];
  const folded = operators.map((operator): Operator => {
    if (operator.kind !== 'ADD' || operator.options.activation) return operator;
    const x = operator.inputs.map((input) => made(input, 'RELU')?.inputs[0]).find((input) => input !== undefined);
    const product = operator.inputs.map((input) => made(input, 'MUL')).find((maker) => maker);
    const constant = product?.inputs.find((input) => tensors[input]?.data);
    const other = product?.inputs.find((input) => input !== constant);
    if (x === undefined || constant === undefined || other === undefined) return operator;
    const difference = made(other, 'SUB');
    const factor =
      difference?.inputs[0] === x && made(difference.inputs[1], 'ABS')?.inputs[0] === x
        ? 2
        : made(made(other, 'RELU')?.inputs[0], 'NEG')?.inputs[0] === x
          ? -1
          : undefined;
    const tensor = tensors[constant];
    if (factor === undefined || !tensor?.data) return operator;
    slopes.push({ ...tensor, data: tensor.data.map((value) => factor * value) });
    return { kind: 'PRELU', inputs: [x, slopes.length - 1], outputs: operator.outputs, options: {} };
  });
  const needed = new Set(outputs);
  const kept = folded.toReversed().filter((operator) => {
    if (!operator.outputs.some((output) => needed.has(output))) return false;
    for (const input of operator.inputs) needed.add(input);
    return true;
  });
  return { tensors: slopes, operators: kept.reverse(), inputs, outputs };
}
