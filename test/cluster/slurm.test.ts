import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { maskbench, repository, temporaryFolder } from '../support/files.js';
import { runCampaign, waitForJobs, writeCampaignPhotos } from './campaign.js';
import { SlurmHosts, whyNoSlurm } from './slurm-hosts.js';

const reason = whyNoSlurm();
const onSlurm = reason === undefined ? test : test.skip;

/** The whole campaign is run by hand: MASKBENCH_CLUSTER_CAMPAIGN=1 */
const { photos, size, ranks, faults, outage, minutes } = process.env.MASKBENCH_CLUSTER_CAMPAIGN
  ? { photos: 20_000, size: 500, ranks: 60, faults: 30, outage: 20_000, minutes: 90 }
  : { photos: 800, size: 720, ranks: 10, faults: 5, outage: 12_000, minutes: 10 };

onSlurm(
  `${ranks} ranks on Slurm, ${faults} faults, the bytes of one machine${reason ? ` (${reason})` : ''}`,
  async (t) => {
    t.timeout(minutes * 60_000);
    const folder = temporaryFolder(t);
    await writeCampaignPhotos(path.join(folder, 'in'), photos, size);
    // Arrays of six tasks at most: several for all ranks.
    const hosts = await SlurmHosts.start(t, path.join(folder, 'slurm'), 6);
    await runCampaign(t, hosts, folder, {
      words: ['mask', path.join(folder, 'in'), '--style', 'random', '--seed', '7', '--concurrency', '1'],
      ...{ ranks, faults, pause: 600, outage, minutes, seed: 1 },
    });
  },
);

onSlurm('a rank that its time limit ends three times is resumed each time, and no photo is done again', async (t) => {
  t.timeout(600_000);
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writeCampaignPhotos(at('in'), 2000, 250);
  const hosts = await SlurmHosts.start(t, at('slurm'), 6);
  const cluster = (...words: string[]) =>
    hosts.run(process.execPath, path.join(repository, 'dist/cli/main.js'), 'cluster', ...words);
  const words = ['mask', at('in'), '--out', at('out'), '--concurrency', '1'];
  await cluster('plan', '--plan', at('plan'), '--ranks', '1', ...words);
  await cluster('submit', at('plan'), '--engine', 'slurm');
  for (let i = 0; i < 3; i++) await hosts.endTime();
  await waitForJobs(hosts, 5);
  const [log = '', merge = ''] = readdirSync(at('plan/logs'))
    .sort()
    .map((name) => readFileSync(at(`plan/logs/${name}`), 'utf8'));
  t.regex(merge, /merged/, log);
  // What is left to do after each interruption.
  const ends = [...log.matchAll(/: (\d+)\/(\d+), .*\n.*interrupted/g)].map(([, done, all]) => [
    Number(done),
    Number(all),
  ]);
  t.is(ends.length, 3, log);
  let left = 2000;
  for (const [done = 0, all] of ends) {
    t.is(all, left, log);
    left -= done;
  }
});

test('an sbatch that refuses a script before it has read it is an error with its words', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => path.join(folder, name);
  await writeCampaignPhotos(at('in'), 2, 100);
  mkdirSync(at('bin'));
  for (const [command, words] of [
    ['squeue', ':'],
    ['scontrol', ':'],
    ['sbatch', 'exec <&-; echo invalid partition >&2; exit 1'],
  ] as const)
    writeFileSync(at(`bin/${command}`), `#!/bin/sh\n${words}\n`, { mode: 0o755 });
  const cluster = (...words: string[]) =>
    maskbench(['cluster', ...words], { PATH: `${at('bin')}:${process.env.PATH}` });
  await cluster('plan', '--plan', at('plan'), '--ranks', '1', 'mask', at('in'), '--out', at('out'));
  // A script longer than what the pipe holds, so that its rest is written after the command has closed its input.
  const long = ['--partition', '--time', '--mem'].flatMap((option) => [option, 'x'.repeat(120_000)]);
  const { code, stderr } = await cluster('submit', at('plan'), '--engine', 'slurm', ...long);
  t.is(code, 1);
  t.is(stderr.trim(), 'maskbench: sbatch: invalid partition');
});
