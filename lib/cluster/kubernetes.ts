import { invalid } from '../errors.js';
import { type Plan, readPlan } from './plan.js';

export interface KubernetesOptions {
  /** An image that has maskbench. */
  image: string;
  mem: string;
  /** Processors for each rank. */
  cpus: number;
  /** So often a rank is tried. */
  attempts: number;
  /** Ranks that are done at once. */
  parallelism: number;
  /** A PersistentVolumeClaim, and where its files are in the container: `faces:/data`. */
  claim?: string;
  /** A Secret whose entries become environment variables, such as credentials for S3. */
  secret?: string;
}

const nameOf = ({ settings }: Plan) => `maskbench-${settings.slice(0, 12)}`;

/**
 * An Indexed Job for `kubectl apply`, in YAML: each index does the rank of its number, and one that is done already
 * ends at once. Needs Kubernetes 1.29.
 * @throws `MaskbenchError` `INVALID_ARGUMENT`, `NOT_FOUND` (no plan)
 */
export async function kubernetesJob(place: string, options: KubernetesOptions): Promise<string> {
  const { image, mem, cpus, attempts, parallelism, claim, secret } = options;
  const plan = await readPlan(place);
  const [, volume, mount] = /^([a-z0-9.-]+):(\/.*)$/.exec(claim ?? '') ?? [];
  if (claim !== undefined && mount === undefined) throw invalid('claim', 'a claim and a path, as faces:/data', claim);
  const text = JSON.stringify;
  return `apiVersion: batch/v1
kind: Job
metadata:
  name: ${nameOf(plan)}
spec:
  completionMode: Indexed
  completions: ${plan.ranks}
  parallelism: ${Math.min(parallelism, plan.ranks)}
  backoffLimitPerIndex: ${attempts - 1}
  maxFailedIndexes: ${plan.ranks}
  podFailurePolicy:
    rules:
      # A pod that was moved from its node is no failure.
      - action: Ignore
        onPodConditions:
          - { type: DisruptionTarget, status: "True" }
      # Wrong usage fails every time.
      - action: FailIndex
        onExitCodes:
          operator: In
          values: [2]
  template:
    spec:
      restartPolicy: Never
      # A pod that must stop finishes what is in progress.
      terminationGracePeriodSeconds: 60
      containers:
        - name: rank
          image: ${text(image)}
          args: ["cluster", "work", ${text(place)}]
          workingDir: ${text(plan.folder)}
          resources:
            requests: { cpu: ${text(String(cpus))}, memory: ${text(mem)} }
            limits: { memory: ${text(mem)} }
${secret === undefined ? '' : `          envFrom:\n            - secretRef: { name: ${text(secret)} }\n`}${
  volume === undefined
    ? ''
    : `          volumeMounts:
            - { name: data, mountPath: ${text(mount)} }
      volumes:
        - name: data
          persistentVolumeClaim: { claimName: ${text(volume)} }
`
}`;
}
