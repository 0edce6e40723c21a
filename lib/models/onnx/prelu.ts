import type { OnnxGraph, Value } from './graph.js';

/**
 * x where it is positive, else slope · x, of an image with channels first. ONNX Runtime leaves its blocked layout for
 * PRelu and runs it slowly; these nodes stay in it. They compute slope · x + (1 − slope) · max(x, 0): the same up to
 * rounding.
 * @param slopes One for each channel.
 */
export function prelu(graph: Pick<OnnxGraph, 'node' | 'constant'>, x: Value, slopes: Float32Array): Value {
  const scaled = (value: Value, factors: Float32Array) =>
    graph.node('Conv', [value, graph.constant(factors, [factors.length, 1, 1, 1])], {
      kernel_shape: [1, 1],
      group: factors.length,
    });
  const rest = slopes.map((slope) => 1 - slope);
  // Scaled before or after: a factor that is not negative may stand on either side, and before, both are one step.
  const positive = rest.every((factor) => factor >= 0)
    ? graph.node('Relu', [scaled(x, rest)])
    : scaled(graph.node('Relu', [x]), rest);
  return graph.node('Add', [scaled(x, slopes), positive]);
}
