"""Straightforward forward passes in NumPy, with random weights: what imported models are compared with.

Reads {"arch", "seed", "head", "per_image", "image"} as JSON; writes the weights to a file and prints names, shapes and the vector.
"""
import json
import sys

import numpy as np

data = json.load(sys.stdin)
random = np.random.default_rng(data['seed'])
tensors = {}


def make(name, shape, scale=None):
    if name not in tensors:
        fan = np.prod(shape[1:]) if scale is None else 1
        tensors[name] = (random.standard_normal(shape) * (scale or np.sqrt(2 / max(1, fan)))).astype(np.float32)
    return tensors[name].astype(np.float64)


def around_one(name, size):
    tensors[name] = (1 + 0.1 * random.standard_normal(size)).astype(np.float32)
    return tensors[name].astype(np.float64)


def conv(x, w, stride=1, pad=(0, 0, 0, 0), groups=1):
    top, left, bottom, right = pad
    x = np.pad(x, ((0, 0), (top, bottom), (left, right)))
    out, _, kh, kw = w.shape
    h = (x.shape[1] - kh) // stride + 1
    v = (x.shape[2] - kw) // stride + 1
    y = np.zeros((out, h, v))
    for i in range(kh):
        for j in range(kw):
            part = x[:, i:i + stride * h:stride, j:j + stride * v:stride]
            if groups == 1:
                y += np.tensordot(w[:, :, i, j], part, 1)
            else:
                y += w[:, 0, i, j][:, None, None] * part
    return y


def same(size):
    return ((size - 1) // 2,) * 4


def pool(x, size, stride, pad=0):
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)), constant_values=-np.inf)
    h = (x.shape[1] - size) // stride + 1
    v = (x.shape[2] - size) // stride + 1
    parts = [x[:, i:i + stride * h:stride, j:j + stride * v:stride] for i in range(size) for j in range(size)]
    return np.max(parts, 0)


def normalize(x, scale, bias, mean, variance, eps):
    if data.get('per_image'):
        mean, variance = x.mean((1, 2)), x.var((1, 2))
    c = (slice(None),) + (None,) * (x.ndim - 1)
    return (x - mean[c]) / np.sqrt(variance[c] + eps) * scale[c] + bias[c]


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def torch_bn(x, name):
    n = x.shape[0]
    return normalize(x, around_one(name + '.weight', n), make(name + '.bias', (n,), 0.1),
                     make(name + '.running_mean', (n,), 0.1), around_one(name + '.running_var', n), 1e-5)


def torch_conv(x, name, out, size, stride=1):
    return conv(x, make(name + '.weight', (out, x.shape[0], size, size)), stride, same(size))


def resnet(x, blocks, bottleneck, first, norm, stages):
    x = pool(relu(torch_bn(torch_conv(x, first, 64, 7, 2), norm)), 3, 2, 1)
    for s, count in enumerate(blocks):
        width = 64 << s
        for b in range(count):
            p = f'{stages[s]}.{b}.'
            stride = 2 if s and not b else 1
            if bottleneck:
                y = relu(torch_bn(torch_conv(x, p + 'conv1', width, 1), p + 'bn1'))
                y = relu(torch_bn(torch_conv(y, p + 'conv2', width, 3, stride), p + 'bn2'))
                y = torch_bn(torch_conv(y, p + 'conv3', 4 * width, 1), p + 'bn3')
            else:
                y = relu(torch_bn(torch_conv(x, p + 'conv1', width, 3, stride), p + 'bn1'))
                y = torch_bn(torch_conv(y, p + 'conv2', width, 3), p + 'bn2')
            if stride > 1 or x.shape[0] != y.shape[0]:
                x = torch_bn(torch_conv(x, p + 'downsample.0', y.shape[0], 1, stride), p + 'downsample.1')
            x = relu(x + y)
    return x.mean((1, 2))


def iresnet(x, blocks):
    def prelu(x, name):
        return np.where(x > 0, x, x * make(name + '.weight', (x.shape[0],), 0.25)[:, None, None])

    x = prelu(torch_bn(torch_conv(x, 'conv1', 64, 3), 'bn1'), 'prelu')
    for s, count in enumerate(blocks):
        for b in range(count):
            p = f'layer{s + 1}.{b}.'
            y = torch_bn(x, p + 'bn1')
            y = prelu(torch_bn(torch_conv(y, p + 'conv1', 64 << s, 3), p + 'bn2'), p + 'prelu')
            y = torch_bn(torch_conv(y, p + 'conv2', 64 << s, 3, 1 if b else 2), p + 'bn3')
            if not b:
                x = torch_bn(torch_conv(x, p + 'downsample.0', 64 << s, 1, 2), p + 'downsample.1')
            x = x + y
    x = torch_bn(x, 'bn2').reshape(-1)
    x = make('fc.weight', (512, 25088)) @ x + make('fc.bias', (512,), 0.1)
    return torch_bn(x, 'features')


def keras_conv(x, name, out, size, stride=1, pad=None, bias=True, depthwise=False, scale=None):
    inputs = x.shape[0]
    if depthwise:
        w = make(name + '/depthwise_kernel', (size, size, inputs, 1), np.sqrt(2 / size ** 2))
        w = w.transpose(2, 3, 0, 1)
    else:
        w = make(name + '/kernel', (size, size, inputs, out), scale or np.sqrt(2 / (size * size * inputs))).transpose(3, 2, 0, 1)
    y = conv(x, w, stride, same(size) if pad is None else pad, inputs if depthwise else 1)
    return y + make(name + '/bias', (out,), 0.1)[:, None, None] if bias else y


