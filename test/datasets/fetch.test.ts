import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { fetchDataset, layouts } from 'maskbench/datasets';
import yazl from 'yazl';
import { maskbench, temporaryFolder } from '../support/files.js';

async function zipOf(entries: { name: string; data: Buffer; mode?: number }[]): Promise<Buffer> {
  const zip = new yazl.ZipFile();
  for (const { name, data, mode = 0o100644 } of entries) zip.addBuffer(data, name, { mode });
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A tar file by hand, so that it can say what no honest program writes (POSIX.1-1988, ustar header). */
function tarOf(entries: { name: string; data?: Buffer; type?: string; link?: string }[]): Buffer {
  const blocks = entries.map(({ name, data = Buffer.alloc(0), type = '0', link = '' }) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write('0000644\0', 100);
    header.write('0000000\0', 108);
    header.write('0000000\0', 116);
    header.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('00000000000\0', 136);
    header.write('        ', 148);
    header.write(type, 156);
    header.write(link, 157);
    header.write('ustar\u000000', 257);
    const sum = header.reduce((a, b) => a + b, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return Buffer.concat([header, data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

/** A server with range requests. `misbehave` may answer a request in its own way, and then gives true. */
async function serve(
  t: ExecutionContext,
  files: Record<string, Buffer>,
  misbehave: (request: IncomingMessage, response: ServerResponse, count: number) => boolean = () => false,
) {
  const requests: { url: string; range: string | undefined }[] = [];
  const server = createServer((request, response) => {
    requests.push({ url: request.url ?? '', range: request.headers.range });
    if (misbehave(request, response, requests.length)) return;
    const data = files[request.url ?? ''];
    if (!data) {
      response.writeHead(404).end();
      return;
    }
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (from === 0) response.writeHead(200, { 'content-length': data.length }).end(data);
    else if (from >= data.length) response.writeHead(416, { 'content-range': `bytes */${data.length}` }).end();
    else
      response
        .writeHead(206, {
          'content-range': `bytes ${from}-${data.length - 1}/${data.length}`,
          'content-length': data.length - from,
        })
        .end(data.subarray(from));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { addresses: Object.keys(files).map((file) => origin + file), requests };
}

const photo = Buffer.from('a photo');
const big = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 256));

test('archives are downloaded, unpacked and joined', async (t) => {
  const base = temporaryFolder(t);
  const files = {
    '/one.zip': await zipOf([
      { name: '1a.jpg', data: photo },
      { name: 'sub/2a.jpg', data: big },
    ]),
    '/two.zip': await zipOf([{ name: '3a.jpg', data: photo }]),
  };
  const { addresses } = await serve(t, files);
  const progress: number[] = [];
  const folder = await fetchDataset('fei_face_frontal', base, {
    addresses,
    onProgress: ({ bytes }) => progress.push(bytes),
  });
  t.deepEqual(readdirSync(folder, { recursive: true }).sort(), ['1a.jpg', '3a.jpg', 'sub', 'sub/2a.jpg']);
  t.deepEqual(readFileSync(path.join(folder, 'sub/2a.jpg')), big);
  t.true(progress.length > 0);
  t.deepEqual(readdirSync(base), ['fei_face_frontal']);
  await t.throwsAsync(fetchDataset('fei_face_frontal', base, { addresses }), { code: 'OUTPUT_EXISTS' });
});

test("an archive's own folder is taken off, and tgz works", async (t) => {
  const base = temporaryFolder(t);
  const { addresses } = await serve(t, {
    '/gt.tgz': tarOf([
      { name: 'gt_db/', type: '5' },
      { name: 'gt_db/s01/', type: '5' },
      { name: 'gt_db/s01/01.jpg', data: big },
    ]),
  });
  const folder = await fetchDataset('georgia_tech', base, { addresses });
  t.deepEqual(readdirSync(folder, { recursive: true }).sort(), ['s01', 's01/01.jpg']);
});

test('a download whose connection drops resumes where it stopped', async (t) => {
  const base = temporaryFolder(t);
  const data = await zipOf([{ name: '1a.jpg', data: big }]);
  const { addresses, requests } = await serve(t, { '/x.zip': data }, (_, response, count) => {
    if (count > 1) return false;
    response.writeHead(200, { 'content-length': data.length });
    response.write(data.subarray(0, 1000), () => setTimeout(() => response.destroy(), 200));
    return true;
  });
  const folder = await fetchDataset('fei_face_frontal', base, { addresses });
  t.deepEqual(readFileSync(path.join(folder, '1a.jpg')), big);
  t.regex(requests[1]?.range ?? '', /^bytes=[1-9]/);
});

test('a partial file of an earlier run is resumed', async (t) => {
  const base = temporaryFolder(t);
  const data = await zipOf([{ name: '1a.jpg', data: big }]);
  const { addresses, requests } = await serve(t, { '/x.zip': data });
  mkdirSync(path.join(base, '.maskbench-download-fei_face_frontal'));
  writeFileSync(path.join(base, '.maskbench-download-fei_face_frontal/x.zip.part'), data.subarray(0, 500));
  await fetchDataset('fei_face_frontal', base, { addresses });
  t.is(requests[0]?.range, 'bytes=500-');
});

test('a server that always sends too little, or nothing, is given up on, with the reason', async (t) => {
  const base = temporaryFolder(t);
  const short = await serve(t, { '/x.zip': photo }, (_, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('x', () => response.destroy());
    return true;
  });
  await t.throwsAsync(fetchDataset('fei_face_frontal', base, { addresses: short.addresses }), {
    code: 'UNREADABLE',
    message: /failed 5 times/,
  });
  t.is(short.requests.length, 5);
  const absent = await serve(t, {});
  await t.throwsAsync(
    fetchDataset('fei_face_frontal', base, { addresses: [`${(await serve(t, { '/a': photo })).addresses[0]}/no.zip`] }),
    { code: 'NOT_FOUND' },
  );
  t.is(absent.requests.length, 0);
  t.false(existsSync(path.join(base, 'fei_face_frontal')));
});

test('a wrong checksum deletes the download', async (t) => {
  const base = temporaryFolder(t);
  const data = tarOf([{ name: 'lfw_funneled/A/A_0001.jpg', data: photo }]);
  const { addresses } = await serve(t, { '/lfw.tgz': data });
  const found = createHash('sha256').update(data).digest('hex');
  await t.throwsAsync(fetchDataset('lfw', base, { addresses }), {
    code: 'DAMAGED',
    message: new RegExp(`SHA-256 is ${found}`),
  });
  t.deepEqual(readdirSync(path.join(base, '.maskbench-download-lfw')), []);
});

/** The archive with one name put for another of the same length, in every header. */
const renamed = (data: Buffer, from: string, to: string) =>
  Buffer.from(data.toString('latin1').replaceAll(from, to), 'latin1');

test('archives that lead outside, hold links or burst are refused, and write nothing', async (t) => {
  const honest = await zipOf([{ name: 'aa/evil.jpg', data: photo }]);
  const cases: Record<string, Buffer> = {
    '/dots.zip': renamed(honest, 'aa/evil.jpg', '../evil.jpg'),
    '/absolute.zip': renamed(honest, 'aa/evil.jpg', '/a/evil.jpg'),
    '/link.zip': await zipOf([{ name: 'link', data: Buffer.from('/etc/passwd'), mode: 0o120777 }]),
    '/bomb.zip': await zipOf([{ name: '1a.jpg', data: Buffer.alloc(50_000_000) }]),
    '/cut.zip': honest.subarray(0, honest.length - 30),
    '/dots.tgz': tarOf([{ name: '../evil.jpg', data: photo }]),
    '/absolute.tgz': tarOf([{ name: '/tmp/maskbench-evil.jpg', data: photo }]),
    '/symlink.tgz': tarOf([
      { name: 'x', type: '2', link: '/etc' },
      { name: 'x/evil.jpg', data: photo },
    ]),
    '/hardlink.tgz': tarOf([{ name: 'x', type: '1', link: '/etc/passwd' }]),
    '/bomb.tgz': tarOf([{ name: '1a.jpg', data: randomBytes(5_000_000) }]),
  };
  const { addresses } = await serve(t, cases);
  for (const address of addresses) {
    const base = path.join(temporaryFolder(t), 'base');
    mkdirSync(base);
    const error = await t.throwsAsync(
      fetchDataset('fei_face_frontal', base, { addresses: [address], maxUnpackedBytes: 1_000_000 }),
      undefined,
      address,
    );
    t.regex(error?.message ?? '', new RegExp(path.basename(address)), address);
    if (address.includes('bomb')) t.like(error, { code: 'TOO_LARGE' }, error?.message);
    t.deepEqual(readdirSync(path.dirname(base)), ['base']);
    t.false(existsSync(path.join(base, 'fei_face_frontal')), address);
    t.deepEqual(
      readdirSync(path.join(base, '.maskbench-download-fei_face_frontal')),
      [path.basename(address)],
      address,
    );
    t.false(existsSync('/tmp/maskbench-evil.jpg'));
  }
});

test('data sets that only people can get are explained step by step', async (t) => {
  const base = temporaryFolder(t);
  for (const { name, addresses } of layouts) {
    if (addresses) continue;
    const run = await maskbench(['dataset', 'fetch', name, '--base', base]);
    t.is(run.code, 2);
    t.regex(run.stderr, /to get it:\n {2}- /);
  }
});
