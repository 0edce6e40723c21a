import { MaskbenchError } from '../../errors.js';
import type { ModelDescription } from '../description.js';
import type { Value } from '../onnx/graph.js';
import { type Layers, type Norm, toFilters } from '../onnx/layers.js';
import type { Weights } from '../weights.js';
import type { Network } from './torch-networks.js';

const norm = (weights: Weights, name: string, channels: number, epsilon: number): Norm => ({
  scale: weights.take(`${name}/gamma`, [channels]).data,
  bias: weights.take(`${name}/beta`, [channels]).data,
  mean: weights.take(`${name}/moving_mean`, [channels]).data,
  variance: weights.take(`${name}/moving_variance`, [channels]).data,
  epsilon,
});

/** The input as the paper's program feeds it: RGB 0 to 255, the whole image. */
const description = (similarity: ModelDescription['similarity'], training: string): Omit<ModelDescription, 'name'> => ({
  input: { width: 224, height: 224, layout: 'NCHW', colors: 'RGB', mean: [0, 0, 0], scale: [1, 1, 1] },
  cut: 'letterbox',
  similarity,
  normalized: false,
  training,
  licence: "the file's own",
  overlaps: ['celeba', 'lfw', 'youtube_faces'],
});

/** The siamese end: squared differences through dense layers, found by their shapes, for Keras numbers them. */
function squaredDifference(weights: Weights, sizes: number[]): ModelDescription['similarity'] {
  const layers = sizes.slice(1).map((outputs, i) => {
    const inputs = sizes[i] as number;
    const kernel = weights.find([inputs, outputs], '/kernel');
    if (kernel === undefined)
      throw new MaskbenchError(
        'MODEL_CORRUPT',
        weights.file,
        `${weights.file}: has no dense layer of ${inputs} to ${outputs} for the pair`,
      );
    const bias = weights.take(kernel.replace(/kernel$/, 'bias'), [outputs]).data;
    return { weights: [...weights.take(kernel, [inputs, outputs]).data], bias: [...bias] };
  });
  return { kind: 'sigmoid', squared: true, layers };
}

/** VGG: 3×3 convolutions with ReLU, `counts` a block, a pool after each. */
function vgg(
  layers: Layers,
  weights: Weights,
  input: Value,
  counts: number[],
  nameOf: (block: number, index: number) => string,
): Value {
  let x = input;
  let channels = 3;
  for (const [block, count] of counts.entries()) {
    const outputs = Math.min(512, 64 * 2 ** block);
    for (let index = 0; index < count; index++) {
      const name = nameOf(block + 1, index + 1);
      const filters = toFilters(weights.take(`${name}/kernel`, [3, 3, channels, outputs]));
      x = layers.relu(layers.convolution(x, filters, { pad: 1, bias: weights.take(`${name}/bias`, [outputs]).data }));
      channels = outputs;
    }
    x = layers.maxPool(x, 2, 2);
  }
  return x;
}

/** The dense layer of 512 with ReLU that VGG16 and SENet-50 end in. */
function dense512(layers: Layers, weights: Weights, x: Value, inputs: number): Value {
  const kernel = weights.has('fc7/kernel') ? 'fc7/kernel' : weights.find([inputs, 512], '/kernel');
  const name = (kernel ?? 'fc7/kernel').replace(/\/kernel$/, '');
  return layers.relu(
    layers.dense(x, weights.take(`${name}/kernel`, [inputs, 512]), weights.take(`${name}/bias`, [512]).data),
  );
}

/** VGG16 of VGGFace (keras-vggface), global average, `fc7`. */
const vggface16: Network = {
  from: 'keras',
  heads: ['pair'],
  batchNorm: 'running',
  size: 224,
  build: (layers, weights, input) =>
    dense512(
      layers,
      weights,
      layers.globalAverage(vgg(layers, weights, input, [2, 2, 3, 3, 3], (block, index) => `conv${block}_${index}`)),
      512,
    ),
  describe: (weights) => description(squaredDifference(weights, [512, 1]), 'VGGFace, then pairs of the paper'),
};

/** VGG19 of ImageNet, global average; the pair goes through the paper's distance network. */
const vgg19: Network = {
  from: 'keras',
  heads: ['pair'],
  batchNorm: 'running',
  size: 224,
  build: (layers, weights, input) =>
    layers.globalAverage(vgg(layers, weights, input, [2, 2, 4, 4, 4], (block, index) => `block${block}_conv${index}`)),
  describe: (weights) =>
    description(squaredDifference(weights, [512, 256, 64, 1]), 'ImageNet, then pairs of the paper'),
};

/**
 * SENet-50 of VGGFace2 (keras-vggface): squeeze-and-excitation (Hu et al. 2018), the stride in the first 1×1
 * convolution.
 */
