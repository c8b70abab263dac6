/**
 * Reads protobuf wire format (protobuf.dev/programming-guides/encoding), as much as BuildKit's status messages use:
 * varints and length-delimited fields. A decoder for every message would bring a library that costs more than the
 * whole program's start.
 */

/** One field of a message. */
export interface WireField {
  readonly number: number;
  /** Of a varint; 0 for other wire types. */
  readonly value: number;
  /** Of a length-delimited field; empty for other wire types. */
  readonly bytes: Uint8Array;
}

/** @throws RangeError on a message that is cut or malformed */
export function* readFields(message: Uint8Array): Generator<WireField, void> {
  const cursor = { position: 0 };
  while (cursor.position < message.length) {
    const key = readVarint(message, cursor);
    const number = Math.floor(key / 8);
    switch (key % 8) {
      case 0:
        yield { number, value: readVarint(message, cursor), bytes: EMPTY };
        break;
      case 1:
        take(message, cursor, 8);
        break;
      case 2:
        yield { number, value: 0, bytes: take(message, cursor, readVarint(message, cursor)) };
        break;
      case 5:
        take(message, cursor, 4);
        break;
      default:
        throw new RangeError("expected a known protobuf wire type");
    }
  }
}

/** The text of a string field. */
export function textOf(field: WireField): string {
  return Buffer.from(field.bytes).toString("utf8");
}

/** Milliseconds since the epoch of a `google.protobuf.Timestamp`. */
export function millisecondsOf(field: WireField): number {
  let seconds = 0;
  let nanos = 0;
  for (const { number, value } of readFields(field.bytes)) {
    if (number === 1) seconds = value;
    if (number === 2) nanos = value;
  }
  return seconds * 1000 + nanos / 1_000_000;
}

const EMPTY = new Uint8Array(0);

function readVarint(message: Uint8Array, cursor: { position: number }): number {
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = message[cursor.position];
    if (byte === undefined) throw new RangeError("expected more bytes of a protobuf varint");
    cursor.position += 1;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  throw new RangeError("expected a protobuf varint of at most ten bytes");
}

function take(message: Uint8Array, cursor: { position: number }, length: number): Uint8Array {
  const end = cursor.position + length;
  if (end > message.length) throw new RangeError("expected more bytes of a protobuf field");
  const bytes = message.subarray(cursor.position, end);
  cursor.position = end;
  return bytes;
}
