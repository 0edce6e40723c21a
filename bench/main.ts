// npm run bench -- [--quick] [--only <name>] [--concurrency 1,2] [--device cuda] [--photos 2000]
//   [--real <corpus with real masks>]
//   [--detectors hog,<preset>,<file.onnx>]
import { parseArgs } from 'node:util';
import { diagnose } from 'maskbench';
import { detectorPresets } from '../lib/models/detectors/presets.js';
import { benchmarks } from './benchmarks.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    concurrency: { type: 'string', default: '1,2' },
    photos: { type: 'string', default: '2000' },
    real: { type: 'string' },
    detectors: { type: 'string' },
    device: { type: 'string', default: 'cpu' },
  },
});
const { devices, problem } = (await diagnose()).cuda;
const left = values.device !== 'cpu' && devices.length === 0;
if (left) console.log(`benchmarks on ${values.device} are left out: ${problem ?? 'there is no CUDA device'}`);
for (const [name, run] of left ? [] : Object.entries(benchmarks)) {
  if (values.only === undefined || values.only === name)
    await run({
      quick: values.quick,
      concurrencies: values.concurrency.split(',').map(Number),
      photos: Number(values.photos),
      real: values.real,
      detectors: values.detectors?.split(',') ?? ['hog', ...Object.keys(detectorPresets)],
      device: values.device,
    });
}
