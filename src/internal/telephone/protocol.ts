/**
 * The messages of Twilio's media streams, as plain data. Each message from the other side becomes
 * one of these or `undefined`. Nothing here throws, and no part of a message is kept.
 */
import * as Predicate from "effect/Predicate"
import * as Audio from "../../Audio.ts"
import { keysOf } from "../room/keys.ts"

/** What a stream says of itself when it begins. */
export interface Start {
  readonly streamSid: string
  readonly callSid: string
  readonly accountSid: string | undefined
  readonly parameters: Readonly<Record<string, string>>
}

export type Message =
  | { readonly _tag: "Connected" }
  | { readonly _tag: "Start"; readonly start: Start }
  /** Its audio is in another coding than telephones have. */
  | { readonly _tag: "Unplayable"; readonly coding: string }
  | {
    readonly _tag: "Media"
    readonly samples: Int16Array
    /** Which piece it is, from 1, and when it begins (ms), where that is told. */
    readonly chunk: number | undefined
    readonly at: number | undefined
  }
  | { readonly _tag: "Mark"; readonly name: string }
  | { readonly _tag: "Keys"; readonly digits: string }
  | { readonly _tag: "Stop" }
  /** Known, and of no use to us: the agent's own voice, say. */
  | { readonly _tag: "Other" }

/** What telephones carry. */
export const rate = 8000
const ours = "audio/x-mulaw"
/** The same, as others call it. */
const mulaw = /^(?:audio\/)?(?:x-)?(?:mulaw|ulaw|pcmu|g711u(?:law)?)(?:; ?rate=8000)?$/i

// A second: the carrier sends 20 ms at once.
const longest = rate
const sidLike = /^[\w-]{1,64}$/
const mostParameters = 64
const mostKeys = 64
const longestParameter = 2048

const text = (value: unknown): string | undefined => typeof value === "string" ? value : undefined

const sid = (value: unknown): string | undefined => typeof value === "string" && sidLike.test(value) ? value : undefined

/** The carrier writes its numbers as texts. */
const count = (value: unknown): number | undefined => {
  if (typeof value !== "string" && typeof value !== "number") return undefined
  const number = value === "" ? Number.NaN : Number(value)
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined
}

const member = (value: unknown, name: string): unknown =>
  Predicate.hasProperty(value, name) && Object.hasOwn(value, name) ? value[name] : undefined

const parametersOf = (value: unknown): Record<string, string> | undefined => {
  if (value === undefined || value === null) return {}
  if (typeof value !== "object") return undefined
  const all = Object.entries(value)
  if (all.length > mostParameters) return undefined
  // A carrier writes them as texts; what another has else is no reason to lose the call.
  const entries = all.flatMap(([name, value]): ReadonlyArray<readonly [string, string]> =>
    ["string", "number", "boolean"].includes(typeof value) ? [[name, String(value)]] : []
  )
  const fit = entries.every(([name, value]) => name.length <= longestParameter && value.length <= longestParameter)
  return fit ? Object.fromEntries(entries) : undefined
}

/** What it says of its audio, as far as that is a word or a number. */
const codingOf = (coding: unknown, hz: number | undefined, channels: number | undefined): string => {
  const named = typeof coding === "string" && /^[\w/-]{1,32}$/.test(coding) ? coding : "another coding"
  return `${named} at ${hz ?? "another number of"} Hz${channels === 1 ? "" : `, ${channels ?? "several"} channels`}`
}

const startOf = (message: unknown): Message | undefined => {
  const start = member(message, "start")
  const streamSid = sid(member(start, "streamSid")) ?? sid(member(message, "streamSid"))
  const callSid = sid(member(start, "callSid"))
  const parameters = parametersOf(member(start, "customParameters"))
  if (streamSid === undefined || callSid === undefined || parameters === undefined) return undefined
  const format = member(start, "mediaFormat")
  const coding = member(format, "encoding") ?? ours
  const [hz, channels] = [member(format, "sampleRate") ?? rate, member(format, "channels") ?? 1].map(count)
  if (typeof coding !== "string" || !mulaw.test(coding) || hz !== rate || channels !== 1) {
    return { _tag: "Unplayable", coding: codingOf(coding, hz, channels) }
  }
  return { _tag: "Start", start: { streamSid, callSid, accountSid: sid(member(start, "accountSid")), parameters } }
}

const mediaOf = (media: unknown): Message | undefined => {
  const track = member(media, "track") ?? "inbound"
  if (typeof track !== "string" || !/^inbound/i.test(track)) return { _tag: "Other" }
  const payload = text(member(media, "payload"))
  if (payload === undefined) return undefined
  const bytes = Buffer.from(payload, "base64")
  if (bytes.length === 0 || bytes.length > longest) return undefined
  return {
    _tag: "Media",
    samples: Audio.decodeMulaw(bytes),
    chunk: count(member(media, "chunk")),
    at: count(member(media, "timestamp"))
  }
}

/** Reads a message; nothing where it is none. */
export const read = (received: string | Uint8Array): Message | undefined => {
  let message: unknown
  try {
    message = JSON.parse(
      typeof received === "string" ? received.replace(/^\uFEFF/, "") : new TextDecoder().decode(received)
    )
  } catch {
    return undefined
  }
  switch (member(message, "event")) {
    case "media":
      return mediaOf(member(message, "media"))
    case "mark": {
      const name = text(member(member(message, "mark"), "name"))
      return name === undefined ? undefined : { _tag: "Mark", name }
    }
    case "dtmf": {
      // Of the fourth column of keys some write small letters.
      const told = member(member(message, "dtmf"), "digit")
      const pressed = typeof told === "string" || typeof told === "number" ? String(told).toUpperCase() : ""
      // A word for a key has letters that are keys, too.
      const digits = pressed.length <= mostKeys && /^[\s,\d*#A-D]+$/.test(pressed) ? keysOf(pressed, -1) : []
      return digits.length === 0 ? undefined : { _tag: "Keys", digits: digits.join("") }
    }
    case "connected":
      return { _tag: "Connected" }
    case "start":
      return startOf(message)
    case "stop":
      return { _tag: "Stop" }
    default:
      return typeof member(message, "event") === "string" ? { _tag: "Other" } : undefined
  }
}

/** Writes what is sent on one stream. */
export const writer = (streamSid: string) => {
  const sidJson = JSON.stringify(streamSid)
  const head = `{"event":"media","streamSid":${sidJson},"media":{"payload":"`
  const clear = `{"event":"clear","streamSid":${sidJson}}`
  return {
    media: (samples: Int16Array): string =>
      `${head}${Buffer.from(Audio.encodeMulaw(samples).buffer).toString("base64")}"}}`,
    mark: (name: string): string => `{"event":"mark","streamSid":${sidJson},"mark":{"name":${JSON.stringify(name)}}}`,
    clear
  }
}
