import path from 'node:path';
import test from 'ava';
import { Job } from 'kubernetes-models/batch/v1';
import { parse } from 'yaml';
import { writePhotos } from '../support/faces.js';
import { maskbench, temporaryFolder } from '../support/files.js';

test('an Indexed Job is valid, and does each rank', async (t) => {
  const folder = temporaryFolder(t);
  const plan = path.join(folder, 'plan');
  await writePhotos(
    path.join(folder, 'in'),
    Array.from({ length: 4 }, (_, i) => ({ name: `${i}.jpg` })),
  );
  const words = ['mask', path.join(folder, 'in'), '--out', path.join(folder, 'out')];
  t.is((await maskbench(['cluster', 'plan', '--plan', plan, '--ranks', '4', ...words])).code, 0);
  const submit = ['cluster', 'submit', plan, '--engine', 'kubernetes'];
  for (const more of [[], ['--claim', `faces:${folder}`, '--secret', 'storage', '--cpus', '2', '--mem', '4Gi']]) {
    const { code, stdout, stderr } = await maskbench([...submit, '--image', 'registry.example/maskbench:0.2', ...more]);
    t.is(code, 0, stderr);
    const job = new Job(parse(stdout));
    job.validate();
    t.is(job.spec?.completionMode, 'Indexed');
    t.is(job.spec?.completions, 4);
    t.is(job.spec?.backoffLimitPerIndex, 2);
    t.is(job.spec?.template.spec?.restartPolicy, 'Never');
    const container = job.spec?.template.spec?.containers[0];
    t.deepEqual(container?.args, ['cluster', 'work', plan]);
    // As the container runs it.
    const index = more.length > 0 ? '1' : '0';
    const done = await maskbench(container?.args as string[], { JOB_COMPLETION_INDEX: index });
    t.regex(done.stdout, new RegExp(`rank ${index}: done`), done.stderr);
  }
  t.is((await maskbench(submit)).code, 2);
  t.regex((await maskbench([...submit, '--image', 'x', '--claim', 'faces'])).stderr, /a claim and a path/);
  t.throws(() =>
    new Job(parse('{ apiVersion: batch/v1, kind: Job, spec: { completions: "four" } }') as never).validate(),
  );
});
