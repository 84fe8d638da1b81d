// The person's keys, which this browser keeps and never gives away.
//
// Each is an Ed25519 key of WebCrypto that is not extractable: scripts can sign with it, and no
// script can read it. IndexedDB keeps it beside the subject id that it belongs to.

const DATABASE = "credit-portal", STORE = "keys", ALGORITHM = { name: "Ed25519" };

export async function isAble() {
  try {
    const pair = await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
    return Boolean(pair.privateKey && window.indexedDB);
  } catch {
    return false; // a browser without Ed25519, or a page that did not come over TLS
  }
}

export async function generate(subjectId) {
  const pair = await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
  return keep(subjectId, pair.privateKey, await crypto.subtle.exportKey("raw", pair.publicKey));
}

// A key.pem of a wallet's folder: PKCS#8 (RFC 8410), without a passphrase.
export async function bring(subjectId, pem) {
  const lines = pem.replace(/-----[A-Z ]+-----/g, "").replace(/\s/g, "");
  const bytes = fromBase64(lines);
  // WebCrypto tells the public half of an extractable key only. This copy is dropped at once.
  const open = await crypto.subtle.importKey("pkcs8", bytes, ALGORITHM, true, ["sign"]);
  const { x } = await crypto.subtle.exportKey("jwk", open);
  const publicKey = fromBase64(x.replaceAll("-", "+").replaceAll("_", "/"));
  const key = await crypto.subtle.importKey("pkcs8", bytes, ALGORITHM, false, ["sign"]);
  bytes.fill(0);
  return keep(subjectId, key, publicKey.buffer);
}

export async function sign(publicKey, message) {
  const entry = (await all()).find((one) => one.publicKey === publicKey);
  if (!entry) throw new Error("this browser has no such key");
  return toBase64(await crypto.subtle.sign(ALGORITHM, entry.key, message));
}

export async function all() {
  return request("readonly", (store) => store.getAll());
}

export async function forget(publicKey) {
  return request("readwrite", (store) => store.delete(publicKey));
}

async function keep(subjectId, key, raw) {
  const entry = { publicKey: toBase64(raw), subjectId, key };
  await request("readwrite", (store) => store.put(entry));
  return entry.publicKey;
}

async function request(mode, action) {
  const database = await settled(Object.assign(indexedDB.open(DATABASE, 1), {
    onupgradeneeded: (event) => event.target.result.createObjectStore(STORE, { keyPath: "publicKey" }),
  }));
  try {
    return await settled(action(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function settled(pending) {
  return new Promise((resolve, reject) => {
    pending.onsuccess = () => resolve(pending.result);
    pending.onerror = () => reject(pending.error);
  });
}

export function toBase64(buffer) {
  return btoa(String.fromCharCode(...new Uint8Array(buffer)));
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
