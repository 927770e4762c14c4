/** How a recogniser's answer is read. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Failure from "../../Failure.ts"
import { hint } from "../provider/hints.ts"
import { decodeJson } from "../provider/http.ts"
import type * as Stt from "./model.ts"

export interface Answer {
  readonly decode: (text: string) => Effect.Effect<Stt.Recognition, Failure.Reason>
}

export const json = <A>(schema: Schema.Codec<A, unknown>, recognition: (answer: A) => Stt.Recognition): Answer => {
  const decode = decodeJson(schema)
  return { decode: (text) => Effect.map(decode(text), recognition) }
}

/** A line of subtitles (SRT, WebVTT), or of a program that prints the times of what it hears, that has no words. */
const timing =
  /^(?:WEBVTT.*|(?:NOTE|Kind:|Language:).*|(?:\d{1,2}:)?\d{1,2}:\d{2}[.,]\d{1,3} *--> *(?:\d{1,2}:)?\d{1,2}:\d{2}[.,]\d{1,3}.*)$/
const stamp = /^\[(?:\d{1,2}:)?\d{1,2}:\d{2}[.,]\d{1,3} *--> *(?:\d{1,2}:)?\d{1,2}:\d{2}[.,]\d{1,3}\]/

/** The words of subtitles alone: a number counts one only before its times. */
const unsubtitled = (text: string): string => {
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  if (!lines.some((line) => timing.test(line) || stamp.test(line))) return text
  return lines.filter((line, at) => !timing.test(line) && !(/^\d+$/.test(line) && timing.test(lines[at + 1] ?? "")))
    .map((line) => line.replace(stamp, "").replaceAll(/<[^<>]{1,40}>/g, "")).join(" ")
}

/** Some servers tell the words as a text of JSON. */
const unquoted = (text: string): string => {
  if (!/^\s*"[^]*"\s*$/.test(text)) return text
  try {
    const told: unknown = JSON.parse(text)
    return typeof told === "string" ? told : text
  } catch {
    return text
  }
}

const noWords = new Failure.InvalidResponse({ detail: "the answer is a page or JSON, and not the words alone" })

/** A page of a proxy, or an answer of another form, is not what was said. */
const isOther = (text: string): boolean => {
  if (/^\s*<(?:!doctype\b|\?xml\b|[a-z][a-z0-9]*[\s>])/i.test(text)) return true
  if (!/^\s*[{[]/.test(text)) return false
  try {
    return typeof JSON.parse(text) === "object"
  } catch {
    return false
  }
}

/** The words, with single spaces between them. */
export const plain: Answer = {
  decode: (body) => {
    const text = unquoted(body.replace(/^\uFEFF/, ""))
    return isOther(text)
      ? Effect.fail(noWords)
      : Effect.succeed({ text: unsubtitled(text).trim().replaceAll(/\s+/g, " ") })
  }
}

/** `{ transcript, confidence? }`, as most small servers have it. */
export const transcript: Answer = json(
  Schema.Struct({ transcript: Schema.String, confidence: hint(Schema.Finite) }),
  ({ confidence, transcript }) => ({ text: transcript, confidence: confidence ?? undefined })
)
