import type { ModelDescription } from '../description.js';
import type { Value } from '../onnx/graph.js';
import { type Layers, type Norm, transposed } from '../onnx/layers.js';
import { prelu } from '../onnx/prelu.js';
import { presets } from '../presets.js';
import type { Weights } from '../weights.js';

/** A network: builds its graph from weights, and says what the model takes and gives. */
export interface Network {
  /** What its weights are written by. */
  from: 'torch' | 'keras';
  /** Names of its heads, the first by default. */
  heads: string[];
  batchNorm: 'per-image' | 'running';
  /** Height and width of the input. */
  size: number;
  /** Gives the vector. */
  build(layers: Layers, weights: Weights, input: Value, head: string): Value;
  describe(weights: Weights, head: string): Omit<ModelDescription, 'name' | 'output' | 'batchNorm'>;
}

const norm = (weights: Weights, name: string, channels: number): Norm => ({
  scale: weights.take(`${name}.weight`, [channels]).data,
  bias: weights.take(`${name}.bias`, [channels]).data,
  mean: weights.take(`${name}.running_mean`, [channels]).data,
  variance: weights.take(`${name}.running_var`, [channels]).data,
  epsilon: 1e-5,
});

/** How the parts of a residual network are named. */
interface Names {
  convolution: string;
  norm: string;
  stage: (index: number) => string;
}

const torchvision: Names = { convolution: 'conv1', norm: 'bn1', stage: (index) => `layer${index + 1}` };
const ofPaper: Names = { convolution: 'conv.0', norm: 'conv.1', stage: (index) => `conv.${index + 4}` };

/**
 * ResNet (He et al. 2016) with the stride in the 3×3 convolution, as torchvision builds it; up to the pooled features.
 */
