import { Command } from 'commander';
import { diagnose } from '../doctor.js';
import { print, printJson } from './output.js';

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('report versions, processor, models with their licences, and GPUs of this machine')
    .option('--json', 'print the result as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const found = await diagnose();
      if (json) return printJson(found);
      print(`maskbench ${found.maskbench}, Node ${found.node}, addon ${found.addon}`);
      print(`processors: ${found.processors} (${found.cpuFeatures.join(' ')}), using ${found.simd}`);
      print(`memory: ${(found.memory / 2 ** 30).toFixed(1)} GiB; cache folder: ${found.cacheFolder || 'none'}`);
      const libraries = Object.entries(found.libraries).map(([name, version]) => `${name} ${version}`);
      print(`libraries: ${libraries.join(', ')}`);
      for (const model of found.models)
        print(`${model.name}: ${model.found ? model.file : `MISSING (${model.file})`}\n  licence: ${model.licence}`);
      const { file, version, providers, cuda, problem } = found.onnxRuntime;
      print(`ONNX Runtime: ${problem ?? `${version} (${providers?.join(', ')}), ${file}`}`);
      if (cuda === false)
        print('  libonnxruntime_providers_cuda.so is not beside it, so embedding cannot use --device cuda');
      print(`GPU: ${found.gpus.join(', ') || 'none'}`);
      for (const [number, { name, memory: bytes, architecture, driver }] of found.cuda.devices.entries())
        print(
          `cuda:${number}: ${name}, ${(bytes / 2 ** 30).toFixed(0)} GiB, sm ${architecture}, driver for CUDA ${driver}`,
        );
      if (found.cuda.devices.length === 0) print(`CUDA: ${found.cuda.problem ?? 'no device'}`);
    });
}
