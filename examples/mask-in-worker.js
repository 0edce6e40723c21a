// Masks photos in a worker thread: node examples/mask-in-worker.js <output folder> <photos or folders...>
// maskbench has threads of its own and needs no worker; this is for programs that already keep their work in workers.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { maskFiles } from 'maskbench';

if (isMainThread) {
  const [out, ...inputs] = process.argv.slice(2);
  const worker = new Worker(new URL(import.meta.url), { workerData: { inputs, out } });
  worker.on('message', ({ problem, counts }) => {
    if (problem !== undefined) console.error(problem);
    else console.log(`${counts.masked} masked, ${counts['no-face']} without a face`);
  });
  worker.on('error', (error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
} else {
  const { inputs, out } = workerData;
  const { counts } = await maskFiles(inputs, out, {
    style: 'realistic',
    seed: 7,
    onProblem: ({ message }) => parentPort.postMessage({ problem: message }),
  });
  parentPort.postMessage({ counts });
}
