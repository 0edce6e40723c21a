import test from 'ava';
import { Embedder, Masker } from 'maskbench';
import { fromMat, type Mat, toMat } from 'maskbench/opencv4nodejs';

/**
 * A Mat as opencv4nodejs has it, in what is used of it; the package itself is built against OpenCV when it is
 * installed.
 */
class StandIn implements Mat {
  readonly dims = 2;
  readonly depth: number;
  readonly channels: number;
  readonly elemSize: number;
  readonly step: number;
  readonly #memory: Uint8Array;

  constructor(
    data: Uint8Array,
    readonly rows: number,
    readonly cols: number,
    readonly type: number,
    /** Of a region: where it starts in the memory of the whole, and the whole's step. */
    readonly region?: { start: number; step: number },
  ) {
    this.depth = type & 7;
    this.channels = (type >> 3) + 1;
    this.elemSize = this.channels * ([1, 1, 2, 2, 4, 4, 8][this.depth] as number);
    this.step = region?.step ?? cols * this.elemSize;
    this.#memory = region ? data : Buffer.from(data.subarray(0, rows * cols * this.elemSize));
  }

  getRegion(left: number, top: number, cols: number, rows: number): StandIn {
    const start = top * this.step + left * this.elemSize;
    return new StandIn(this.#memory, rows, cols, this.type, { start, step: this.step });
  }

  async getDataAsync(): Promise<Uint8Array> {
    if (this.region) throw new Error('Cannot call GetData when Region of Interest is defined');
    return Buffer.from(this.#memory);
  }

  async copyAsync(): Promise<StandIn> {
    const { start, step } = this.region ?? { start: 0, step: this.step };
    const length = this.cols * this.elemSize;
    const rows = Array.from({ length: this.rows }, (_, row) =>
      this.#memory.subarray(start + row * step, start + row * step + length),
    );
    return new StandIn(Buffer.concat(rows), this.rows, this.cols, this.type);
  }

  async convertToAsync(type: number, alpha = 1): Promise<StandIn> {
    const { buffer, byteOffset, byteLength } = Buffer.from(await (await this.copyAsync()).getDataAsync());
    const bytes = buffer.slice(byteOffset, byteOffset + byteLength);
    const values = { 2: Uint16Array, 5: Float32Array, 6: Float64Array }[this.depth];
    if (values === undefined) throw new Error(`depth ${this.depth}`);
    const converted = Uint8ClampedArray.from(new values(bytes), (value) => value * alpha);
    return new StandIn(new Uint8Array(converted.buffer), this.rows, this.cols, type + ((this.channels - 1) << 3));
  }
}

const face = { box: { left: 8, top: 8, right: 55, bottom: 55 } };
const width = 64;
const height = 60;
const pixels = Buffer.from(Array.from({ length: width * height * 3 }, (_, i) => (i * 7 + (i >> 5)) % 251));
const mat = new StandIn(pixels, height, width, 16);

/** The same with blue and red changed about. */
function swapped(data: Uint8Array): Buffer {
  const other = Buffer.from(data);
  for (let i = 0; i < other.length; i += 3) [other[i], other[i + 2]] = [other[i + 2] as number, other[i] as number];
  return other;
}

test('a Mat is masked to a Mat, as RGB pixels are', async (t) => {
  const masker = await Masker.open({ color: '#010203' });
  const { raw } = await masker.mask(await fromMat(mat), { faces: [face] });
  const expected = await masker.mask({ data: swapped(pixels), width, height, channels: 3 }, { faces: [face] });
  t.notDeepEqual(Buffer.from(raw?.data ?? []), pixels);
  t.deepEqual(Buffer.from(raw?.data ?? []), swapped(expected.raw?.data as Uint8Array));
  const masked = toMat(raw as NonNullable<typeof raw>, StandIn);
  t.deepEqual([masked.rows, masked.cols, masked.type], [height, width, 16]);
  t.deepEqual(await masked.getDataAsync(), Buffer.from(raw?.data ?? []));
  t.true((await masked.getDataAsync()).includes(3));
  await masker.close();
});

test('a Mat is embedded as RGB pixels are', async (t) => {
  const embedder = await Embedder.open();
  const [vectors, expected] = await Promise.all([
    embedder.embed([{ image: await fromMat(mat), faces: [face] }]),
    embedder.embed([{ image: { data: swapped(pixels), width, height, channels: 3 }, faces: [face] }]),
  ]);
  t.deepEqual(vectors, expected);
  await embedder.close();
});

test('regions of Mats, whole rows or not, are their pixels', async (t) => {
  const rows = await fromMat(mat.getRegion(0, 10, width, 20));
  t.deepEqual(
    { ...rows, data: Buffer.from(rows.data) },
    {
      data: pixels.subarray(10 * width * 3, 30 * width * 3),
      width,
      height: 20,
      channels: 3,
      colors: 'BGR',
    },
  );
  const part = await fromMat(mat.getRegion(5, 10, 2, 2));
  const at = (x: number, y: number) => [...pixels.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
  t.deepEqual([...part.data], [at(5, 10), at(6, 10), at(5, 11), at(6, 11)].flat());
});

test('every depth of pictures gives 8-bit pixels', async (t) => {
  const wide = Uint16Array.from(pixels, (value) => value * 256);
  const floats = Float32Array.from(pixels, (value) => value / 255);
  const doubles = Float64Array.from(pixels, (value) => value / 255);
  for (const [values, type] of [
    [wide, 18],
    [floats, 21],
    [doubles, 22],
  ] as const) {
    const { data, colors } = await fromMat(new StandIn(new Uint8Array(values.buffer), height, width, type));
    t.deepEqual(Buffer.from(data), pixels);
    t.is(colors, 'BGR');
  }
  for (const channels of [1, 4] as const) {
    const data = new Uint8Array(4 * channels).fill(9);
    t.like(await fromMat(new StandIn(data, 2, 2, (channels - 1) << 3)), { width: 2, height: 2, channels });
  }
});

test('a BGRA Mat loses its alpha', async (t) => {
  const masker = await Masker.open({ color: '#010203' });
  const four = Buffer.alloc(width * height * 4, 77);
  for (let i = 0; i < width * height; i++) pixels.copy(four, i * 4, i * 3, i * 3 + 3);
  const options = { faces: [face] };
  const { raw } = await masker.mask(await fromMat(new StandIn(four, height, width, 24)), options);
  t.deepEqual(raw, (await masker.mask(await fromMat(mat), options)).raw);
  await masker.close();
});

test('what is no picture is refused', async (t) => {
  const refused = (value: unknown, message: RegExp) =>
    t.throwsAsync(fromMat(value as Mat), { code: 'INVALID_ARGUMENT', message });
  await refused(undefined, /expected a Mat of opencv4nodejs for mat, received undefined/);
  await refused(pixels, /expected a Mat of opencv4nodejs for mat, received Buffer/);
  await refused(new StandIn(pixels, 0, 0, 16), /expected a picture for mat, received 2 dimensions, 0 × 0/);
  await refused(new StandIn(pixels, 2, 2, 8), /expected 1, 3 or 4 for channels, received 2/);
  await refused(new StandIn(pixels, 2, 2, 19), /expected CV_8U, CV_16U, CV_32F or CV_64F for depth, received 3/);
  const raw = { data: pixels, width, height, channels: 3 } as const;
  t.throws(() => toMat(raw, StandIn), { code: 'INVALID_ARGUMENT', message: /expected BGR pixels of three channels/ });
  // The class would read beyond them.
  t.throws(() => toMat({ ...raw, data: pixels.subarray(1), colors: 'BGR' }, StandIn), { code: 'INVALID_ARGUMENT' });
});
