import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { openSink, type Sink } from 'maskbench/storage';
import S3rver from 's3rver';
import { NamedRandom } from '../../lib/random.js';
import { listObjects, streamObject, uploadFile } from '../../lib/storage/s3.js';
import { alignedCrops } from '../support/aligned.js';
import { hashTree, maskbench, sha256, temporaryFolder } from '../support/files.js';

/** A server of S3's protocol, behind a proxy that answers one request in twenty with an error or none at all. */
const folderOfServer = mkdtempSync(path.join(tmpdir(), 'maskbench-s3-'));
let faults = 0;
let stop: () => Promise<void>;

test.before(async () => {
  const server = new S3rver({
    ...{ port: 0, address: '127.0.0.1', silent: true, directory: folderOfServer },
    configureBuckets: [{ name: 'faces', configs: [] }],
  });
  const { port } = await server.run();
  const random = new NamedRandom(1, 'faults');
  const proxy = createServer((incoming, outgoing) => {
    if (incoming.url?.startsWith('/secret')) {
      outgoing.writeHead(403).end('<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>');
      return;
    }
    const fault = random.below(20) === 0 ? random.pick(['500', '503', 'drop', 'cut'] as const) : undefined;
    faults += Number(fault !== undefined);
    if (fault === 'drop') return void incoming.socket.destroy();
    if (fault === '500' || fault === '503') {
      incoming.resume();
      outgoing.writeHead(Number(fault)).end();
      return;
    }
    const { method = 'GET', url = '/', headers } = incoming;
    const onward = request({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      // Half of an answer, and then nothing.
      if (fault === 'cut') {
        answer.once('data', (data) => outgoing.write(data.subarray(0, data.length / 2), () => outgoing.destroy()));
        answer.once('end', () => outgoing.destroy());
      } else answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  stop = async () => {
    proxy.closeAllConnections();
    proxy.close();
    await server.close();
    rmSync(folderOfServer, { recursive: true });
  };
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'S3RVER',
    AWS_SECRET_ACCESS_KEY: 'S3RVER',
  });
});
test.after.always(() => stop());

async function digestOf(url: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of streamObject(url, 0, Number.POSITIVE_INFINITY)) chunks.push(chunk);
  return sha256(Buffer.concat(chunks));
}

test('a plan, its inputs and its outputs in S3, where one request in twenty fails', async (t) => {
  const folder = temporaryFolder(t);
  const crops = await alignedCrops(6);
  const tars = path.join(folder, 'tars');
  for (const name of ['tars/0.tar', 'tars/1.tar', 'tars/2.tar', 'tars/3.tar', 'set/train.rec']) {
    const sink = (await openSink(path.join(folder, name), [])) as Sink;
    await sink.open();
    for (const [i, crop] of crops.entries()) sink.put({ key: `${name[5]}${i}`, labels: [i >> 1] }, crop);
    await sink.finish();
    await sink.close();
    await uploadFile(path.join(folder, name), `s3://faces/${name}`);
  }
  await uploadFile(path.join(folder, 'set/train.idx'), 's3://faces/set/train.idx');
  for (const [input, out, local] of [
    ['tars', 'masked', tars],
    ['set/train.rec', 'masked-set/train.rec', path.join(folder, 'set/train.rec')],
  ] as const) {
    const plan = `s3://faces/plans/${out}`;
    const words = ['--aligned', 'arcface', '--style', 'random'];
    const whole = path.join(folder, `whole/${out}`);
    for (const call of [
      ['mask', local, '--out', whole, ...words],
      [
        'cluster',
        'plan',
        '--plan',
        plan,
        '--ranks',
        '3',
        'mask',
        `s3://faces/${input}`,
        '--out',
        `s3://faces/${out}`,
        ...words,
      ],
      ...['0', '1', '2', '1'].map((rank) => ['cluster', 'work', plan, '--rank', rank]),
      ['cluster', 'status', plan],
      ['cluster', 'merge', plan],
    ]) {
      const { code, stdout, stderr } = await maskbench(call);
      t.is(code, 0, `${call.join(' ')}: ${stdout}${stderr}`);
      t.notRegex(stdout + stderr, /S3RVER/);
    }
    const made = input === 'tars' ? whole : path.dirname(whole);
    for (const [name, digest] of Object.entries(hashTree(made)))
      if (!name.startsWith('.'))
        t.is(
          await digestOf(`s3://faces/${path.posix.join(input === 'tars' ? out : path.posix.dirname(out), name)}`),
          digest,
          name,
        );
    t.deepEqual(await listObjects(`${plan}/outputs`, true), []);
  }
  t.true(faults > 5, String(faults));
  const { code, stderr } = await maskbench(['cluster', 'work', 's3://secret/plan', '--rank', '0']);
  t.is(code, 1);
  t.regex(stderr, /s3:\/\/secret\/plan\/plan\.json: cannot be read: AccessDenied/);
  t.notRegex(stderr, /^ {4}at /m);
});
