import { once } from 'node:events';
import { createWriteStream, writeFileSync } from 'node:fs';
import * as h5wasm from 'h5wasm/node';
import yazl from 'yazl';

export interface NamedTensor {
  name: string;
  shape: number[];
  data: Float32Array;
}

const ascii = (text: string) => Buffer.from(text, 'latin1');
const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const text = (value: string) => Buffer.concat([ascii('X'), uint32(Buffer.byteLength(value)), Buffer.from(value)]);
const integer = (value: number) => Buffer.concat([ascii('J'), uint32(value)]);
const tuple = (items: Buffer[]) => Buffer.concat([ascii('('), ...items, ascii('t')]);
const global = (module: string, name: string) => ascii(`c${module}\n${name}\n`);

/** How a tensor is stored: as itself, turned (so that it must be read by strides), or within a shared storage. */
export interface StoredTensor extends NamedTensor {
  key: string;
  kind: 'Float' | 'Half' | 'Double';
  offset?: number;
  strides?: number[];
  count?: number;
}

function contiguous(shape: number[]): number[] {
  return shape.map((_, i) => shape.slice(i + 1).reduce((product, size) => product * size, 1));
}

/** A state dictionary as torch.save pickles it, protocol 2. `wrap`: under "state_dict", beside plain values. */
export function pickleState(tensors: readonly StoredTensor[], { prefix = '', wrap = false } = {}): Buffer {
  const entries = tensors.map(
    ({ name, shape, key, kind, data, offset = 0, strides = contiguous(shape), count = data.length }) => {
      const id = tuple([text('storage'), global('torch', `${kind}Storage`), text(key), text('cpu'), integer(count)]);
      const args = [
        Buffer.concat([id, ascii('Q')]),
        integer(offset),
        tuple(shape.map(integer)),
        tuple(strides.map(integer)),
        Buffer.from([0x89]),
        Buffer.concat([global('collections', 'OrderedDict'), ascii(')R')]),
      ];
      return Buffer.concat([
        text(prefix + name),
        global('torch._utils', '_rebuild_tensor_v2'),
        tuple(args),
        ascii('R'),
      ]);
    },
  );
  const state = Buffer.concat([
    global('collections', 'OrderedDict'),
    ascii(')Rq\x00('),
    ...entries,
    ascii('u'),
    ascii('}'), // its versions, as attributes
    text('_metadata'),
    ascii('}sb'),
  ]);
  const whole = wrap
    ? Buffer.concat([
        ascii('}('),
        text('epoch'),
        integer(7),
        text('loss'),
        ascii('G'),
        Buffer.alloc(8),
        text('state_dict'),
        state,
        ascii('u'),
      ])
    : state;
  return Buffer.concat([Buffer.from([0x80, 2]), whole, ascii('.')]);
}

function bytesOf({ data, kind }: StoredTensor): Buffer {
  if (kind === 'Double') return Buffer.from(Float64Array.from(data).buffer);
  if (kind === 'Float') return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  // Halves of numbers that are exact in 16 bits.
  const halves = Uint16Array.from(data, (value) => {
    if (value === 0) return 0;
    const exponent = Math.floor(Math.log2(Math.abs(value)));
    return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | ((Math.abs(value) / 2 ** exponent - 1) * 1024);
  });
  return Buffer.from(halves.buffer);
}

/** Each tensor in a storage of its own. */
export const stored = (tensors: readonly NamedTensor[]): StoredTensor[] =>
  tensors.map((tensor, i) => ({ ...tensor, key: String(i), kind: 'Float' }));

/** The zip form of torch.save. */
export async function writeTorchZip(
  file: string,
  tensors: readonly StoredTensor[],
  options: { prefix?: string; wrap?: boolean; pickle?: Buffer } = {},
): Promise<void> {
  const zip = new yazl.ZipFile();
  const add = (name: string, data: Buffer) => zip.addBuffer(data, `archive/${name}`, { compress: false });
  add('data.pkl', options.pickle ?? pickleState(tensors, options));
  for (const tensor of new Map(tensors.map((tensor) => [tensor.key, tensor])).values())
    add(`data/${tensor.key}`, bytesOf(tensor));
  add('version', ascii('3\n'));
  zip.end();
  const stream = zip.outputStream.pipe(createWriteStream(file));
  await once(stream, 'close');
}