function resnet(
  layers: Layers,
  weights: Weights,
  input: Value,
  blocks: number[],
  bottleneck: boolean,
  names: Names,
): Value {
  const convolution = (
    x: Value,
    name: string,
    [outputs, inputs, size]: [number, number, number],
    normName: string,
    stride = 1,
  ) =>
    layers.convolution(x, weights.take(`${name}.weight`, [outputs, inputs, size, size]), {
      stride,
      pad: (size - 1) / 2,
      norm: norm(weights, normName, outputs),
    });
  let x = layers.relu(convolution(input, names.convolution, [64, 3, 7], names.norm, 2));
  x = layers.maxPool(x, 3, 2, 1);
  let channels = 64;
  for (const [stage, count] of blocks.entries()) {
    const width = 64 * 2 ** stage;
    const outputs = bottleneck ? 4 * width : width;
    for (let block = 0; block < count; block++) {
      const name = `${names.stage(stage)}.${block}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const part = (of: Value, index: number, shape: [number, number, number], step = 1) =>
        convolution(of, `${name}.conv${index}`, shape, `${name}.bn${index}`, step);
      let y: Value;
      if (bottleneck) {
        y = layers.relu(part(x, 1, [width, channels, 1]));
        y = layers.relu(part(y, 2, [width, width, 3], stride));
        y = part(y, 3, [outputs, width, 1]);
      } else {
        y = layers.relu(part(x, 1, [width, channels, 3], stride));
        y = part(y, 2, [width, width, 3]);
      }
      const changes = stride !== 1 || channels !== outputs;
      const around = changes
        ? convolution(x, `${name}.downsample.0`, [outputs, channels, 1], `${name}.downsample.1`, stride)
        : x;
      x = layers.relu(layers.node('Add', [y, around]));
      channels = outputs;
    }
  }
  return layers.globalAverage(x);
}

/** The paper's ResNet-50 without its classifier, and its three heads. */
const paperResnet50: Network = {
  from: 'torch',
  heads: ['2048', '512', 'sigmoid'],
  batchNorm: 'per-image',
  size: 224,
  build(layers, weights, input, head) {
    const features = resnet(layers, weights, input, [3, 4, 6, 3], true, ofPaper);
    if (head === '2048') return features;
    const { data: bias } = weights.take('liner.0.bias', [512]);
    return layers.node('Sigmoid', [
      layers.dense(features, transposed(weights.take('liner.0.weight', [512, 2048])), bias),
    ]);
  },
  describe(weights, head) {
    const { name: _, batchNorm: __, ...preset } = presets['paper-resnet50'] as ModelDescription;
    if (head !== 'sigmoid') return preset;
    const layer = {
      weights: [...weights.take('out.weight', [1, 512]).data],
      bias: [...weights.take('out.bias', [1]).data],
    };
    return { ...preset, similarity: { kind: 'sigmoid', layers: [layer] } };
  },
};

function torchvisionResnet(blocks: number[], bottleneck: boolean): Network {
  return {
    from: 'torch',
    heads: ['features'],
    batchNorm: 'running',
    size: 224,
    build: (layers, weights, input) => resnet(layers, weights, input, blocks, bottleneck, torchvision),
    describe: () => ({
      input: {
        ...{ width: 224, height: 224, layout: 'NCHW', colors: 'RGB' },
        mean: [123.675, 116.28, 103.53],
        scale: [1 / 58.395, 1 / 57.12, 1 / 57.375],
      },
      cut: 'box',
      similarity: { kind: 'cosine' },
      normalized: false,
      training: 'unknown (torchvision: ImageNet)',
      licence: "the file's own",
    }),
  };
}

/** InsightFace's IResNet (arcface_torch): 112 × 112 to 512 numbers. */
function iresnet(blocks: number[]): Network {
  return {
    from: 'torch',
    heads: ['features'],
    batchNorm: 'running',
    size: 112,
    build(layers, weights, input) {
      const activated = (x: Value, name: string, channels: number) =>
        prelu(layers, x, weights.take(`${name}.weight`, [channels]).data);
      const convolution = (x: Value, name: string, shape: number[], normName: string, stride = 1) =>
        layers.convolution(x, weights.take(`${name}.weight`, shape), {
          stride,
          pad: ((shape[2] as number) - 1) / 2,
          norm: norm(weights, normName, shape[0] as number),
        });
      let x = activated(convolution(input, 'conv1', [64, 3, 3, 3], 'bn1'), 'prelu', 64);
      let channels = 64;
      for (const [stage, count] of blocks.entries()) {
        const outputs = 64 * 2 ** stage;
        for (let block = 0; block < count; block++) {
          const name = `layer${stage + 1}.${block}`;
          const stride = block === 0 ? 2 : 1;
          let y = layers.normalization(x, norm(weights, `${name}.bn1`, channels));
          y = activated(
            convolution(y, `${name}.conv1`, [outputs, channels, 3, 3], `${name}.bn2`),
            `${name}.prelu`,
            outputs,
          );
          y = convolution(y, `${name}.conv2`, [outputs, outputs, 3, 3], `${name}.bn3`, stride);
          const around =
            block === 0
              ? convolution(x, `${name}.downsample.0`, [outputs, channels, 1, 1], `${name}.downsample.1`, stride)
              : x;
          x = layers.node('Add', [y, around]);
          channels = outputs;
        }
      }
      x = layers.node('Flatten', [layers.normalization(x, norm(weights, 'bn2', 512))]);
      x = layers.dense(x, transposed(weights.take('fc.weight', [512, 25088])), weights.take('fc.bias', [512]).data);
      const { scale, bias, mean, variance, epsilon } = norm(weights, 'features', 512);
      const factors = scale.map((value, i) => value / Math.sqrt((variance[i] as number) + epsilon));
      const offset = bias.map((value, i) => value - (mean[i] as number) * (factors[i] as number));
      return layers.node('Add', [layers.node('Mul', [x, layers.vector(factors)]), layers.vector(offset)]);
    },
    describe() {
      const { name: _, ...preset } = presets['arcface-112'] as ModelDescription;
      return preset;
    },
  };
}

export const torchNetworks: Record<string, Network> = {
  'paper-resnet50': paperResnet50,
  resnet18: torchvisionResnet([2, 2, 2, 2], false),
  resnet34: torchvisionResnet([3, 4, 6, 3], false),
  resnet50: torchvisionResnet([3, 4, 6, 3], true),
  resnet101: torchvisionResnet([3, 4, 23, 3], true),
  iresnet18: iresnet([2, 2, 2, 2]),
  iresnet34: iresnet([3, 4, 6, 3]),
  iresnet50: iresnet([3, 4, 14, 3]),
  iresnet100: iresnet([3, 13, 30, 3]),
};
