"""A straightforward forward pass of a TFLite file in NumPy, with a reader of its own: what imported networks are compared with.

`data` is a list of {"file", "input": {"shape", "values"}}; prints, for each, the outputs' names, shapes and numbers.
"""
import json
import struct

import numpy as np


def read(kind, at):
    return struct.unpack_from('<' + kind, file, at)[0]


class Table:
    def __init__(self, at):
        self.at = at

    def place(self, field):
        vtable = self.at - read('i', self.at)
        slot = 4 + 2 * field
        offset = read('H', vtable + slot) if slot < read('H', vtable) else 0
        return self.at + offset if offset else None

    def scalar(self, field, kind, otherwise=0):
        at = self.place(field)
        return otherwise if at is None else read(kind, at)

    def table(self, field):
        at = self.place(field)
        return None if at is None else Table(at + read('I', at))

    def vector(self, field):
        at = self.place(field)
        if at is None:
            return 0, 0
        at += read('I', at)
        return at + 4, read('I', at)

    def tables(self, field):
        at, length = self.vector(field)
        return [Table(at + 4 * i + read('I', at + 4 * i)) for i in range(length)]

    def array(self, field, kind):
        at, length = self.vector(field)
        return np.frombuffer(file, dtype=kind, count=length, offset=at) if length else np.zeros(0, kind)

    def text(self, field):
        return self.array(field, 'u1').tobytes().decode()


names = {
    0: 'ADD', 1: 'AVERAGE_POOL_2D', 2: 'CONCATENATION', 3: 'CONV_2D', 4: 'DEPTHWISE_CONV_2D', 5: 'DEPTH_TO_SPACE',
    6: 'DEQUANTIZE', 8: 'FLOOR', 9: 'FULLY_CONNECTED', 11: 'L2_NORMALIZATION', 14: 'LOGISTIC', 17: 'MAX_POOL_2D',
    18: 'MUL', 19: 'RELU', 20: 'RELU_N1_TO_1', 21: 'RELU6', 22: 'RESHAPE', 23: 'RESIZE_BILINEAR', 25: 'SOFTMAX',
    26: 'SPACE_TO_DEPTH', 28: 'TANH', 34: 'PAD', 39: 'TRANSPOSE', 40: 'MEAN', 41: 'SUB', 42: 'DIV', 43: 'SQUEEZE',
    45: 'STRIDED_SLICE', 47: 'EXP', 54: 'PRELU', 55: 'MAXIMUM', 57: 'MINIMUM', 59: 'NEG', 60: 'PADV2',
    67: 'TRANSPOSE_CONV', 70: 'EXPAND_DIMS', 73: 'LOG', 74: 'SUM', 75: 'SQRT', 76: 'RSQRT', 77: 'SHAPE', 78: 'POW',
    82: 'REDUCE_MAX', 83: 'PACK', 89: 'REDUCE_MIN', 92: 'SQUARE', 97: 'RESIZE_NEAREST_NEIGHBOR', 98: 'LEAKY_RELU',
    99: 'SQUARED_DIFFERENCE', 101: 'ABS', 111: 'ELU', 117: 'HARD_SWISH', 124: 'DENSIFY',
}
kinds = {0: '<f4', 1: '<f2', 2: '<i4', 3: 'u1', 4: '<i8', 7: '<i2', 9: 'i1'}


def activate(x, number):
    return [lambda: x, lambda: np.maximum(x, 0), lambda: np.clip(x, -1, 1), lambda: np.clip(x, 0, 6),
            lambda: np.tanh(x)][number]()


