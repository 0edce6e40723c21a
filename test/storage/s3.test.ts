import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import test from 'ava';
import { maskFiles } from 'maskbench';
import { writeVerificationSet } from 'maskbench/datasets';
import { openSink, openSource, type Sink } from 'maskbench/storage';
import { listObjects } from '../../lib/storage/s3.js';
import { alignedCrops } from '../support/aligned.js';
import { temporaryFolder } from '../support/files.js';

/** Objects by `/bucket/name`, as a server of S3's protocol in this process keeps them. */
const objects = new Map<string, Buffer>();
const parts = new Map<string, Buffer[]>();
const requests: string[] = [];

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const name = decodeURIComponent(url.pathname);
  const body = await buffer(request);
  const upload = url.searchParams.get('uploadId');
  requests.push(`${request.method} ${name} ${request.headers.range ?? ''}`.trim());
  const send = (status: number, data: Buffer | string = '', headers = {}) => {
    response.writeHead(status, { 'content-length': Buffer.byteLength(data), ...headers });
    response.end(request.method === 'HEAD' ? undefined : data);
  };
  if (url.searchParams.get('list-type') === '2') {
    const prefix = url.searchParams.get('prefix') ?? '';
    const bucket = name.replace(/\/$/, '');
    const keys = [...objects.keys()].filter((key) => key.startsWith(`${bucket}/${prefix}`));
    const from = Number(url.searchParams.get('continuation-token') ?? 0);
    const page = keys.slice(from, from + 1000);
    const next = from + 1000 < keys.length;
    const token = next ? `<NextContinuationToken>${from + 1000}</NextContinuationToken>` : '';
    const contents = page.map((key) => `<Contents><Key>${key.slice(bucket.length + 1)}</Key></Contents>`).join('');
    send(200, `<ListBucketResult><IsTruncated>${next}</IsTruncated>${token}${contents}</ListBucketResult>`);
  } else if (request.method === 'POST' && url.searchParams.has('uploads')) {
    parts.set(name, []);
    send(200, '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>');
  } else if (request.method === 'POST' && upload !== null) {
    objects.set(name, Buffer.concat(parts.get(name) ?? []));
    send(200, '<CompleteMultipartUploadResult></CompleteMultipartUploadResult>');
  } else if (request.method === 'PUT' && upload !== null) {
    (parts.get(name) ?? [])[Number(url.searchParams.get('partNumber')) - 1] = body;
    send(200, '', { etag: '"part"' });
  } else if (request.method === 'PUT') {
    objects.set(name, body);
    send(200);
  } else {
    const data = objects.get(name);
    if (!data) return send(404, '<Error><Code>NoSuchKey</Code></Error>');
    const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
    if (request.method === 'HEAD' || first === undefined) return send(200, data);
    send(206, data.subarray(Number(first), Number(last) + 1));
  }
}

const server = createServer((request, response) => void answer(request, response));
test.before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
});
test.after.always(() => server.close());

test.serial('sets in S3 are masked to the same bytes as on disk', async (t) => {
  const folder = temporaryFolder(t);
  const crops = await alignedCrops(6);
  for (const name of ['set/train.rec', 'shards/000000.tar', 'shards/000001.tar']) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    const sink = (await openSink(path.join(folder, name), [])) as Sink;
    await sink.open();
    for (const [i, crop] of crops.entries()) sink.put({ key: String(i), labels: [i >> 1] }, crop);
    await sink.finish();
  }
  writeFileSync(path.join(folder, 'set/property'), '3,112,112\n');
  for (const name of ['set/train.rec', 'set/train.idx', 'set/property', 'shards/000000.tar', 'shards/000001.tar'])
    objects.set(`/faces/${name}`, readFileSync(path.join(folder, name)));
  const options = { aligned: 'arcface', contents: 'both' } as const;
  for (const [input, out, names] of [
    ['set/train.rec', 'masked/train.rec', ['train.rec', 'train.idx', 'property']],
    ['shards', 'masked-shards', ['000000.tar', '000001.tar']],
  ] as const) {
    const local = path.join(folder, out);
    await maskFiles([path.join(folder, input)], local, options);
    const manifest = path.join(folder, `staging-${out.split('/')[0]}`, 'manifest.jsonl');
    const { counts } = await maskFiles([`s3://faces/${input}`], `s3://faces/${out}`, { ...options, manifest });
    t.is(counts.masked, input === 'shards' ? 12 : 6);
    for (const name of names) {
      const below = input === 'shards' ? `${out}/${name}` : `masked/${name}`;
      t.deepEqual(objects.get(`/faces/${below}`), readFileSync(path.join(folder, below)), below);
    }
  }
  t.true(requests.some((request) => /^GET \/faces\/set\/train\.rec bytes=\d+-\d+$/.test(request)));
});

test.serial('a verification set in S3 becomes another there', async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, 'lfw.bin');
  await writeVerificationSet(file, { images: await alignedCrops(4), genuine: [true, false] });
  objects.set('/faces/lfw.bin', readFileSync(file));
  await maskFiles([file], path.join(folder, 'local/masked.bin'), { aligned: 'arcface' });
  const manifest = path.join(folder, 'staging/manifest.jsonl');
  const { maskings } = await maskFiles(['s3://faces/lfw.bin'], 's3://faces/masked.bin', {
    aligned: 'arcface',
    manifest,
  });
  t.deepEqual(maskings, { plain: 0, mixed: 2, masked: 0 });
  t.deepEqual(objects.get('/faces/masked.bin'), readFileSync(path.join(folder, 'local/masked.bin')));
});

test.serial('more objects than one listing gives', async (t) => {
  for (let i = 0; i < 2030; i++) objects.set(`/many/shards/${i}`, Buffer.of(1));
  t.is((await listObjects('s3://many/shards')).length, 2030);
});

test.serial('a long shard goes up in parts', async (t) => {
  const sink = (await openSink('s3://faces/long.tar', [], { staging: temporaryFolder(t), contents: 'both' })) as Sink;
  const data = Buffer.alloc(35 << 20, 'x');
  await sink.open();
  sink.put({ key: 'a.jpg', input: data }, undefined);
  await sink.finish();
  t.is(parts.get('/faces/long.tar')?.length, 3);
  t.true(
    objects
      .get('/faces/long.tar')
      ?.subarray(512, 512 + data.length)
      .equals(data),
  );
});

test.serial('what is not in S3 is an error', async (t) => {
  await t.throwsAsync(openSource(['s3://faces/none/train.rec']), {
    code: 'NOT_FOUND',
    message: /s3:\/\/faces\/none\/train\.idx: does not exist/,
  });
  await t.throwsAsync(openSource(['s3:///train.rec']), { code: 'INVALID_ARGUMENT' });
  await t.throwsAsync(maskFiles(['s3://faces/set/train.rec'], 's3://faces/out.rec'), {
    code: 'INVALID_ARGUMENT',
    message: /manifest/,
  });
  await t.throwsAsync(openSink('s3://faces/out.rec', []), { code: 'INVALID_ARGUMENT' });
  await t.throwsAsync(openSink('s3://faces/out', []), { code: 'INVALID_ARGUMENT' });
});
