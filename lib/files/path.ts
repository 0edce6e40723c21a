import { isUtf8 } from 'node:buffer';

/*
 * File names are bytes, and JavaScript strings are not. A byte that is not valid UTF-8 becomes a lone surrogate, U+DC80
 * to U+DCFF for 0x80 to 0xFF (as in Python, PEP 383), so that every name has a string and can be restored from it. JSON
 * writes it as "\udce9". The native core takes and gives such texts too.
 */

const loneByte = /[\udc80-\udcff]/u;

/** The bytes of a text that is made of names. */
export function toBytes(text: string): Buffer {
  if (!loneByte.test(text)) return Buffer.from(text);
  const pieces = text.split(/([\udc80-\udcff])/u);
  return Buffer.concat(
    pieces.map((piece, i) => (i % 2 === 0 ? Buffer.from(piece) : Buffer.of(piece.charCodeAt(0) & 0xff))),
  );
}

/** A name as Node's file functions take it. */
export function toPath(text: string): string | Buffer {
  return loneByte.test(text) ? toBytes(text) : text;
}

/** The text of a name's bytes. */
export function toText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString();
  let text = '';
  for (let at = 0; at < buffer.length; ) {
    let length = 4;
    while (length > 0 && !(at + length <= buffer.length && isOneCharacter(buffer.subarray(at, at + length)))) length--;
    text +=
      length > 0 ? buffer.toString('utf8', at, at + length) : String.fromCharCode(0xdc00 + (buffer[at] as number));
    at += Math.max(1, length);
  }
  return text;
}

function isOneCharacter(bytes: Buffer): boolean {
  return isUtf8(bytes) && [...bytes.toString()].length === 1;
}

/** Order of the names' bytes, the same on every machine. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(toBytes(a), toBytes(b));
}
