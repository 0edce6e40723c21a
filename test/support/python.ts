import { execFileSync } from 'node:child_process';

/** Debian's Python, for values that are worked out independently of ours. */
const python = '/usr/bin/python3';

export function pythonHas(...modules: string[]): boolean {
  try {
    execFileSync(python, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Runs a script that reads JSON from standard input and prints JSON. */
export function runPython<T>(script: string, input: unknown): T {
  return JSON.parse(
    execFileSync(python, ['-c', `import json, sys\ndata = json.load(sys.stdin)\n${script}`], {
      input: JSON.stringify(input),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    }),
  ) as T;
}
