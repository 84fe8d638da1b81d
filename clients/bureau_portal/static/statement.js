// Reads the very bytes that are to be signed, so that nothing but them is shown.
//
// The bytes are DSSE's pre-authentication encoding, `DSSEv1 SP length SP type SP length SP body`,
// and the body is a protobuf message. A type or a field that the tables do not have is refused:
// the person would sign what the page cannot show.

export class Unreadable extends Error {}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function open(bytes, tables) {
  const { type, body } = parts(bytes);
  if (!Object.hasOwn(tables.statements, type)) throw new Unreadable(`a statement of the type ${type}`);
  const statement = tables.statements[type];
  const head = [], shown = rows(body, statement.fields, tables.words, head);
  return { ...statement, rows: [...shown, ...head] };
}

function parts(bytes) {
  let position = 0;
  const word = () => {
    const end = bytes.indexOf(0x20, position);
    if (end < 0) throw new Unreadable("no encoding of DSSE");
    const text = utf8.decode(bytes.subarray(position, end));
    position = end + 1;
    return text;
  };
  const length = () => {
    const text = word();
    if (!/^(0|[1-9][0-9]{0,8})$/.test(text)) throw new Unreadable("no encoding of DSSE");
    return Number(text);
  };
  if (word() !== "DSSEv1") throw new Unreadable("no encoding of DSSE");
  const size = length();
  const type = utf8.decode(bytes.subarray(position, position + size));
  position += size;
  if (bytes[position] !== 0x20) throw new Unreadable("no encoding of DSSE");
  position += 1;
  const rest = length();
  const body = bytes.subarray(position);
  if (body.length !== rest) throw new Unreadable("no encoding of DSSE");
  return { type, body };
}

// Each field of a message as its label and its value in words; those of messages within it too.
// The head, which every statement has, comes apart.
function rows(body, fields, words, head) {
  const shown = [], present = new Set();
  for (const { number, wire, value } of read(body)) {
    const field = fields[number];
    present.add(String(number));
    if (!field) throw new Unreadable(`an unknown field ${number}`);
    if (field.kind === "message" || field.kind === "head") {
      const within = rows(bytesOf(value, wire), field.fields, words, head);
      (field.kind === "head" ? head : shown).push(...within);
      continue;
    }
    for (const text of texts(field, wire, value, words)) {
      const before = shown.at(-1);
      if (before && before.label === field.label) before.text += words.separator + text;
      else shown.push({ label: field.label, text });
    }
  }
  // What is not in the bytes says something too: a consent without a limit, a hold without an end.
  for (const [number, { label, absent }] of Object.entries(fields)) {
    if (absent && !present.has(number)) shown.push({ label, text: absent });
  }
  return shown;
}

function texts(field, wire, value, words) {
  switch (field.kind) {
    case "text": return [utf8.decode(bytesOf(value, wire)) || words.none];
    case "bytes": return [hex(bytesOf(value, wire))];
    case "time": return [time(bytesOf(value, wire))];
    case "duration": return [duration(bytesOf(value, wire), words)];
    // Repeated codes come packed: one length, then one number after another.
    case "code": return numbers(value, wire).map((one) => field.texts[one] ?? unknown(one));
    case "month": return numbers(value, wire).map((one) => `${one / 100n}-${String(one % 100n).padStart(2, "0")}`);
    default: return numbers(value, wire).map(String);
  }
}

function unknown(code) {
  throw new Unreadable(`an unknown code ${code}`);
}

function* read(body) {
  const reader = { body, position: 0 };
  while (reader.position < body.length) {
    const tag = varint(reader);
    const number = tag >> 3n, wire = Number(tag & 7n);
    if (wire === 0) {
      yield { number, wire, value: varint(reader) };
    } else if (wire === 2) {
      const end = Number(varint(reader)) + reader.position;
      if (end > body.length) throw new Unreadable("a field that ends after the message");
      yield { number, wire, value: body.subarray(reader.position, end) };
      reader.position = end;
    } else {
      throw new Unreadable(`the wire type ${wire}`);
    }
  }
}

function varint(reader) {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.body[reader.position];
    if (byte === undefined) break;
    reader.position += 1;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw new Unreadable("a number without an end");
}

function numbers(value, wire) {
  if (wire === 0) return [value];
  const reader = { body: value, position: 0 }, all = [];
  while (reader.position < value.length) all.push(varint(reader));
  return all;
}

function bytesOf(value, wire) {
  if (wire !== 2) throw new Unreadable("a number in the place of bytes");
  return value;
}

// google.protobuf.Timestamp and Duration: seconds are field 1, nanoseconds field 2.
// Each once: of a field that comes twice a reader of protobuf takes the last.
function timeOf(body) {
  const values = new Map();
  for (const { number, wire, value } of read(body)) {
    if (wire !== 0 || number < 1n || number > 2n || values.has(number)) throw new Unreadable("no time");
    values.set(number, BigInt.asIntN(64, value));
  }
  return { seconds: values.get(1n) ?? 0n, nanoseconds: values.get(2n) ?? 0n };
}

function duration(body, words) {
  const { seconds, nanoseconds } = timeOf(body);
  if (nanoseconds !== 0n) throw new Unreadable("a part of a second");
  const [text, unit] = seconds % 86400n === 0n ? [words.days, 86400n] : [words.seconds, 1n];
  return text.replace("{count}", String(seconds / unit));
}

function time(body) {
  const { seconds } = timeOf(body);
  return new Date(Number(seconds) * 1000).toISOString().replace("T", " ").replace(".000Z", " UTC");
}

export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
