/** The door to cryptography: AES-256-GCM under a key of each file's own. */
import { createCipheriv, createDecipheriv, hkdfSync, timingSafeEqual } from "node:crypto"

export const keyBytes = 32
export const tagBytes = 16
export const saltBytes = 32
export const checkBytes = 16

export interface FileKey {
  readonly secret: Uint8Array
  /** Tells a wrong key from a damaged file, and nothing about the key. */
  readonly check: Uint8Array
}

/** A key that is never used for another file, so that numbers are nonces. */
export const fileKey = (key: Uint8Array, salt: Uint8Array): FileKey => {
  const bytes = new Uint8Array(hkdfSync("sha256", key, salt, "effect-voice recording 1", keyBytes + checkBytes))
  return { secret: bytes.subarray(0, keyBytes), check: bytes.subarray(keyBytes) }
}

export const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b)

const nonce = (number: number): Uint8Array => {
  const bytes = new Uint8Array(12)
  new DataView(bytes.buffer).setBigUint64(4, BigInt(number))
  return bytes
}

/** Cipher text and tag. `head` is authenticated, too. */
export const seal = (key: FileKey, number: number, head: Uint8Array, plain: Uint8Array): ReadonlyArray<Uint8Array> => {
  const cipher = createCipheriv("aes-256-gcm", key.secret, nonce(number))
  cipher.setAAD(head)
  return [cipher.update(plain), cipher.final(), cipher.getAuthTag()]
}

/** The plain text, unless it is another than was sealed. */
export const unseal = (
  key: FileKey,
  number: number,
  head: Uint8Array,
  sealed: Uint8Array
): Uint8Array | undefined => {
  const end = sealed.length - tagBytes
  const decipher = createDecipheriv("aes-256-gcm", key.secret, nonce(number))
  decipher.setAAD(head)
  decipher.setAuthTag(sealed.subarray(end))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()])
  } catch {
    return undefined
  }
}
