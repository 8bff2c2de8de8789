// Who may speak: whoever has one of the two keys. A datagram is a head (what it is, and which key seals it), the message,
// and an HMAC over both; what does not fit is nobody's, and is not answered.
import { createHash, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { decode, encode, MAX_BODY_BYTES, type Message } from "./message";

export const KEY_BYTES = 32;
const ID_BYTES = 4;
const TAG_BYTES = 16;
/** "pp", and the version of all this. */
const MAGIC = Buffer.from([0x70, 0x70, 1]);
const HEAD_BYTES = MAGIC.length + ID_BYTES;
export const MAX_DATAGRAM_BYTES = HEAD_BYTES + MAX_BODY_BYTES + TAG_BYTES;

export interface Key {
  /** Names the key and tells nothing of it. */
  readonly id: number;
  readonly secret: Buffer;
  /** The same, as the library wants it: made of bytes for each message it would take Node.js 24 five times as long. */
  readonly sealing: KeyObject;
}

/** Two keys at most, so that one can be replaced while the other is understood everywhere. */
export interface Keys {
  /** Seals what this process says first. */
  readonly present: Key;
  /** Understood too: the former one, or the coming one. */
  readonly other?: Key;
}

/** Undefined where it has the wrong length. */
export function keyOf(secret: Buffer): Key | undefined {
  if (secret.length !== KEY_BYTES) return undefined;
  const digest = createHash("sha256").update("podpin heartbeat key").update(secret).digest();
  return { id: digest.readUInt32BE(0), secret, sealing: createSecretKey(secret) };
}

export function seal(message: Message, key: Key): Buffer {
  const datagram = encode(message, HEAD_BYTES, TAG_BYTES);
  MAGIC.copy(datagram);
  datagram.writeUInt32BE(key.id, MAGIC.length);
  const sealed = datagram.length - TAG_BYTES;
  tagOf(key, datagram.subarray(0, sealed)).copy(datagram, sealed);
  return datagram;
}

/** Why a datagram was dropped. */
export type Refusal = "malformed" | "unknown key" | "not authentic";

/** The message and its key, with which an answer is sealed: whoever asked understands that one for certain. */
export type Opened = { readonly message: Message; readonly key: Key } | { readonly refused: Refusal };

export function open(datagram: Buffer, keys: Keys): Opened {
  const { length } = datagram;
  if (length <= HEAD_BYTES + TAG_BYTES || length > MAX_DATAGRAM_BYTES) return { refused: "malformed" };
  if (!datagram.subarray(0, MAGIC.length).equals(MAGIC)) return { refused: "malformed" };
  const id = datagram.readUInt32BE(MAGIC.length);
  const key = [keys.present, keys.other].find((known) => known?.id === id);
  if (key === undefined) return { refused: "unknown key" };
  const sealed = length - TAG_BYTES;
  const right = tagOf(key, datagram.subarray(0, sealed));
  if (!timingSafeEqual(right, datagram.subarray(sealed))) return { refused: "not authentic" };
  const message = decode(datagram.subarray(HEAD_BYTES, sealed));
  return message === undefined ? { refused: "malformed" } : { message, key };
}

function tagOf(key: Key, sealed: Buffer): Buffer {
  return createHmac("sha256", key.sealing).update(sealed).digest().subarray(0, TAG_BYTES);
}
