import type { Tensor, Value } from './onnx/graph.js';
import { Layers, toFilters } from './onnx/layers.js';
import { tensorsOf } from './weights.js';

/**
 * face-api's network of 68 landmarks as an ONNX model: [n, 3, 112, 112] to [n, 136], x and y of each point as shares of
 * the input's sides.
 * @param weights As @vladmandic/face-api names them.
 * @throws `MaskbenchError` `MODEL_CORRUPT`: a tensor is missing
 */
export function landmarkNetworkOnnx(weights: ReadonlyMap<string, Tensor>): Promise<Uint8Array> {
  const graph = new Layers('face-api-68', 'running', false);
  const tensor = tensorsOf('face-api-68', weights);
  const separable = (x: Value, name: string, stride: number): Value => {
    const depthwise = toFilters(tensor(`${name}/depthwise_filter`), true);
    const groups = depthwise.shape[0] as number;
    const pointwise = toFilters(tensor(`${name}/pointwise_filter`));
    const bias = tensor(`${name}/bias`).data;
    return graph.convolution(graph.convolution(x, depthwise, { stride, pad: 'same', groups }), pointwise, { bias });
  };
  const convolution = (x: Value, name: string): Value =>
    graph.convolution(x, toFilters(tensor(`${name}/filters`)), {
      stride: 2,
      pad: 'same',
      bias: tensor(`${name}/bias`).data,
    });
  // Each convolution takes the sum of those before it.
  const block = (first: Value, name: string): Value => {
    let sum = graph.relu(first);
    let x = sum;
    for (const part of ['conv1', 'conv2', 'conv3']) {
      sum = graph.node('Add', [sum, separable(x, `${name}/${part}`, 1)]);
      x = graph.relu(sum);
    }
    return x;
  };

  let x = block(convolution(graph.input('input', ['n', 3, 112, 112]), 'dense0/conv0'), 'dense0');
  for (const name of ['dense1', 'dense2', 'dense3']) x = block(separable(x, `${name}/conv0`, 2), name);
  x = graph.dense(graph.globalAverage(x), tensor('fc/weights'), tensor('fc/bias').data);
  graph.output(x, 'landmarks', ['n', 136]);
  return graph.encode();
}