def keras_bn(x, name, eps):
    n = x.shape[0]
    return normalize(x, around_one(name + '/gamma', n), make(name + '/beta', (n,), 0.1),
                     make(name + '/moving_mean', (n,), 0.1), around_one(name + '/moving_variance', n), eps)


def keras_dense(x, name, out):
    return x @ make(name + '/kernel', (x.shape[0], out), np.sqrt(2 / x.shape[0])) + make(name + '/bias', (out,), 0.1)


def vgg(x, counts, name):
    for b, count in enumerate(counts):
        for i in range(count):
            x = relu(keras_conv(x, name(b + 1, i + 1), min(512, 64 << b), 3))
        x = pool(x, 2, 2)
    return x.mean((1, 2))


def senet(x):
    def unit(x, name, out, size, stride=1, pad=None):
        return keras_bn(keras_conv(x, name, out, size, stride, pad, bias=False), name + '/bn', 1e-4)

    x = pool(relu(unit(x, 'conv1/7x7_s2', 64, 7, 2, (2, 2, 3, 3))), 3, 2)
    for s, count in enumerate([3, 4, 6, 3]):
        width = 64 << s
        for b in range(1, count + 1):
            p = f'conv{s + 2}_{b}_'
            stride = 2 if b == 1 and s else 1
            y = relu(unit(x, p + '1x1_reduce', width, 1, stride))
            y = relu(unit(y, p + '3x3', width, 3))
            y = unit(y, p + '1x1_increase', 4 * width, 1)
            e = y.mean((1, 2))[:, None, None]
            e = relu(keras_conv(e, p + '1x1_down', width // 4, 1))
            # Where the sigmoid is not flat.
            y = y * sigmoid(keras_conv(e, p + '1x1_up', 4 * width, 1, scale=1 / np.linalg.norm(e)))
            x = relu((unit(x, p + '1x1_proj', 4 * width, 1, stride) if b == 1 else x) + y)
    return x.mean((1, 2))


def mobilenet(x):
    def relu6(x):
        return np.clip(x, 0, 6)

    def pad(stride):
        return (0, 0, 1, 1) if stride == 2 else (1, 1, 1, 1)

    x = relu6(keras_bn(keras_conv(x, 'Conv1', 32, 3, 2, pad(2), bias=False), 'bn_Conv1', 1e-3))
    n = 0
    for t, c, count, first in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
        for b in range(count):
            p = f'block_{n}_' if n else 'expanded_conv_'
            stride = 1 if b else first
            y = x
            if t > 1:
                y = relu6(keras_bn(keras_conv(y, p + 'expand', t * x.shape[0], 1, bias=False), p + 'expand_BN', 1e-3))
            y = keras_conv(y, p + 'depthwise', y.shape[0], 3, stride, pad(stride), bias=False, depthwise=True)
            y = relu6(keras_bn(y, p + 'depthwise_BN', 1e-3))
            y = keras_bn(keras_conv(y, p + 'project', c, 1, bias=False), p + 'project_BN', 1e-3)
            x = x + y if stride == 1 and x.shape == y.shape else y
            n += 1
    x = relu6(keras_bn(keras_conv(x, 'Conv_1', 1280, 1, bias=False), 'Conv_1_bn', 1e-3))
    return x.mean((1, 2))


arch = data['arch']
x = np.array(data['image'], np.float64).reshape(3, data['size'], data['size'])
layers = {'18': [2, 2, 2, 2], '34': [3, 4, 6, 3], '50': [3, 4, 6, 3], '101': [3, 4, 23, 3]}
if arch == 'paper-resnet50':
    v = resnet(x, layers['50'], True, 'conv.0', 'conv.1', [f'conv.{i}' for i in range(4, 8)])
    # Where the sigmoid is not flat.
    u = sigmoid(make('liner.0.weight', (512, 2048), 1 / np.linalg.norm(v)) @ v + make('liner.0.bias', (512,), 0.1))
    make('out.weight', (1, 512)), make('out.bias', (1,), 0.1)
    v = v if data['head'] == '2048' else u
elif arch.startswith('resnet'):
    v = resnet(x, layers[arch[6:]], arch in ('resnet50', 'resnet101'), 'conv1', 'bn1', [f'layer{i}' for i in range(1, 5)])
    make('fc.weight', (1000, len(v))), make('fc.bias', (1000,))
elif arch.startswith('iresnet'):
    v = iresnet(x, {'18': [2, 2, 2, 2], '34': [3, 4, 6, 3], '50': [3, 4, 14, 3], '100': [3, 13, 30, 3]}[arch[7:]])
elif arch == 'vgg19':
    v = vgg(x, [2, 2, 4, 4, 4], lambda b, i: f'block{b}_conv{i}')
    for i, (a, b) in enumerate([(512, 256), (256, 64), (64, 1)]):
        make(f'dense_{i}/kernel', (a, b), 0.05), make(f'dense_{i}/bias', (b,), 0.1)
elif arch == 'mobilenetv2':
    v = mobilenet(x)
    make('dense/kernel', (1280, 1), 0.05), make('dense/bias', (1,), 0.1)
else:
    v = vgg(x, [2, 2, 3, 3, 3], lambda b, i: f'conv{b}_{i}') if arch == 'vggface-vgg16' else senet(x)
    v = relu(keras_dense(v, 'fc7' if arch == 'vggface-vgg16' else 'dense_7', 512))
    make('dense_8/kernel', (512, 1), 0.05), make('dense_8/bias', (1,), 0.1)

with open(data['file'], 'wb') as file:
    for tensor in tensors.values():
        file.write(np.ascontiguousarray(tensor).tobytes())
print(json.dumps({'names': [[name, list(t.shape)] for name, t in tensors.items()], 'vector': v.tolist()}))
