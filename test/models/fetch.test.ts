import { createReadStream, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { maskbench, sha256, temporaryFolder } from '../support/files.js';

const archives = '/var/cache/apt/archives';
const debianPackage = existsSync(archives)
  ? readdirSync(archives).find((name) => name.startsWith('libdlib-data_19.24+dfsg-1_'))
  : undefined;

/** A server of one file, with range requests. */
async function serve(t: ExecutionContext, file: string) {
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const { range } = request.headers;
    ranges.push(range);
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const size = readFileSync(file).length;
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': size - start,
      ...(start > 0 && { 'content-range': `bytes ${start}-${size - 1}/${size}` }),
    });
    createReadStream(file, { start }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/package.deb`, ranges };
}

const fetchFrom = (address: string, cache: string) =>
  maskbench(['models', 'fetch', 'dlib-68', '--address', address], { MASKBENCH_CACHE: cache });

test('a download that is not the package is deleted', async (t) => {
  const cache = temporaryFolder(t);
  const file = path.join(temporaryFolder(t), 'package.deb');
  writeFileSync(file, 'not a package');
  const { code, stderr } = await fetchFrom((await serve(t, file)).address, cache);
  t.is(code, 1);
  t.regex(stderr, /SHA-256 is [0-9a-f]{64}, expected [0-9a-f]{64}; the download was deleted/);
  t.deepEqual(readdirSync(cache), []);
});

test('models that cannot be fetched, and addresses that are none, are refused', async (t) => {
  const cache = temporaryFolder(t);
  const { code, stderr } = await maskbench(['models', 'fetch', 'dlib-5'], { MASKBENCH_CACHE: cache });
  t.is(code, 2);
  t.regex(stderr, /dlib-68/);
  t.is((await fetchFrom('nowhere', cache)).code, 2);
});

test('a landmark model that is there already is kept', async (t) => {
  const cache = temporaryFolder(t);
  const model = path.join(cache, 'shape_predictor_68_face_landmarks.dat');
  writeFileSync(model, 'a model');
  const { code, stdout } = await fetchFrom('http://127.0.0.1:9/package.deb', cache);
  t.is(code, 0);
  t.is(stdout.trim(), model);
});

(debianPackage ? test : test.skip)(
  'the landmark model is unpacked where it is found, after an interruption',
  async (t) => {
    const cache = temporaryFolder(t);
    const file = path.join(archives, debianPackage as string);
    const { address, ranges } = await serve(t, file);
    const model = path.join(cache, 'shape_predictor_68_face_landmarks.dat');
    writeFileSync(`${model}.deb.part`, readFileSync(file).subarray(0, 1_000_000));
    const { code, stdout, stderr } = await fetchFrom(address, cache);
    t.is(code, 0, stderr);
    t.is(stdout.trim(), model);
    t.deepEqual(ranges, ['bytes=1000000-']);
    t.is(sha256(readFileSync(model)), 'fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f');
    t.deepEqual(readdirSync(cache), [path.basename(model)]);
  },
);