const senet50: Network = {
  from: 'keras',
  heads: ['pair'],
  batchNorm: 'running',
  size: 224,
  build(layers, weights, input) {
    const epsilon = 1e-4;
    const convolution = (
      x: Value,
      name: string,
      [size, inputs, outputs]: [number, number, number],
      options: { stride?: number; pad?: number | [number, number, number, number] } = {},
    ) =>
      layers.convolution(x, toFilters(weights.take(`${name}/kernel`, [size, size, inputs, outputs])), {
        pad: (size - 1) / 2,
        ...options,
        norm: norm(weights, `${name}/bn`, outputs, epsilon),
      });
    const gate = (x: Value, name: string, inputs: number, outputs: number) =>
      layers.convolution(x, toFilters(weights.take(`${name}/kernel`, [1, 1, inputs, outputs])), {
        bias: weights.take(`${name}/bias`, [outputs]).data,
      });
    // TensorFlow's "same" for a stride of 2 from an even size: one more at the bottom and right.
    let x = layers.relu(convolution(input, 'conv1/7x7_s2', [7, 3, 64], { stride: 2, pad: [2, 2, 3, 3] }));
    x = layers.maxPool(x, 3, 2);
    let channels = 64;
    for (const [stage, count] of [3, 4, 6, 3].entries()) {
      const width = 64 * 2 ** stage;
      const outputs = 4 * width;
      for (let block = 1; block <= count; block++) {
        const name = `conv${stage + 2}_${block}`;
        const stride = block === 1 && stage > 0 ? 2 : 1;
        let y = layers.relu(convolution(x, `${name}_1x1_reduce`, [1, channels, width], { stride }));
        y = layers.relu(convolution(y, `${name}_3x3`, [3, width, width]));
        y = convolution(y, `${name}_1x1_increase`, [1, width, outputs]);
        const squeezed = layers.relu(
          gate(layers.node('GlobalAveragePool', [y]), `${name}_1x1_down`, outputs, outputs / 16),
        );
        const excited = layers.node('Sigmoid', [gate(squeezed, `${name}_1x1_up`, outputs / 16, outputs)]);
        y = layers.node('Mul', [y, excited]);
        const around = block === 1 ? convolution(x, `${name}_1x1_proj`, [1, channels, outputs], { stride }) : x;
        x = layers.relu(layers.node('Add', [y, around]));
        channels = outputs;
      }
    }
    return dense512(layers, weights, layers.globalAverage(x), 2048);
  },
  describe: (weights) => description(squaredDifference(weights, [512, 1]), 'VGGFace2, then pairs of the paper'),
};

/** Expansion, channels, blocks and stride of MobileNetV2's stages (Sandler et al. 2018, table 2). */
const mobileStages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** MobileNetV2 of ImageNet (keras-applications), global average. */
const mobilenetv2: Network = {
  from: 'keras',
  heads: ['pair'],
  batchNorm: 'running',
  size: 224,
  build(layers, weights, input) {
    const epsilon = 1e-3;
    const pad = (stride: number): number | [number, number, number, number] => (stride === 2 ? [0, 0, 1, 1] : 1);
    const pointwise = (x: Value, name: string, inputs: number, outputs: number, normName: string) =>
      layers.convolution(x, toFilters(weights.take(`${name}/kernel`, [1, 1, inputs, outputs])), {
        norm: norm(weights, normName, outputs, epsilon),
      });
    const first = toFilters(weights.take('Conv1/kernel', [3, 3, 3, 32]));
    let x = layers.relu6(
      layers.convolution(input, first, { stride: 2, pad: pad(2), norm: norm(weights, 'bn_Conv1', 32, epsilon) }),
    );
    let channels = 32;
    let number = 0;
    for (const [expansion, outputs, count, firstStride] of mobileStages)
      for (let block = 0; block < count; block++, number++) {
        const prefix = number === 0 ? 'expanded_conv' : `block_${number}`;
        const stride = block === 0 ? firstStride : 1;
        const width = expansion * channels;
        let y = x;
        if (expansion > 1) y = layers.relu6(pointwise(y, `${prefix}_expand`, channels, width, `${prefix}_expand_BN`));
        const filters = toFilters(weights.take(`${prefix}_depthwise/depthwise_kernel`, [3, 3, width, 1]), true);
        const normed = norm(weights, `${prefix}_depthwise_BN`, width, epsilon);
        y = layers.relu6(layers.convolution(y, filters, { stride, pad: pad(stride), groups: width, norm: normed }));
        y = pointwise(y, `${prefix}_project`, width, outputs, `${prefix}_project_BN`);
        x = stride === 1 && channels === outputs ? layers.node('Add', [y, x]) : y;
        channels = outputs;
      }
    return layers.globalAverage(layers.relu6(pointwise(x, 'Conv_1', 320, 1280, 'Conv_1_bn')));
  },
  describe: (weights) => description(squaredDifference(weights, [1280, 1]), 'ImageNet, then pairs of the paper'),
};

export const kerasNetworks: Record<string, Network> = {
  vgg19,
  'vggface-vgg16': vggface16,
  'vggface2-senet50': senet50,
  mobilenetv2,
};
