import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';

const run = promisify(execFile);
const script = path.join(import.meta.dirname, 'slurm-hosts.sh');

/** Why Slurm can't be run here; undefined where it can. */
export function whyNoSlurm(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  if (!['slurmctld', 'slurmd', 'munged'].every((name) => existsSync(`/usr/sbin/${name}`)))
    return 'needs the Debian packages slurmctld, slurmd, slurm-client and munge';
  if (spawnSync('ip', ['-V']).status !== 0) return 'needs the Debian package iproute2';
  const { status } = spawnSync('unshare', ['--mount', '--net', '--uts', '--pid', '--fork', '--mount-proc', 'true']);
  return status === 0 ? undefined : 'needs namespaces, which are not allowed here';
}

/** Three hosts of a Slurm cluster: n1, n2, n3. */
export class SlurmHosts {
  readonly #inner: string;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string) {
    this.#folder = folder;
    this.#inner = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  }

  /** Starts the hosts, which end with the test. */
  static async start(t: ExecutionContext, folder: string, maxArraySize: number): Promise<SlurmHosts> {
    mkdirSync(folder);
    const child = spawn('bash', [script, folder, String(maxArraySize)], { stdio: ['pipe', 'pipe', 'ignore'] });
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    t.teardown(async () => {
      child.stdin?.end();
      await ended;
    });
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once('data', resolve);
      void ended.then(() => reject(new Error(`the hosts did not start: ${logsIn(folder)}`)));
    });
    return new SlurmHosts(child, folder);
  }

  /** Runs a command on the host that has slurmctld. */
  async run(command: string, ...words: string[]): Promise<string> {
    const where = ['--target', this.#inner, '--mount', '--net', '--uts', '--pid', '--wd=/'];
    const env = { ...process.env, SLURM_CONF: path.join(this.#folder, 'slurm.conf') };
    return (await run('nsenter', [...where, command, ...words], { env, timeout: 60_000 })).stdout;
  }

  #shell(text: string): Promise<string> {
    return this.run('bash', '-c', text);
  }

  /** Kills slurmd and all that runs on a host. */
  async loseHost(host: number): Promise<void> {
    await this.#shell(`kill -9 $(ip netns pids n${host}) || true`);
  }

  async restoreHost(host: number): Promise<void> {
    await this.#shell(
      `nsenter --net=/run/netns/n${host} unshare --uts bash -c 'hostname n${host}; exec slurmd -N n${host}'`,
    );
  }

  /** Kills a worker, if one runs on the host. */
  async killWorker(host: number): Promise<void> {
    await this.#shell(
      `for pid in $(ip netns pids n${host}); do [ "$(cat /proc/$pid/comm)" = node ] && kill -9 $pid; done; true`,
    );
  }

  async killController(): Promise<void> {
    await this.#shell('kill -9 $(cat /run/slurmctld.pid) || true');
  }

  async restoreController(): Promise<void> {
    await this.#shell('until slurmctld; do sleep 1; done');
  }

  async cutNetwork(host: number): Promise<void> {
    await this.#shell(`ip link set host${host} down`);
  }

  async restoreNetwork(host: number): Promise<void> {
    await this.#shell(`ip link set host${host} up`);
  }

  /** Tells a running job that its time is nearly over, and waits until it has stopped. */
  async endTime(): Promise<void> {
    const running = 'squeue --noheader --states=R --format=%i';
    await this.#shell(`until ${running} | grep -q .; do sleep 0.2; done
      sleep 2
      job=$(${running} | head -n 1)
      scancel --batch --signal=USR1 "$job"
      for i in {1..100}; do ${running} | grep -qx "$job" || break; sleep 0.2; done`);
  }

  /** Lets hosts work again that Slurm has drained because a launch failed there. */
  async resumeHosts(): Promise<void> {
    await this.#shell('scontrol update nodename=n[1-3] state=resume 2>&1 || true');
  }

  /** Jobs in the queue, one a line. */
  queue(): Promise<string> {
    return this.run('squeue', '--noheader', '--format=%i %j %T %r');
  }
}

/** The ends of all logs. */
export function logsIn(folder: string): string {
  const logs = readdirSync(folder).filter((name) => name.endsWith('.log'));
  return logs.map((name) => `${name}:\n${readFileSync(path.join(folder, name), 'utf8').slice(-1000)}`).join('\n');
}
