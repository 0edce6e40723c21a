/** What a pickle may hold here: plain values, and what `globals` and `persistentLoad` make. */
export type PickleValue = unknown;

/** The names that a pickle may ask for, and what calling each one makes. */
export type Globals = ReadonlyMap<string, (args: PickleValue[]) => PickleValue>;

/** A name that a pickle asked for, before it is called. */
export class Global {
  constructor(
    readonly name: string,
    readonly call: (args: PickleValue[]) => PickleValue,
  ) {}
}

/** What a pickle holds and nobody here reads, such as a set: it is known by its name only. */
export class Inert {
  constructor(readonly name: string) {}
}

/** What a global made, and the pickle completes with a state. */
export abstract class Buildable {
  abstract build(state: PickleValue): void;
}

/** A dictionary: keys may be of any kind. */
export class Dictionary extends Map<PickleValue, PickleValue> {}

/** Thrown for anything that is not understood or not allowed. */
export class PickleError extends Error {}

const mark = Symbol('mark');

const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b', f: '\f', v: '\v' };

/** A literal of Python 2 for bytes, as Latin-1. */
function unquote(literal: string): string {
  const inner = literal.replace(/^(['"])(.*)\1$/s, '$2');
  return inner.replace(/\\(?:x([\da-f]{2})|([0-7]{1,3})|(.))/gis, (_, hex, octal, letter) =>
    letter === undefined
      ? String.fromCharCode(hex === undefined ? Number.parseInt(octal, 8) & 0xff : Number.parseInt(hex, 16))
      : (escapes[letter] ?? letter),
  );
}

/** Python's encoding "raw-unicode-escape". */
function unescapeUnicode(text: string): string {
  return text.replace(/\\u([\da-fA-F]{4})|\\U([\da-fA-F]{8})/g, (whole, short, long) => {
    const code = Number.parseInt(short ?? long, 16);
    return code > 0x10ffff ? whole : String.fromCodePoint(code);
  });
}

/**
 * Reads one pickle, protocols 0 to 5. Nothing is ever executed: a name outside `globals` is refused, and calling one
 * that is in it makes a value of ours.
 * @param persistentLoad Makes what a persistent id stands for.
 * @param byteStrings Python 2's texts are bytes, as with Python's `encoding='bytes'`. Otherwise they are Latin-1.
 * @returns the value, and where the pickle ended
 * @throws {@link PickleError}
 */
export function unpickle(
  data: Buffer,
  {
    globals,
    persistentLoad,
    byteStrings = false,
    at = 0,
  }: {
    globals: Globals;
    persistentLoad?: (id: PickleValue) => PickleValue;
    byteStrings?: boolean;
    at?: number;
  },
): { value: PickleValue; end: number } {
  const stack: PickleValue[] = [];
  const memo = new Map<number, PickleValue>();
  let place = at;
  const take = (count: number): Buffer => {
    if (count < 0 || place + count > data.length) throw new PickleError('the pickle ends early');
    place += count;
    return data.subarray(place - count, place);
  };
  const line = (): string => {
    const end = data.indexOf(10, place);
    if (end < 0) throw new PickleError('the pickle ends early');
    return take(end + 1 - place)
      .toString('latin1')
      .slice(0, -1);
  };
  const byte = () => take(1)[0] as number;
  const long = (count: number): number | bigint => {
    if (count > 4096) throw new PickleError('a number is out of range');
    const bytes = Buffer.from(take(count)).reverse();
    const value = count === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`);
    return small(count > 0 && (bytes[0] as number) >= 128 ? value - (1n << BigInt(8 * count)) : value);
  };
  /** The state of a random number generator has whole numbers of hundreds of bits. */
  const small = (value: bigint): number | bigint => {
    const converted = Number(value);
    return Number.isSafeInteger(converted) ? converted : value;
  };
  const decimal = (text: string): number | bigint => {
    // Python's own limit is 4300 digits.
    if (!/^[+-]?\d{1,4300}$/.test(text))
      throw new PickleError(`${JSON.stringify(text.slice(0, 40))} is not a whole number`);
    return small(BigInt(text.replace('+', '')));
  };
  const index = (): number => {
    const value = decimal(line());
    if (typeof value === 'bigint' || value < 0) throw new PickleError(`${value} is not a place of the memo`);
    return value;
  };
  const sized = (count: number | bigint): number => {
    if (count > data.length) throw new PickleError('the pickle ends early');
    return Number(count);
  };
  const pop = (): PickleValue => {
    if (stack.length === 0 || stack.at(-1) === mark) throw new PickleError('the pickle reads from an empty stack');
    return stack.pop();
  };
  const popToMark = (): PickleValue[] => {
    const from = stack.lastIndexOf(mark);
    if (from < 0) throw new PickleError('the pickle reads from an empty stack');
    const items = stack.splice(from);
    items.shift();
    return items;
  };
  const top = <T>(kind: new (...args: never[]) => T): T => {
    const value = stack.at(-1);
    if (!(value instanceof kind)) throw new PickleError(`the pickle adds to something that is not a ${kind.name}`);
    return value;
  };
  const setItems = (items: PickleValue[]) => {
    const dictionary = top(Dictionary);
    if (items.length % 2 !== 0) throw new PickleError('the pickle has a key without a value');
    for (let i = 0; i < items.length; i += 2) dictionary.set(items[i], items[i + 1]);
  };
  const find = (module: PickleValue, name: PickleValue) => {
    const full = `${module}.${name}`;
    const call = globals.get(full);
    if (!call) throw new PickleError(`asks for ${full}, which is not allowed`);
    stack.push(new Global(full, call));
  };
  const call = (callee: PickleValue, args: PickleValue) => {
    if (!(callee instanceof Global) || !Array.isArray(args))
      throw new PickleError('calls something that is not a function');
    stack.push(callee.call(args));
  };
  const recall = (key: number) => {
    if (!memo.has(key)) throw new PickleError('the pickle reads a memo that it never stored');
    stack.push(memo.get(key));
  };
  const text = (bytes: Buffer) => (byteStrings ? bytes : bytes.toString('latin1'));

  for (;;) {
    const opcode = String.fromCharCode(byte());
    switch (opcode) {
      case '\x80': // PROTO
        if (byte() > 5) throw new PickleError('the pickle has a protocol above 5');
        break;
      case '\x95': // FRAME
        take(8);
        break;
      case '.':
        return { value: pop(), end: place };
      case '(':
        stack.push(mark);
        break;
      case '0':
        pop();
        break;
      case '1':
        popToMark();
        break;
      case '2': {
        const value = pop();
        stack.push(value, value);
        break;
      }
      case 'N':
        stack.push(null);
        break;
      case '\x88':
        stack.push(true);
        break;
      case '\x89':
        stack.push(false);
        break;
      case 'I': {
        const digits = line();
        stack.push(digits === '00' ? false : digits === '01' ? true : decimal(digits));
        break;
      }
      case 'L':
        stack.push(decimal(line().replace(/L$/, '')));
        break;
      case 'J':
        stack.push(take(4).readInt32LE());
        break;
      case 'K':
        stack.push(byte());
        break;
      case 'M':
        stack.push(take(2).readUInt16LE());
        break;
      case '\x8a':
        stack.push(long(byte()));
        break;
      case '\x8b':
        stack.push(long(take(4).readInt32LE()));
        break;
      case 'F':
        stack.push(Number(line()));
        break;
      case 'G':
        stack.push(take(8).readDoubleBE());
        break;
      case 'S':
        stack.push(text(Buffer.from(unquote(line()), 'latin1')));
        break;
      case 'V':
        stack.push(unescapeUnicode(line()));
        break;
      case 'T':
      case 'B': {
        const bytes = take(sized(take(4).readUInt32LE()));
        stack.push(opcode === 'T' ? text(bytes) : bytes);
        break;
      }
      case 'U':
      case 'C': {
        const bytes = take(byte());
        stack.push(opcode === 'U' ? text(bytes) : bytes);
        break;
      }
      case 'X':
        stack.push(take(sized(take(4).readUInt32LE())).toString('utf8'));
        break;
      case '\x8c':
        stack.push(take(byte()).toString('utf8'));
        break;
      case '\x8d':
        stack.push(take(sized(take(8).readBigUInt64LE())).toString('utf8'));
        break;
      case '\x8e':
      case '\x96': // BYTEARRAY8
        stack.push(take(sized(take(8).readBigUInt64LE())));
        break;
      case ')':
      case ']':
        stack.push([]);
        break;
      case '}':
        stack.push(new Dictionary());
        break;
      case 't':
      case 'l':
        stack.push(popToMark());
        break;
      case '\x85':
        stack.push([pop()]);
        break;
      case '\x86':
      case '\x87': {
        const items = [pop(), pop()];
        if (opcode === '\x87') items.push(pop());
        stack.push(items.reverse());
        break;
      }
      case 'd': {
        const items = popToMark();
        stack.push(new Dictionary());
        setItems(items);
        break;
      }
      case '\x8f': // EMPTY_SET
        stack.push(new Inert('set'));
        break;
      case '\x90': // ADDITEMS
        popToMark();
        top(Inert);
        break;
      case '\x91': // FROZENSET
        popToMark();
        stack.push(new Inert('frozenset'));
        break;
      case 'a': {
        const item = pop();
        top<PickleValue[]>(Array as never).push(item);
        break;
      }
      case 'e': {
        const items = popToMark();
        const list = top<PickleValue[]>(Array as never);
        for (const item of items) list.push(item);
        break;
      }
      case 's': {
        const items = [pop(), pop()];
        setItems(items.reverse());
        break;
      }
      case 'u':
        setItems(popToMark());
        break;
      case 'c':
        find(line(), line());
        break;
      case '\x93': {
        const name = pop();
        find(pop(), name);
        break;
      }
      case 'R':
      case '\x81': {
        const args = pop();
        call(pop(), args);
        break;
      }
      case 'b': {
        // Attributes of anything else, such as a state dictionary's versions, are not needed.
        const state = pop();
        const target = top<object>(Object as never);
        if (target instanceof Buildable) target.build(state);
        break;
      }
      case 'Q':
        if (!persistentLoad) throw new PickleError('holds a persistent id');
        stack.push(persistentLoad(pop()));
        break;
      case 'q':
        memo.set(byte(), stack.at(-1));
        break;
      case 'r':
        memo.set(take(4).readUInt32LE(), stack.at(-1));
        break;
      case 'p':
        memo.set(index(), stack.at(-1));
        break;
      case '\x94':
        memo.set(memo.size, stack.at(-1));
        break;
      case 'h':
        recall(byte());
        break;
      case 'j':
        recall(take(4).readUInt32LE());
        break;
      case 'g':
        recall(index());
        break;
      default:
        throw new PickleError(`unknown operation ${JSON.stringify(opcode)} at byte ${place - 1}`);
    }
  }
}
