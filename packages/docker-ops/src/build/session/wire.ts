/** Writes protobuf wire format: the counterpart of `protobuf.ts`, for the few messages that a session sends. */

/** A varint field; left out when zero, as proto3 does. */
export function varintField(number: number, value: number): Buffer {
  return value === 0 ? EMPTY : Buffer.concat([varint(number * 8), varint(value)]);
}

/** A string, bytes or message field; left out when empty. */
export function bytesField(number: number, value: string | Uint8Array): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  return bytes.length === 0 ? EMPTY : Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

/** A message field, written also when the message is empty. */
export function messageField(number: number, message: Uint8Array): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(message.length), message]);
}

const EMPTY = Buffer.alloc(0);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
