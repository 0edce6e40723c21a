import type { Tensor, Value } from './onnx/graph.js';
import { Layers, toFilters } from './onnx/layers.js';
import { tensorsOf } from './weights.js';

/**
 * dlib's 29-layer face recognition ResNet (Davis King, dlib_face_recognition_resnet_model_v1) as an ONNX model: [n, 3,
 * 150, 150] to [n, 128].
 * @param weights As @vladmandic/face-api names them.
 * @throws `MaskbenchError` `MODEL_CORRUPT`: a tensor is missing
 */
export function dlibResnetOnnx(weights: ReadonlyMap<string, Tensor>): Promise<Uint8Array> {
  const graph = new Layers('dlib-resnet-128', 'running', false);
  const tensor = tensorsOf('dlib-resnet-128', weights);
  // A scale and an offset follow each convolution: a normalisation by moments of 0 and 1.
  const convolution = (x: Value, name: string, stride: number, pad: number): Value => {
    const scale = tensor(`${name}/scale/weights`).data;
    const norm = {
      scale,
      bias: tensor(`${name}/scale/biases`).data,
      mean: scale.map(() => 0),
      variance: scale.map(() => 1),
      epsilon: 0,
    };
    const filters = toFilters(tensor(`${name}/conv/filters`));
    return graph.convolution(x, filters, { stride, pad, bias: tensor(`${name}/conv/bias`).data, norm });
  };
  const padded = (x: Value, channels: number, size: number): Value =>
    graph.node('Pad', [x, graph.constant(BigInt64Array.from([0, 0, 0, 0, 0, channels, size, size].map(BigInt)), [8])]);
  const residual = (x: Value, name: string): Value => {
    const inner = graph.relu(convolution(x, `${name}/conv1`, 1, 1));
    return graph.relu(graph.node('Add', [convolution(inner, `${name}/conv2`, 1, 1), x]));
  };
  // Half the size: an average pool goes around the convolutions, with empty channels where there are more of them.
  const residualDown = (x: Value, name: string, size: number): Value => {
    const [, , inputs, outputs] = tensor(`${name}/conv1/conv/filters`).shape as [number, number, number, number];
    const inner = graph.relu(convolution(x, `${name}/conv1`, 2, 0));
    const outer = convolution(inner, `${name}/conv2`, 1, 1);
    const pooled = graph.node('AveragePool', [x], { kernel_shape: [2, 2], strides: [2, 2] });
    const lacking = Math.floor(size / 2) - Math.floor((size - 1) / 2);
    const around = outputs > inputs ? padded(pooled, outputs - inputs, 0) : pooled;
    return graph.relu(graph.node('Add', [lacking > 0 ? padded(outer, 0, lacking) : outer, around]));
  };

  let x = graph.relu(convolution(graph.input('input', ['n', 3, 150, 150]), 'conv32_down', 2, 0));
  x = graph.maxPool(x, 3, 2);
  for (const name of ['conv32_1', 'conv32_2', 'conv32_3']) x = residual(x, name);
  x = residualDown(x, 'conv64_down', 35);
  for (const name of ['conv64_1', 'conv64_2', 'conv64_3']) x = residual(x, name);
  x = residualDown(x, 'conv128_down', 17);
  for (const name of ['conv128_1', 'conv128_2']) x = residual(x, name);
  x = residualDown(x, 'conv256_down', 8);
  for (const name of ['conv256_1', 'conv256_2']) x = residual(x, name);
  x = residualDown(x, 'conv256_down_out', 4);
  x = graph.dense(graph.globalAverage(x), tensor('fc'));
  graph.output(x, 'descriptor', ['n', 128]);
  return graph.encode();
}
