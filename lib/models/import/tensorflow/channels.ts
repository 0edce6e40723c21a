import type { Network, NetworkTensor, Operator } from './network.js';

/** ONNX Runtime computes so many channels at once, and leaves its blocked layout where others meet. */
export const channelBlock = 16;

const blocks = (channels: number) => Math.ceil(channels / channelBlock) * channelBlock;

/** A constant with zeros added behind the numbers of each dimension. */
function widened({ data = new Float32Array(), shape = [], ...rest }: NetworkTensor, wide: number[]): NetworkTensor {
  const filled = new Float32Array(wide.reduce((product, length) => product * length, 1));
  const row = shape.at(-1) ?? 1;
  for (let from = 0; from < data.length; from += row) {
    let [number, to, step] = [from / row, 0, 1];
    for (let axis = wide.length - 1; axis >= 0; axis--) {
      if (axis < wide.length - 1) {
        to += (number % (shape[axis] as number)) * step;
        number = Math.floor(number / (shape[axis] as number));
      }
      step *= wide[axis] as number;
    }
    filled.set(data.subarray(from, from + row), to);
  }
  return { ...rest, data: filled, shape: wide };
}

/**
 * Gives images that lie between convolutions whole blocks of channels. Those that are added have weights of 0, so
 * nothing else changes.
 */
export function widenChannels(network: Network): Network {
  const { inputs, outputs } = network;
  const tensors = [...network.tensors];
  // Halves and sparse weights are plain numbers already, as they were read.
  const operators = network.operators.filter(({ kind, inputs: [from = -1], outputs: [to = -1] }) => {
    const data = kind === 'DEQUANTIZE' || kind === 'DENSIFY' ? tensors[from]?.data : undefined;
    if (data) tensors[to] = { ...(tensors[to] as NetworkTensor), data };
    return data === undefined;
  });
  const isConvolution = ({ kind, inputs: [, weights = -1] }: Operator) =>
    (kind === 'CONV_2D' || kind === 'DEPTHWISE_CONV_2D') && tensors[weights]?.data !== undefined;
  const channelsOf = (tensor: number) => tensors[tensor]?.shape?.at(-1) ?? 0;
  const isRelu = ({ kind }: Operator) => kind === 'RELU' || kind === 'RELU6';
  const takesWide = (operator: Operator) => isConvolution(operator) || isRelu(operator);
  const makers = new Map(operators.map((operator) => [operator.outputs[0], operator] as const));
  const wide = new Set(
    [...tensors.keys()].filter((tensor) => {
      const maker = makers.get(tensor);
      return (
        maker !== undefined &&
        takesWide(maker) &&
        !outputs.includes(tensor) &&
        channelsOf(tensor) % channelBlock !== 0 &&
        operators.every((operator) => !operator.inputs.includes(tensor) || takesWide(operator))
      );
    }),
  );
  // Where channels are treated one by one, there are as many before as after.
  for (let size = -1; size !== wide.size; ) {
    size = wide.size;
    for (const operator of operators.filter((one) => one.kind === 'DEPTHWISE_CONV_2D' || isRelu(one))) {
      const ends = [operator.inputs[0] as number, operator.outputs[0] as number] as const;
      if (channelsOf(ends[0]) !== channelsOf(ends[1]) || ends.some((end) => !wide.has(end)))
        for (const end of ends) wide.delete(end);
    }
  }
  const all = [...tensors];
  for (const tensor of wide) {
    const { shape = [], ...rest } = tensors[tensor] as NetworkTensor;
    all[tensor] = { ...rest, shape: [...shape.slice(0, -1), blocks(channelsOf(tensor))] };
  }
  const added = (tensor: number, shape: (from: number[]) => number[]): number =>
    tensor === -1
      ? -1
      : all.push(widened(tensors[tensor] as NetworkTensor, shape(tensors[tensor]?.shape as number[]))) - 1;
  const changed = operators.map((operator): Operator => {
    const [x = -1, weights = -1, bias = -1] = operator.inputs;
    const [before, after] = [wide.has(x), wide.has(operator.outputs[0] as number)];
    if ((!before && !after) || isRelu(operator)) return operator;
    const isDepthwise = operator.kind === 'DEPTHWISE_CONV_2D';
    return {
      ...operator,
      inputs: [
        x,
        added(weights, ([first = 0, height = 0, width = 0, last = 0]) =>
          isDepthwise
            ? [first, height, width, blocks(last)]
            : [after ? blocks(first) : first, height, width, before ? blocks(last) : last],
        ),
        after ? added(bias, ([length = 0]) => [blocks(length)]) : bias,
      ],
    };
  });
  return { tensors: all, operators: changed, inputs, outputs };
}
