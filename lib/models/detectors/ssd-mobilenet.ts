import type { Tensor, Value } from '../onnx/graph.js';
import { Layers, toFilters } from '../onnx/layers.js';
import { tensorsOf } from '../weights.js';

/**
 * face-api's SSD MobileNet V1 as an ONNX model: [n, 3, height, width], multiples of 32, to `boxes` [n, N, 4] (offsets
 * of anchors: x, y, width, height) and `scores` [n, N, 1] (logits).
 * @param weights As @vladmandic/face-api names them.
 * @throws `MaskbenchError` `MODEL_CORRUPT`: a tensor is missing
 */
export function ssdMobilenetOnnx(weights: ReadonlyMap<string, Tensor>): Promise<Uint8Array> {
  const graph = new Layers('ssd-mobilenet-v1', 'running', false);
  const tensor = tensorsOf('ssd-mobilenet-v1', weights);
  const pointwise = (x: Value, name: string, stride = 1): Value => {
    const bias = tensor(`${name}/convolution_bn_offset`).data;
    return graph.relu6(graph.convolution(x, toFilters(tensor(`${name}/weights`)), { stride, pad: 'same', bias }));
  };
  const depthwise = (x: Value, name: string, stride: number): Value => {
    const filters = toFilters(tensor(`${name}/depthwise_weights`), true);
    const moment = (part: string) => tensor(`${name}/BatchNorm/${part}`).data;
    const norm = {
      scale: moment('gamma'),
      bias: moment('beta'),
      mean: moment('moving_mean'),
      variance: moment('moving_variance'),
      epsilon: 0.001,
    };
    const groups = filters.shape[0] as number;
    return graph.relu6(graph.convolution(x, filters, { stride, pad: 'same', groups, norm }));
  };
  const whole = (...numbers: number[]) => graph.constant(BigInt64Array.from(numbers.map(BigInt)), [numbers.length]);
  // Convolutions of 1×1, whose `columns` chosen outputs of each anchor become rows.
  const predict = (x: Value, name: string, columns: readonly number[], of: number): Value => {
    const { data, shape } = toFilters(tensor(`${name}/weights`));
    const [outputs, inputs] = shape as [number, number];
    const bias = tensor(`${name}/biases`).data;
    const chosen = Array.from({ length: outputs / of }, (_, anchor) => columns.map((c) => anchor * of + c)).flat();
    const filters = new Float32Array(chosen.length * inputs);
    for (const [i, o] of chosen.entries()) filters.set(data.subarray(o * inputs, (o + 1) * inputs), i * inputs);
    const rows = graph.convolution(
      x,
      { data: filters, shape: [chosen.length, inputs, 1, 1] },
      { bias: Float32Array.from(chosen, (o) => bias[o] as number) },
    );
    const last = graph.node('Transpose', [rows], { perm: [0, 2, 3, 1] });
    return graph.node('Reshape', [last, whole(0, -1, columns.length)]);
  };

  let x = pointwise(graph.input('input', ['n', 3, 'height', 'width']), 'MobilenetV1/Conv2d_0_pointwise', 2);
  const maps: Value[] = [];
  for (let layer = 1; layer <= 13; layer++) {
    const stride = [2, 4, 6, 12].includes(layer) ? 2 : 1;
    x = depthwise(x, `MobilenetV1/Conv2d_${layer}_depthwise`, stride);
    x = pointwise(x, `MobilenetV1/Conv2d_${layer}_pointwise`);
    if (layer === 11 || layer === 13) maps.push(x);
  }
  for (let layer = 0; layer < 8; layer++) {
    x = pointwise(x, `Prediction/Conv2d_${layer}_pointwise`, layer % 2 === 0 ? 1 : 2);
    if (layer % 2 === 1) maps.push(x);
  }
  const join = (kind: string, columns: readonly number[], of: number) =>
    graph.node(
      'Concat',
      maps.map((map, i) => predict(map, `Prediction/BoxPredictor_${i}/${kind}`, columns, of)),
      { axis: 1 },
    );
  // TensorFlow's order is y, x, height, width.
  graph.output(join('BoxEncodingPredictor', [1, 0, 3, 2], 4), 'boxes', ['n', 'N', 4]);
  graph.output(join('ClassPredictor', [1], 3), 'scores', ['n', 'N', 1]);
  return graph.encode();
}