/** The older form of torch.save. */
export function writeTorchLegacy(
  file: string,
  tensors: readonly StoredTensor[],
  options: { prefix?: string; wrap?: boolean } = {},
): void {
  const start = Buffer.from([0x80, 2]);
  const magic = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex');
  const version = Buffer.concat([start, ascii('M\xe9\x03.')]);
  const system = Buffer.concat([start, ascii('}('), text('little_endian'), Buffer.from([0x88]), ascii('u.')]);
  const keys = Buffer.concat([start, ascii(']('), ...tensors.map(({ key }) => text(key)), ascii('e.')]);
  const storages = tensors.flatMap((tensor) => {
    const count = Buffer.alloc(8);
    count.writeBigInt64LE(BigInt(tensor.data.length));
    return [count, bytesOf(tensor)];
  });
  // A storage's id has a sixth part here.
  const state = pickleState(tensors, options);
  writeFileSync(file, Buffer.concat([magic, version, system, state, keys, ...storages]));
}

/** Opens an HDF5 file to be written in its oldest form, which has no checksums. */
export async function createHdf5(file: string): Promise<h5wasm.File> {
  await h5wasm.ready;
  return new h5wasm.File(file, 'w', { libver: ['earliest', 'latest'] });
}

/** A Keras file of weights: a group a layer, each listing its weights. `inside`: as the weights of a model within a model. */
export async function writeKeras(file: string, tensors: readonly NamedTensor[], inside?: string): Promise<void> {
  const opened = await createHdf5(file);
  const root = opened.create_group('model_weights');
  const layers = new Map<string, NamedTensor[]>();
  for (const tensor of tensors) {
    const layer = inside ?? tensor.name.slice(0, tensor.name.lastIndexOf('/'));
    layers.set(layer, [...(layers.get(layer) ?? []), tensor]);
  }
  const groupOf = (parent: h5wasm.Group, parts: string[]): h5wasm.Group =>
    parts.reduce((group, part) => {
      const found = group.keys().includes(part) ? group.get(part) : group.create_group(part);
      return found as h5wasm.Group;
    }, parent);
  root.create_attribute('layer_names', [...layers.keys()]);
  for (const [layer, members] of layers) {
    const group = groupOf(root, layer.split('/'));
    group.create_attribute(
      'weight_names',
      members.map(({ name }) => `${name}:0`),
    );
    for (const { name, shape, data } of members) {
      const parts = name.split('/');
      groupOf(group, parts.slice(0, -1)).create_dataset({ name: `${parts.at(-1)}:0`, data, shape });
    }
  }
  opened.close();
}

/** A layer of Keras 3 by its class, and what its `vars` hold in order. */
const kinds3: Record<string, [name: string, variables: string[]]> = {
  Conv2D: ['conv2d', ['kernel', 'bias']],
  DepthwiseConv2D: ['depthwise_conv2d', ['depthwise_kernel', 'bias']],
  BatchNormalization: ['batch_normalization', ['gamma', 'beta', 'moving_mean', 'moving_variance']],
  Dense: ['dense', ['kernel', 'bias']],
};

/** Keras 3's `.weights.h5`, and its `config.json`. `named`: as later versions, which store layers' names too. */
export async function writeKeras3(file: string, tensors: readonly NamedTensor[], named: boolean): Promise<string> {
  const opened = await createHdf5(file);
  const layers = new Map<string, NamedTensor[]>();
  for (const tensor of tensors) {
    const layer = tensor.name.slice(0, tensor.name.lastIndexOf('/'));
    layers.set(layer, [...(layers.get(layer) ?? []), tensor]);
  }
  const all = opened.create_group('layers');
  opened
    .create_group('optimizer')
    .create_group('vars')
    .create_dataset({ name: '0', data: Float32Array.of(1) });
  all.create_group('input_layer').create_group('vars');
  const used = new Map<string, number>();
  const config: object[] = [{ class_name: 'InputLayer', config: { name: 'input' } }];
  for (const [layer, members] of layers) {
    const of = (variable: string) => members.find(({ name }) => name.endsWith(`/${variable}`));
    const kind =
      of('kernel')?.shape.length === 4
        ? 'Conv2D'
        : of('depthwise_kernel')
          ? 'DepthwiseConv2D'
          : of('gamma')
            ? 'BatchNormalization'
            : 'Dense';
    const [name, variables] = kinds3[kind] as [string, string[]];
    const number = used.get(kind) ?? 0;
    used.set(kind, number + 1);
    const vars = all.create_group(number > 0 ? `${name}_${number}` : name).create_group('vars');
    if (named) vars.create_attribute('name', layer);
    for (const [i, variable] of variables.entries()) {
      const tensor = of(variable);
      if (tensor) vars.create_dataset({ name: String(i), data: tensor.data, shape: tensor.shape });
    }
    config.push({ class_name: kind, config: { name: layer } });
  }
  opened.close();
  return JSON.stringify({ class_name: 'Functional', config: { name: 'model', layers: config } });
}
