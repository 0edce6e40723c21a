import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import sharp from 'sharp';
import { NamedRandom } from '../../lib/random.js';
import { faceCrops } from '../support/faces.js';
import { hashTree, repository } from '../support/files.js';
import type { SlurmHosts } from './slurm-hosts.js';

const main = path.join(repository, 'dist/cli/main.js');

const disturbances = ['time', 'worker', 'host', 'controller', 'network'] as const;
type Disturbance = (typeof disturbances)[number];

/** Photos of one size, ten in each folder. */
export async function writeCampaignPhotos(folder: string, count: number, size: number): Promise<void> {
  const crops = await faceCrops();
  const photos = await Promise.all(
    crops.slice(0, -1).map((crop) => sharp(crop).resize(size).jpeg({ quality: 90 }).toBuffer()),
  );
  for (let i = 0; i < count; i++) {
    const person = path.join(folder, `person ${Math.floor(i / 10)}`);
    mkdirSync(person, { recursive: true });
    writeFileSync(path.join(person, `${i}.jpg`), photos[i % photos.length] as Buffer);
  }
}

/** Does something to one of the hosts, and mends it. */
async function disturb(hosts: SlurmHosts, what: Disturbance, host: number, outage: number): Promise<void> {
  if (what === 'worker') await hosts.killWorker(host);
  else if (what === 'time')
    await hosts.endTime().catch(() => {}); // the controller may be away
  else if (what === 'host') {
    await hosts.loseHost(host);
    await setTimeout(outage);
    await hosts.restoreHost(host);
  } else if (what === 'controller') {
    await hosts.killController();
    await setTimeout(outage / 4);
    await hosts.restoreController();
  } else {
    await hosts.cutNetwork(host);
    await setTimeout(outage);
    await hosts.restoreNetwork(host);
  }
}

export interface Campaign {
  /** The words of the command, without its output. */
  words: string[];
  ranks: number;
  /** One after another, of all kinds in turn. */
  faults: number;
  /** Milliseconds between them, on average. */
  pause: number;
  /** Milliseconds for which a host or its network is away. */
  outage: number;
  /** For which jobs may be left in the queue. */
  minutes: number;
  seed: number;
}

/** Waits until no job is left but those that Slurm holds, and what waits for them. Throws where that takes too long. */
export async function waitForJobs(hosts: SlurmHosts, minutes: number): Promise<void> {
  for (const end = performance.now() + minutes * 60_000; ; await setTimeout(1000)) {
    const queue = await hosts.queue().catch(() => 'the controller does not answer');
    const isStuck = (job: string) => /held|NeverSatisfied/i.test(job);
    const others = queue.split('\n').filter((job) => job !== '' && !isStuck(job));
    // A merge that waits alone runs soon: Slurm looks at its dependencies from time to time.
    if (others.length === 0 || (isStuck(queue) && others.every((job) => /-merge.*Dependency/.test(job)))) return;
    if (performance.now() > end) throw new Error(`jobs hang: ${queue}`);
  }
}

/**
 * Runs a plan on Slurm while hosts, workers, network and controller fail, and submits it again until it is merged.
 * Gives how often it was submitted.
 */
export async function runCampaign(
  t: ExecutionContext,
  hosts: SlurmHosts,
  folder: string,
  { words, ranks, faults, pause, outage, minutes, seed }: Campaign,
): Promise<number> {
  const plan = path.join(folder, 'plan');
  const out = path.join(folder, 'ranks');
  const random = new NamedRandom(seed, 'campaign');
  const whole = path.join(folder, 'whole');
  await promisify(execFile)(process.execPath, [main, ...words, '--out', whole]);
  await hosts.run(
    process.execPath,
    main,
    'cluster',
    'plan',
    '--plan',
    plan,
    '--ranks',
    String(ranks),
    ...words,
    '--out',
    out,
  );
  let submitted = 0;
  const submit = async () => {
    submitted++;
    t.log(
      (
        await hosts.run(process.execPath, main, 'cluster', 'submit', plan, '--engine', 'slurm', '--attempts', '10')
      ).trim(),
    );
  };
  await submit();
  for (let fault = 0; fault < faults; fault++) {
    const what = disturbances[fault % disturbances.length] as Disturbance;
    await setTimeout(pause / 2 + random.below(pause));
    const host = 1 + random.below(3);
    const done = existsSync(path.join(plan, 'completions')) ? readdirSync(path.join(plan, 'completions')).length : 0;
    t.log(`${what} on n${host}, ${done} ranks done`);
    await disturb(hosts, what, host, outage);
  }
  await waitForJobs(hosts, minutes / 2);
  while (!existsSync(path.join(plan, 'merged.json')) && submitted < 5) {
    await hosts.resumeHosts();
    await submit();
    await waitForJobs(hosts, minutes / 2);
  }
  const logs = readdirSync(path.join(plan, 'logs')).map((name) => readFileSync(path.join(plan, 'logs', name), 'utf8'));
  t.true(existsSync(path.join(plan, 'merged.json')), logs.join('\n').slice(-2000));
  t.deepEqual(hashTree(out), hashTree(whole));
  t.deepEqual(readdirSync(plan).sort(), [
    'completions',
    'inputs.jsonl',
    'logs',
    'merged.json',
    'plan.json',
    'ranks.jsonl',
    'states',
  ]);
  t.deepEqual(readdirSync(path.join(plan, 'states')), []);
  t.log(`${logs.filter((log) => /interrupted/.test(log)).length} ranks were interrupted, submitted ${submitted} times`);
  return submitted;
}
