import { open } from 'node:fs/promises';
import { MaskbenchError } from '../errors.js';
import { toPath } from '../files/path.js';
import { withBackOff } from '../files/retry.js';

/** Whether a name is of an object, or of objects with the same beginning, in S3. */
export const isRemote = (name: string) => name.startsWith('s3://');

/** Throws `INVALID_ARGUMENT`. */
function placeOf(url: string): { Bucket: string; Key: string } {
  const [, Bucket, Key = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(url) ?? [];
  if (Bucket === undefined) throw new MaskbenchError('INVALID_ARGUMENT', url, `${url}: expected s3://<bucket>/<name>`);
  return { Bucket, Key };
}

async function connect() {
  const sdk = await import('@aws-sdk/client-s3').catch(() => {
    throw new MaskbenchError(
      'UNAVAILABLE',
      's3',
      's3:// needs the npm package @aws-sdk/client-s3; install it beside maskbench',
    );
  });
  const { MASKBENCH_S3_PATH_STYLE, AWS_REQUEST_CHECKSUM_CALCULATION, AWS_RESPONSE_CHECKSUM_VALIDATION } = process.env;
  const isOther = process.env.AWS_ENDPOINT_URL_S3 ?? process.env.AWS_ENDPOINT_URL;
  const client = new sdk.S3Client({
    // Servers other than Amazon's seldom have a host name for each bucket, or its newer checksums.
    forcePathStyle: MASKBENCH_S3_PATH_STYLE === undefined ? isOther !== undefined : MASKBENCH_S3_PATH_STYLE === '1',
    ...(AWS_REQUEST_CHECKSUM_CALCULATION === undefined && { requestChecksumCalculation: 'WHEN_REQUIRED' }),
    ...(AWS_RESPONSE_CHECKSUM_VALIDATION === undefined && { responseChecksumValidation: 'WHEN_REQUIRED' }),
    maxAttempts: attempts,
    // A server that says nothing is asked again.
    requestHandler: { connectionTimeout: 10_000, socketTimeout: 60_000 },
  });
  return { sdk, client };
}

let connection: ReturnType<typeof connect> | undefined;

/** The SDK and a client, which takes region, endpoint and credentials from the environment as AWS's own tools do. */
function s3(): ReturnType<typeof connect> {
  connection ??= connect();
  return connection;
}

async function trying<T>(
  url: string,
  code: 'READ_FAILED' | 'WRITE_FAILED',
  work: (connected: Awaited<ReturnType<typeof connect>>) => Promise<T>,
): Promise<T> {
  const connected = await s3();
  try {
    return await work(connected);
  } catch (error) {
    if (error instanceof MaskbenchError) throw error;
    const { name, message, $metadata } = error as {
      name: string;
      message: string;
      $metadata?: { httpStatusCode?: number };
    };
    if ($metadata?.httpStatusCode === 404) throw new MaskbenchError('NOT_FOUND', url, `${url}: does not exist`);
    throw new MaskbenchError(
      code,
      url,
      `${url}: cannot be ${code === 'READ_FAILED' ? 'read' : 'written'}: ${name}: ${message}`,
    );
  }
}

/** Bytes. Throws `NOT_FOUND`, `READ_FAILED`. */
export function objectSize(url: string): Promise<number> {
  return trying(url, 'READ_FAILED', async ({ sdk, client }) => {
    const { ContentLength = 0 } = await client.send(new sdk.HeadObjectCommand(placeOf(url)));
    return ContentLength;
  });
}

/** Fewer bytes at the end of the object. Throws `NOT_FOUND`, `READ_FAILED`. */
export function readObject(url: string, start: number, length: number): Promise<Buffer> {
  return trying(url, 'READ_FAILED', async ({ sdk, client }) => {
    const Range = `bytes=${start}-${start + length - 1}`;
    const { Body } = await client.send(new sdk.GetObjectCommand({ ...placeOf(url), Range }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  });
}

/** A connection that ends too early is made again so often before the error counts. */
const attempts = 5;

/** The bytes [from, to) of an object, up to its end. Throws `NOT_FOUND`, `READ_FAILED`. */
export async function* streamObject(url: string, from: number, to: number): AsyncGenerator<Buffer> {
  const size = await objectSize(url);
  const end = Math.min(to, size);
  let failures = 0;
  for (let at = from; at < end; ) {
    try {
      const chunks = await trying(url, 'READ_FAILED', async ({ sdk, client }) => {
        const { Body } = await client.send(
          new sdk.GetObjectCommand({ ...placeOf(url), Range: `bytes=${at}-${end - 1}` }),
        );
        return (Body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
      });
      for (;;) {
        const next = await trying(url, 'READ_FAILED', () => chunks.next());
        if (next.done) break;
        at += next.value.length;
        yield next.value;
      }
      if (at < end)
        throw new MaskbenchError('READ_FAILED', url, `${url}: cannot be read: it ends at byte ${at} of ${end}`);
    } catch (error) {
      if ((error as MaskbenchError).code !== 'READ_FAILED' || ++failures === attempts) throw error;
    }
  }
}

/** The bytes of a short object; undefined where there is none. Throws `READ_FAILED`. */
export function findObject(url: string): Promise<Buffer | undefined> {
  return withBackOff(() =>
    trying(url, 'READ_FAILED', async ({ sdk, client }) => {
      const { Body } = await client.send(new sdk.GetObjectCommand(placeOf(url)));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    }).catch((error) => {
      if (error.code !== 'NOT_FOUND') throw error;
      return undefined;
    }),
  );
}

/** Throws `WRITE_FAILED`. */
export function writeObject(url: string, data: Uint8Array | string): Promise<void> {
  return trying(url, 'WRITE_FAILED', async ({ sdk, client }) => {
    await client.send(new sdk.PutObjectCommand({ ...placeOf(url), Body: data }));
  });
}

/** Removes an object, if it is there. Throws `WRITE_FAILED`. */
export function removeObject(url: string): Promise<void> {
  return trying(url, 'WRITE_FAILED', async ({ sdk, client }) => {
    await client.send(new sdk.DeleteObjectCommand(placeOf(url)));
  });
}

/** The objects right below a prefix, or all below it, by their URLs in byte order. Throws `READ_FAILED`. */
export function listObjects(url: string, deep = false): Promise<string[]> {
  return trying(url, 'READ_FAILED', async ({ sdk, client }) => {
    const { Bucket, Key } = placeOf(url);
    const Prefix = Key === '' || Key.endsWith('/') ? Key : `${Key}/`;
    const urls: string[] = [];
    for await (const { Contents = [] } of sdk.paginateListObjectsV2(
      { client },
      { Bucket, Prefix, ...(!deep && { Delimiter: '/' }) },
    ))
      for (const object of Contents) urls.push(`s3://${Bucket}/${object.Key}`);
    return urls.sort();
  });
}

/** S3 takes at most 10,000 parts of at least 5 MiB. */
const partBytes = (size: number) => Math.max(16 << 20, Math.ceil(size / 9000));

/** Copies a local file into an object, in parts where it is long. Throws `WRITE_FAILED`. */
export function uploadFile(file: string, url: string): Promise<void> {
  return trying(url, 'WRITE_FAILED', async ({ sdk, client }) => {
    const place = placeOf(url);
    const handle = await open(toPath(file));
    try {
      const { size } = await handle.stat();
      const read = async (start: number) => {
        const Body = Buffer.alloc(Math.min(partBytes(size), size - start));
        for (let done = 0; done < Body.length; ) {
          const { bytesRead } = await handle.read(Body, done, Body.length - done, start + done);
          if (bytesRead === 0) throw new Error(`${file} has become shorter`);
          done += bytesRead;
        }
        return Body;
      };
      if (size <= partBytes(size)) {
        await client.send(new sdk.PutObjectCommand({ ...place, Body: await read(0) }));
        return;
      }
      const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(place));
      const upload = { ...place, UploadId };
      try {
        const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
        for (let start = 0; start < size; start += partBytes(size)) {
          const PartNumber = Parts.length + 1;
          const { ETag } = await client.send(
            new sdk.UploadPartCommand({ ...upload, PartNumber, Body: await read(start) }),
          );
          Parts.push({ PartNumber, ETag });
        }
        await client.send(new sdk.CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
      } catch (error) {
        await client.send(new sdk.AbortMultipartUploadCommand(upload)).catch(() => {}); // the first error counts
        throw error;
      }
    } finally {
      await handle.close();
    }
  });
}