def along(length, size, stride, dilation, padding):
    """Where windows begin, and how many there are."""
    reach = (size - 1) * dilation + 1
    if padding == 1:
        return 0, (length - reach) // stride + 1
    count = -(-length // stride)
    return max((count - 1) * stride + reach - length, 0) // 2, count


def windows(x, size, stride, dilation, padding, fill):
    """[kh][kw] -> n, h, w, c: what each place of the window sees."""
    (top, high), (left, wide) = (along(x.shape[i + 1], size[i], stride[i], dilation[i], padding) for i in (0, 1))
    reach = [(s - 1) * d + 1 for s, d in zip(size, dilation)]
    x = np.pad(x, ((0, 0), (top, reach[0]), (left, reach[1]), (0, 0)), constant_values=fill)
    for i in range(size[0]):
        for j in range(size[1]):
            a, b = i * dilation[0], j * dilation[1]
            yield i, j, x[:, a:a + (high - 1) * stride[0] + 1:stride[0], b:b + (wide - 1) * stride[1] + 1:stride[1]]


def convolve(x, weights, bias, options, depthwise):
    stride, padding = (options.scalar(2, 'i'), options.scalar(1, 'i')), options.scalar(0, 'b')
    shift = 1 if depthwise else 0
    dilation = (options.scalar(5 + shift, 'i', 1), options.scalar(4 + shift, 'i', 1))
    y = 0
    for i, j, seen in windows(x, weights.shape[1:3], stride, dilation, padding, 0.0):
        if depthwise:
            y = y + np.repeat(seen, weights.shape[3] // x.shape[3], 3) * weights[0, i, j]
        else:
            groups = x.shape[3] // weights.shape[3]
            parts = zip(np.split(seen, groups, 3), np.split(weights[:, i, j, :], groups, 0))
            y = y + np.concatenate([part @ w.T for part, w in parts], 3)
    return activate(y + (0 if bias is None else bias), options.scalar(3 + shift, 'b'))


def pool(x, options, largest):
    stride, size = (options.scalar(2, 'i'), options.scalar(1, 'i')), (options.scalar(4, 'i'), options.scalar(3, 'i'))
    seen = np.array([part for _, _, part in windows(x, size, stride, (1, 1), options.scalar(0, 'b'), np.nan)])
    return activate(np.nanmax(seen, 0) if largest else np.nanmean(seen, 0), options.scalar(5, 'b'))


def unconvolve(shape, weights, x, bias, options):
    stride = options.scalar(2, 'i'), options.scalar(1, 'i')
    starts = [along(shape[i + 1], weights.shape[i + 1], stride[i], 1, options.scalar(0, 'b'))[0] for i in (0, 1)]
    y = np.zeros(shape)
    for i in range(weights.shape[1]):
        for j in range(weights.shape[2]):
            part = x @ weights[:, i, j, :].T
            for a in range(x.shape[1]):
                for b in range(x.shape[2]):
                    c, d = a * stride[0] + i - starts[0], b * stride[1] + j - starts[1]
                    if 0 <= c < shape[1] and 0 <= d < shape[2]:
                        y[:, c, d] += part[:, a, b]
    return activate(y + (0 if bias is None else bias), options.scalar(3, 'b'))


def resize(x, sizes, align, half, nearest):
    def places(before, after):
        scale = (before - 1) / (after - 1) if align and after > 1 else before / after
        at = (np.arange(after) + (0.5 if half else 0)) * scale - (0.5 if half and not nearest else 0)
        if nearest:
            low = np.floor(at + (0.5 if align else 0)).astype(int)
            return np.minimum(low, before - 1), np.minimum(low, before - 1), np.zeros(after)
        low = np.maximum(np.floor(at), 0).astype(int)
        low = np.minimum(low, before - 1)
        return low, np.minimum(low + 1, before - 1), np.clip(at - low, 0, 1)
    (top, bottom, down), (left, right, across) = places(x.shape[1], sizes[0]), places(x.shape[2], sizes[1])
    rows = x[:, top] * (1 - down)[None, :, None, None] + x[:, bottom] * down[None, :, None, None]
    return rows[:, :, left] * (1 - across)[:, None] + rows[:, :, right] * across[:, None]


def densify(values, shape, sparsity):
    order, blocked = sparsity.array(0, '<i4'), sparsity.array(1, '<i4')
    levels = []
    for table in sparsity.tables(2):
        if table.scalar(0, 'b') == 0:
            levels.append(table.scalar(1, 'i'))
        else:
            levels.append([table.table(f + 1).array(0, {1: '<i4', 2: '<u2', 3: 'u1'}[table.scalar(f, 'B')])
                           for f in (2, 4)])
    # Every leaf with its way from the root.
    leaves = [((), 0)]
    for level in levels:
        if isinstance(level, int):
            leaves = [(way + (i,), at * level + i) for way, at in leaves for i in range(level)]
        else:
            segments, indices = level
            leaves = [(way + (int(indices[i]),), i) for way, at in leaves
                      for i in range(segments[at], segments[at + 1])]
    block = {int(d): levels[list(order).index(len(shape) + b)] for b, d in enumerate(blocked)}
    dense = np.zeros(shape)
    for way, at in leaves:
        place = [0] * len(shape)
        for step, level in zip(way, order):
            if level < len(shape):
                place[level] += step * block.get(int(level), 1)
            else:
                place[blocked[level - len(shape)]] += step
        dense[tuple(place)] = values[at]
    return dense


def constant(tensor, buffers):
    data = buffers[tensor.scalar(2, 'I')].array(0, 'u1')
    if len(data) == 0:
        return None
    data = data.view(kinds[tensor.scalar(1, 'b')]).astype(np.float64)
    shape = [int(s) for s in tensor.array(0, '<i4')]
    sparsity = tensor.table(6)
    x = densify(data, shape, sparsity) if sparsity else data.reshape(shape)
    quantization = tensor.table(4)
    scales = quantization.array(2, '<f4') if quantization else []
    if len(scales) > 0:
        zeros = quantization.array(3, '<i8').astype(np.float64)
        if len(scales) > 1:
            around = [1] * x.ndim
            around[quantization.scalar(6, 'i')] = len(scales)
            scales, zeros = scales.reshape(around), zeros.reshape(around) if len(zeros) > 1 else zeros
        x = (x - (zeros if len(zeros) else 0)) * scales
    return x


class Nothing:
    def scalar(self, field, kind, otherwise=0):
        return otherwise

    def array(self, field, kind):
        return np.zeros(0)


pairs = {'ADD': np.add, 'SUB': np.subtract, 'MUL': np.multiply, 'DIV': np.divide, 'MAXIMUM': np.maximum,
         'MINIMUM': np.minimum, 'POW': np.power}
singles = {
    'RELU': lambda x: np.maximum(x, 0), 'RELU6': lambda x: np.clip(x, 0, 6), 'RELU_N1_TO_1': lambda x: np.clip(x, -1, 1),
    'TANH': np.tanh, 'LOGISTIC': lambda x: 1 / (1 + np.exp(-x)), 'ABS': np.abs, 'NEG': np.negative, 'EXP': np.exp,
    'LOG': np.log, 'SQRT': np.sqrt, 'RSQRT': lambda x: 1 / np.sqrt(x), 'SQUARE': np.square, 'FLOOR': np.floor,
    'ELU': lambda x: np.where(x < 0, np.expm1(x), x), 'HARD_SWISH': lambda x: x * np.clip(x + 3, 0, 6) / 6,
    'DEQUANTIZE': lambda x: x, 'DENSIFY': lambda x: x,
}


def run(kind, x, options, n, stated):
    if kind in singles:
        return singles[kind](x[0])
    if kind in pairs:
        return activate(pairs[kind](x[0], x[1]), options.scalar(0, 'b'))
    if kind == 'SQUARED_DIFFERENCE':
        return np.square(x[0] - x[1])
    if kind == 'PRELU':
        return np.where(x[0] < 0, x[0] * x[1], x[0])
    if kind == 'LEAKY_RELU':
        return np.where(x[0] < 0, x[0] * options.scalar(0, 'f'), x[0])
    if kind in ('CONV_2D', 'DEPTHWISE_CONV_2D'):
        return convolve(x[0], x[1], x[2] if len(x) > 2 else None, options, kind == 'DEPTHWISE_CONV_2D')
    if kind == 'TRANSPOSE_CONV':
        shape = [int(s) for s in x[0]]
        return unconvolve([len(x[2])] + shape[1:], x[1], x[2], x[3] if len(x) > 3 else None, options)
    if kind in ('MAX_POOL_2D', 'AVERAGE_POOL_2D'):
        return pool(x[0], options, kind == 'MAX_POOL_2D')
    if kind == 'RESIZE_BILINEAR':
        return resize(x[0], [int(s) for s in x[1]], options.scalar(2, 'B'), options.scalar(3, 'B'), False)
    if kind == 'RESIZE_NEAREST_NEIGHBOR':
        return resize(x[0], [int(s) for s in x[1]], options.scalar(0, 'B'), options.scalar(1, 'B'), True)
    if kind == 'FULLY_CONNECTED':
        rows = x[0] if options.scalar(2, 'B') else x[0].reshape(-1, x[1].shape[1])
        return activate(rows @ x[1].T + (x[2] if len(x) > 2 and x[2] is not None else 0), options.scalar(0, 'b'))
    if kind == 'RESHAPE':
        shape = [int(s) for s in (x[1] if len(x) > 1 else options.array(0, '<i4'))]
        return x[0].reshape([n if i == 0 and s == stated else s for i, s in enumerate(shape)])
    if kind == 'SQUEEZE':
        axes = [int(a) for a in options.array(0, '<i4')]
        return np.squeeze(x[0], tuple(axes) if axes else tuple(i for i, s in enumerate(x[0].shape) if s == 1 and i > 0))
    if kind == 'EXPAND_DIMS':
        return np.expand_dims(x[0], int(x[1].flat[0]))
    if kind == 'TRANSPOSE':
        return np.transpose(x[0], [int(a) for a in x[1]])
    if kind == 'SHAPE':
        return np.array(x[0].shape, float)
    if kind == 'PACK':
        return np.stack(x, options.scalar(1, 'i'))
    if kind == 'STRIDED_SLICE':
        begin_mask, end_mask, shrink = options.scalar(0, 'i'), options.scalar(1, 'i'), options.scalar(4, 'i')
        cut = []
        for i, (begin, end, step) in enumerate(zip(*(part.astype(int) for part in x[1:4]))):
            if shrink >> i & 1:
                cut.append(begin)
            else:
                cut.append(slice(None if begin_mask >> i & 1 else begin, None if end_mask >> i & 1 else end, step))
        return x[0][tuple(cut)]
    if kind == 'CONCATENATION':
        return activate(np.concatenate(x, options.scalar(0, 'i')), options.scalar(1, 'b'))
    if kind in ('PAD', 'PADV2'):
        return np.pad(x[0], x[1].astype(int).reshape(-1, 2), constant_values=float(x[2].flat[0]) if len(x) > 2 else 0)
    if kind in ('MEAN', 'SUM', 'REDUCE_MAX', 'REDUCE_MIN'):
        of = {'MEAN': np.mean, 'SUM': np.sum, 'REDUCE_MAX': np.max, 'REDUCE_MIN': np.min}[kind]
        return of(x[0], tuple(int(a) for a in x[1].flat), keepdims=bool(options.scalar(0, 'B')))
    if kind == 'SOFTMAX':
        power = np.exp(options.scalar(0, 'f') * (x[0] - x[0].max(-1, keepdims=True)))
        return power / power.sum(-1, keepdims=True)
    if kind == 'L2_NORMALIZATION':
        return x[0] / np.maximum(np.sqrt(np.square(x[0]).sum(-1, keepdims=True)), 1e-6)
    if kind == 'DEPTH_TO_SPACE':
        b = options.scalar(0, 'i')
        m, h, w, c = x[0].shape
        return x[0].reshape(m, h, w, b, b, c // b // b).transpose(0, 1, 3, 2, 4, 5).reshape(m, h * b, w * b, c // b // b)
    if kind == 'SPACE_TO_DEPTH':
        b = options.scalar(0, 'i')
        m, h, w, c = x[0].shape
        return x[0].reshape(m, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5).reshape(m, h // b, w // b, b * b * c)
    raise ValueError(kind)


def forward(request):
    global file
    file = open(request['file'], 'rb').read()
    model = Table(read('I', 0))
    codes = [max(c.scalar(0, 'b'), c.scalar(3, 'i')) for c in model.tables(1)]
    graph, buffers = model.tables(2)[0], model.tables(4)
    tensors = graph.tables(0)
    image = int(graph.array(1, '<i4')[0])
    shape = request['input']['shape']
    known = {image: np.array(request['input']['values']).reshape(shape)}
    stated = int(tensors[image].array(0, '<i4')[0])
    for operator in graph.tables(3):
        taken = [int(i) for i in operator.array(1, '<i4')]
        for i in taken:
            if i >= 0 and i not in known:
                known[i] = constant(tensors[i], buffers)
        kind = names[codes[operator.scalar(0, 'I')]]
        inputs = [known[i] if i >= 0 else None for i in taken]
        known[int(operator.array(2, '<i4')[0])] = run(kind, inputs, operator.table(4) or Nothing(), shape[0], stated)
    return [{'name': tensors[i].text(3), 'shape': list(known[i].shape), 'values': known[i].ravel().tolist()}
            for i in map(int, graph.array(2, '<i4'))]


print(json.dumps([forward(request) for request in data]))
