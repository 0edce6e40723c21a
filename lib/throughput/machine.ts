import { readFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { native } from '../native.js';

/** What a figure depends on beside the program. */
export interface Machine {
  processor: string;
  /** Processors that this process may use. */
  processors: number;
  /** The vector instructions in use. */
  simd: string;
  /** How the kernel sets the clock rate, where it says so. */
  governor?: string;
  /** Processes that wanted to run, on average of the minute before. Above 0.1, other programs were at work. */
  load: number;
  node: string;
}

export async function describeMachine(): Promise<Machine> {
  const { processors, simd } = native.systemInfo();
  const governor = await readFile('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor', 'utf8').catch(
    () => undefined,
  );
  return {
    processor: cpus()[0]?.model.trim() || 'unknown',
    ...{ processors, simd },
    ...(governor !== undefined && { governor: governor.trim() }),
    load: loadavg()[0] as number,
    node: process.version,
  };
}
