// An HTTP service that masks photos and turns faces into vectors: node examples/fastify-service.js [port]
//   curl --data-binary @portrait.jpg -H 'content-type: image/jpeg' http://127.0.0.1:3000/mask > masked.jpg
import Fastify from 'fastify';
import { Embedder, MaskbenchError, Masker } from 'maskbench';

// One of each serves all requests. Photos are worked on by maskbench's own threads, so the event loop stays free, and
// faces that arrive while a batch runs share the next one.
const masker = await Masker.open({ style: 'realistic', seed: 7 });
const embedder = await Embedder.open({ maxBatch: 16 });

const server = Fastify({ bodyLimit: 20_000_000 });
server.addContentTypeParser(/^image\//, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

server.post('/mask', async (request, reply) => {
  const { status, image, format } = await masker.mask(request.body);
  if (status !== 'masked') return reply.code(422).send({ code: 'NO_FACE', message: 'no face was found' });
  return reply.type(`image/${format}`).send(image);
});

server.post('/vector', async (request) => {
  const { vector, face } = await embedder.embedOne(request.body);
  return { vector: [...vector], box: face?.box };
});

const photoErrors = new Set(['NO_FACE', 'UNREADABLE', 'DAMAGED', 'TOO_LARGE', 'UNSUPPORTED_FORMAT']);
server.setErrorHandler((error, _request, reply) => {
  if (!(error instanceof MaskbenchError)) return reply.send(error);
  const { code, message } = error;
  return reply.code(photoErrors.has(code) ? 422 : 500).send({ code, message });
});

server.addHook('onClose', async () => {
  await Promise.all([masker.close(), embedder.close()]);
});
process.once('SIGTERM', () => server.close());

console.log(`listening on ${await server.listen({ port: Number(process.argv[2] ?? 3000) })}`);
