import type { ExecutionContext } from 'ava';
import { MaskbenchError } from 'maskbench';

// The types forbid what is tested here.
type Anything = unknown;

const holes = (...items: Anything[]) => {
  const array = [...items, ...items];
  delete array[0];
  return array;
};

/** Values that are not of a kind. Paths and texts may be empty or absent: nothing here touches the file system. */
const notOf = {
  text: [undefined, null, 7, {}, ['a'], Buffer.from('a'), Symbol('a')],
  path: [undefined, null, 7, {}, ['a'], Buffer.from('a'), '', 'a\0b'],
  paths: [undefined, null, 7, {}, 'text', Buffer.from('a'), holes('a'), [7], [null], [['a']], ['a\0b']],
  texts: [undefined, null, 7, {}, 'text', Buffer.from('a'), holes('a'), [7], [null]],
  objects: [undefined, null, 7, {}, 'text', Buffer.from('a'), holes({}), [7], [null], ['a'], [Buffer.from('a')]],
  object: [undefined, null, 7, 'text', [], Buffer.from('a')],
  numbers: [undefined, null, 7, {}, 'text', ['1'], [null], holes(1), [undefined]],
  number: [undefined, null, '1', {}, Number.NaN, 1n],
  options: [null, 7, 'text', [], Buffer.from('a'), { signal: {} }, { signal: 'now' }],
  image: [undefined, null, 7, [], {}, '', 'a\0b', { data: 'text', width: 1, height: 1, channels: 1 }],
  images: [undefined, null, 7, {}, 'text', Buffer.from('a'), holes('a'), [7], [null], ['a\0b']],
};

/** A kind of argument, with a good value; or a list of values that are refused. */
export type Kind = keyof typeof notOf;
export interface Argument {
  good: Anything;
  kind?: Kind;
  /** More values that are refused. */
  bad?: Anything[];
}

export const path = (good = '/nowhere/a'): Argument => ({ kind: 'path', good });
export const options = (...bad: object[]): Argument => ({ kind: 'options', good: undefined, bad });

const shown = (value: Anything) => {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
};

/** Calls a function with good arguments but one, for each bad value of each, and asserts INVALID_ARGUMENT in the one form of such errors. */
export async function refusesArguments(
  t: ExecutionContext,
  name: string,
  call: (...args: never[]) => unknown,
  args: Argument[],
): Promise<void> {
  for (const [i, { kind, bad = [] }] of args.entries())
    for (const value of [...(kind ? notOf[kind] : []), ...bad]) {
      const given = args.map(({ good }, k) => (k === i ? value : good)) as never[];
      const label = `${name}, argument ${i + 1}: ${shown(value)}`;
      try {
        await call(...given);
        t.fail(`${label} is taken`);
      } catch (error) {
        const { code, message } = error as MaskbenchError;
        t.true(error instanceof MaskbenchError, `${label}: ${(error as Error).stack}`);
        t.is(code, 'INVALID_ARGUMENT', `${label}: ${message}`);
        t.regex(message, /expected .*(received|found) /, label);
      }
    }
}
