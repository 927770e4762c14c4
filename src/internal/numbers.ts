/**
 * Names that go into logs, spans and metrics, as whoever is in a room has chosen them: without what
 * would write on another line, move the cursor of a terminal or turn the order of the text, and
 * without telephone numbers: LiveKit calls a caller, their
 * room and so the session by their number. A masked number has its last two digits and a keyed
 * hash, so one caller can be recognised without their number. It owns one key for the process: that
 * which a worker's secret gives, the same in all its processes, else one of its own.
 */
import { createHmac, randomBytes } from "node:crypto"

let key: Uint8Array | undefined

/** Takes the key from a secret that others have, too. */
export const keyedBy = (secret: string): void => {
  key = createHmac("sha256", secret).update("telephone numbers in logs").digest()
}

/** The key, for a process of the same worker. */
export const sharedKey = (): string => Buffer.from(key ??= randomBytes(32)).toString("base64")

/** Takes the key that another process of the worker has. */
export const shareKey = (shared: string): void => {
  key = Buffer.from(shared, "base64")
}

/**
 * Seven digits and more of any script that are no part of a word, with or without a plus and, after one, in groups; and
 * such as (555) 123-4567. Ids are left alone.
 */
const numbers = new RegExp(
  "[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?<![A-Za-z\\p{Nd}.])(?:" + [
    "(?:[+＋]|%2B)?\\p{Nd}{7,15}",
    "(?:[+＋]|%2B)\\p{Nd}(?:[\\p{Zs}().\\p{Pd}]{0,2}\\p{Nd}){6,14}",
    "\\(?\\p{Nd}{3}\\)?[\\p{Zs}.\\p{Pd}]{1,2}\\p{Nd}{3}[\\p{Zs}.\\p{Pd}]\\p{Nd}{4}"
  ].join("|") + ")(?![A-Za-z\\p{Nd}])",
  "giu"
)

/** A digit of any script as ours: of each they follow one another. */
const plain = (digit: string): string => {
  const code = digit.codePointAt(0) ?? 0
  let first = code
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--
  return String((code - first) % 10)
}

/** How much of the hash is told (letters, of four bits each). */
const told = 8

/** Digits of a hash as letters: a hash of digits would be a number itself, and be masked again. */
const lettered = (hex: string): string => hex.replaceAll(/\d/g, (digit) => "ghijklmnop".charAt(Number(digit)))

const mask = (number: string): string => {
  const digits = number.replace(/^%2B/i, "").replaceAll(/\P{Nd}/gu, "").replaceAll(/\p{Nd}/gu, plain)
  key ??= randomBytes(32)
  return `#${lettered(createHmac("sha256", key).update(digits).digest("hex")).slice(0, told)}..${digits.slice(-2)}`
}

/** What is longer (characters) is no name, and may be numbers throughout. */
const longestName = 1024

/** Control characters, ends of lines, and marks of direction. */
const unprintable = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu

/** A text for a terminal: the ends of its lines alone are kept of what cannot be printed. */
export const printable = (text: string): string =>
  text.toWellFormed().replaceAll(unprintable, (found) => found === "\n" ? found : "\ufffd")

/** A name without the numbers in it, of what can be printed in a line. */
export const masked = (name: string): string =>
  (name.length > longestName ? `${name.slice(0, longestName)}…` : name)
    .toWellFormed()
    .replaceAll(unprintable, "\ufffd")
    .replaceAll(numbers, (found) => /^[0-9a-f]{8}-.{27}$/i.test(found) ? found : mask(found))

/** Names and other facts, the names without the numbers in them. */
export const maskedAll = <A extends Readonly<Record<string, unknown>>>(facts: A): A =>
  Object.fromEntries(
    Object.entries(facts).map(([name, fact]) => [name, typeof fact === "string" ? masked(fact) : fact])
  ) as A
