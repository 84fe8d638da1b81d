// Verifies in this browser that a signed statement is in the bureau's log: nothing but the page's
// own data and WebCrypto. docs/auditors.md and RFC 6962 say the same in words.
import { fromBase64 } from "./keys.js";
import { hex } from "./statement.js";

const utf8 = new TextEncoder();
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", concatenated(...parts)));

// Returns what was computed in each step; throws if a step fails.
//
// entry: message, the signed bytes, or digest, their SHA-256, for who may not read them; kind, time, answer, salt: what the leaf commits to; index,
// proof: where it is; checkpoint: the signed note that the proof leads to.
export async function verify(entry, logKey) {
  const steps = [];

  // 1. The digest of the very bytes that were signed.
  const digest = entry.message ? await sha256(fromBase64(entry.message)) : fromHex(entry.digest);
  steps.push(hex(digest));

  // 2. The leaf: a commitment to five lines, under a salt that only the receipt has.
  const lines = ["creditbureau/leaf/v1", entry.kind, hex(digest), entry.answer || "-", entry.time].join("\n") + "\n";
  const key = await crypto.subtle.importKey("raw", fromBase64(entry.salt), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const commitment = new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8.encode(lines)));
  const leaf = await sha256([0], commitment);
  steps.push(hex(leaf));

  // 3. From the leaf along the proof to the root of the tree.
  const checkpoint = opened(entry.checkpoint);
  const root = await rootOf(leaf, BigInt(entry.index), checkpoint.size, entry.proof.map(fromBase64));
  steps.push(hex(root));

  // 4. The checkpoint has that root.
  if (hex(root) !== hex(checkpoint.root)) throw new Error("the root is not that of the checkpoint");
  steps.push(`${checkpoint.origin}, ${checkpoint.size}`);

  // 5. The log's key signed the checkpoint.
  await verifySignature(checkpoint, await parsedKey(logKey));
  steps.push(logKey);
  return steps;
}

// Returns a checkpoint that the log's key signed; throws otherwise.
export async function verifyCheckpoint(note, logKey) {
  const checkpoint = opened(note);
  await verifySignature(checkpoint, await parsedKey(logKey));
  return checkpoint;
}

// The root that an inclusion proof leads to (RFC 9162, section 2.1.3.2).
export async function rootOf(leaf, index, size, proof) {
  if (index < 0n || index >= size) throw new Error("the index is not in the tree");
  let node = leaf, position = index, last = size - 1n;
  for (const sibling of proof) {
    if (last === 0n) throw new Error("the proof is too long");
    if (position & 1n || position === last) {
      node = await sha256([1], sibling, node);
      while (position !== 0n && !(position & 1n)) { position >>= 1n; last >>= 1n; }
    } else {
      node = await sha256([1], node, sibling);
    }
    position >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) throw new Error("the proof is too short");
  return node;
}

// A checkpoint is a signed note: text, an empty line, signatures (C2SP tlog-checkpoint).
function opened(note) {
  const end = note.lastIndexOf("\n\n");
  if (end < 0) throw new Error("no signed note");
  const text = note.slice(0, end + 1), [origin, size, root] = text.split("\n");
  if (!/^(0|[1-9][0-9]*)$/.test(size)) throw new Error("no checkpoint");
  return { text, origin, size: BigInt(size), root: fromBase64(root), signatures: note.slice(end + 2).split("\n") };
}

// The key in text, `name+hash+base64`: its hash is that of the name and the key.
async function parsedKey(text) {
  const [name, hash] = text.split("+", 2);
  const data = fromBase64(text.slice(name.length + hash.length + 2));
  const mark = (await sha256(utf8.encode(`${name}\n`), data)).subarray(0, 4);
  if (data[0] !== 1 || data.length !== 33 || hex(mark) !== hash) throw new Error("no Ed25519 key of a log");
  return { name, mark, raw: data.subarray(1) };
}

async function verifySignature(checkpoint, key) {
  if (checkpoint.origin !== key.name) throw new Error("the checkpoint is of another log");
  const start = `\u2014 ${key.name} `;
  for (const line of checkpoint.signatures.filter((one) => one.startsWith(start))) {
    const data = fromBase64(line.slice(start.length));
    if (hex(data.subarray(0, 4)) !== hex(key.mark)) continue;
    const publicKey = await crypto.subtle.importKey("raw", key.raw, { name: "Ed25519" }, false, ["verify"]);
    const text = utf8.encode(checkpoint.text);
    if (await crypto.subtle.verify({ name: "Ed25519" }, publicKey, data.subarray(4), text)) return;
    throw new Error("the signature of the log does not verify");
  }
  throw new Error("the log's key did not sign the checkpoint");
}

function fromHex(text) {
  return Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
}

function concatenated(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}
