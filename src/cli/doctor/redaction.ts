/**
 * What a capture may hold: the shape of each message, the codes and the times,
 * and no key, voice or word. Letters become `x` and digits `0`, so that lengths,
 * spaces and signs stay; audio becomes silence of the same length; an identifier
 * becomes a number that is the same wherever the identifier stood.
 */
import * as Predicate from "effect/Predicate"

/** Fields whose values are codes and settings, where they look like ones. */
const facts = new Set([
  "type",
  "message_type",
  "event",
  "object",
  "role",
  "status",
  "state",
  "code",
  "param",
  "model",
  "finish_reason",
  "reason",
  "language",
  "language_code",
  "encoding",
  "format",
  "audio_format",
  "output_format",
  "response_format",
  "sample_rate",
  "channels",
  "interim_results",
  "recognitionstatus",
  "service_tier",
  "path",
  "content-type",
  "retry-after"
])

const fact = /^(?!\/)[\w.:/;=-]{1,64}$/
const times = /time|start|end|duration|offset|ms$/i
const identifier = /(?:^|[_-])id$|Id$|^id$|^sha/i
const base64 = /^[\w+/-]{64,}={0,2}$/

const masked = (text: string): string => text.replaceAll(/\p{L}\p{M}*/gu, "x").replaceAll(/\p{N}/gu, "0")

const silent = (text: string): string => "A".repeat(text.replace(/=+$/, "").length).padEnd(text.length, "=")

/** Text that a program prints: on one line, without what looks like a key. */
export const printable = (text: string, secrets: ReadonlyArray<string>): string =>
  secrets.reduce((text, secret) => text.replaceAll(secret, "…"), text)
    .replaceAll(/\p{Cc}+/gu, " ")
    .replaceAll(/\b(?=[\w*-]*[\d*])[\w*-]{16,}/g, "…")
    .replaceAll(/\b(sk|pk|key|token)[-_][\w*-]+/gi, "$1-…")
    .trim()
    .slice(0, 200)

/** Redacts the messages of one capture. */
export class Redaction {
  private readonly ids = new Map<string, string>()

  private readonly secrets: ReadonlyArray<string>
  private readonly words: boolean

  constructor(secrets: ReadonlyArray<string>, words: boolean) {
    this.secrets = secrets
    this.words = words
  }

  /** The value of a field, a header or a parameter. */
  value(name: string, text: string): string {
    if (this.secrets.some((secret) => text.includes(secret))) return "…"
    if (/key|token|secret|auth|password|signature|cookie/i.test(name)) return "…"
    if (identifier.test(name)) return this.id(text)
    if (facts.has(name.toLowerCase()) && fact.test(text)) return text
    if (base64.test(text)) return silent(text)
    return this.words ? text : masked(text)
  }

  /** A URL without its host. */
  path(url: string): string {
    const { pathname, searchParams } = new URL(url)
    const path = pathname.split("/").map((part) => /\d/.test(part) && part.length >= 16 ? this.id(part) : part).join(
      "/"
    )
    const query = Array.from(
      searchParams,
      ([name, value]) =>
        `${name}=${encodeURIComponent(/^(?:true|false|\d{1,6})$/.test(value) ? value : this.value(name, value))}`
    )
    return query.length === 0 ? path : `${path}?${query.join("&")}`
  }

  /** A message: JSON, lines of server-sent events, headers with a body, or plain words. */
  text(text: string): string {
    const head = /^(?:[\w-]+:[^\r\n]*\r\n)+\r\n/.exec(text)?.[0]
    if (head === undefined) {
      return this.json(text) ?? text.split(/(?<=\n)/).map((line) => this.line(line)).join("")
    }
    const lines = head.trimEnd().split("\r\n").map((line) => {
      const at = line.indexOf(":")
      return `${line.slice(0, at)}:${this.value(line.slice(0, at), line.slice(at + 1).trim())}`
    })
    return `${lines.join("\r\n")}\r\n\r\n${this.text(text.slice(head.length))}`
  }

  private line(line: string): string {
    const [, field = "", value = "", end = ""] = /^(data|event|id|retry):[ ]?([^\r\n]*)([\r\n]*)$/.exec(line) ?? []
    if (field === "") return line.trim() === "" ? line : this.words ? this.value("", line) : masked(line)
    if (field !== "data") return `${field}: ${this.value(field, value)}${end}`
    return `data: ${value === "[DONE]" ? value : this.json(value) ?? this.value("", value)}${end}`
  }

  private json(text: string): string | undefined {
    try {
      return JSON.stringify(this.tree("", JSON.parse(text)))
    } catch {
      return undefined
    }
  }

  private tree(name: string, node: unknown): unknown {
    if (typeof node === "string") return this.value(name, node)
    // The numbers of tokens and bytes are words, too; where words begin and end is not.
    if (Array.isArray(node) && !this.words && !times.test(name) && node.every(Predicate.isNumber)) {
      return node.map(() => 0)
    }
    if (Array.isArray(node)) return node.map((item) => this.tree(name, item))
    if (!Predicate.isObject(node)) return node
    return Object.fromEntries(Object.entries(node).map(([name, item]) => [name, this.tree(name, item)]))
  }

  private id(text: string): string {
    const known = this.ids.get(text) ?? `id-${this.ids.size + 1}`
    this.ids.set(text, known)
    return known
  }
}
