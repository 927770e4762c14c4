/**
 * The turns of AssemblyAI's streaming, as transcripts.
 *
 * Each message of a turn holds all of it so far. With formatting, a turn of the Universal-Streaming models ends twice, in
 * small letters and then with punctuation: the first end is told as one that may be, and the second as the end. A turn is
 * told once, whatever comes of it afterwards.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Failure from "../../Failure.ts"
import { hint, maybe } from "../provider/hints.ts"
import { decodeJson } from "../provider/http.ts"
import * as languages from "../provider/languages.ts"
import { type Dialect, type Heard, type Message, nothing } from "../stt/conversation.ts"
import type * as Stt from "../stt/model.ts"
import { refusal } from "./refusals.ts"

/** What the turns depend on. */
export interface Options {
  readonly sampleRate: number
  /** Confidence at which a turn may be over. */
  readonly eagerThreshold: number | undefined
  /** Turns end twice. */
  readonly formatted: boolean
  /** The language where only one is spoken. */
  readonly language: string | undefined
}

/** Shortest and longest audio of a message (ms): AssemblyAI refuses what is shorter or longer (error 3007). */
export const pieceMs = { least: 50, most: 1000 } as const

/**
 * After so long without an answer (ms), a mark had no words before it: where there are some, they take a third of a second.
 * A session with heartbeats says something every 5 s.
 */
const [afterMs, aliveMs] = [1500, 6000]

const Turn = Schema.Struct({
  turn_order: hint(Schema.Finite),
  turn_is_formatted: hint(Schema.Boolean),
  end_of_turn: Schema.Boolean,
  end_of_turn_confidence: hint(Schema.Finite),
  transcript: maybe(Schema.String),
  utterance: hint(Schema.String),
  words: hint(Schema.Array(Schema.Struct({
    text: maybe(Schema.String),
    start: hint(Schema.Finite),
    end: hint(Schema.Finite),
    confidence: hint(Schema.Finite)
  }))),
  language_code: hint(Schema.String)
})

type Turn = typeof Turn.Type

const decodeKind = decodeJson(Schema.Struct({
  type: hint(Schema.String),
  error_code: hint(Schema.Finite),
  error: hint(Schema.String)
}))
const decodeTurn = decodeJson(Turn)

const message = (type: "ForceEndpoint" | "KeepAlive" | "Terminate"): string => JSON.stringify({ type })

/** Ends a session, which costs as long as it is open. */
export const terminate: string = message("Terminate")

const bare = (text: string): string => text.replaceAll(/\s+/g, "")

/** All of the turn so far: until its end, the transcript of a Universal-Streaming model lacks the words that may still change. */
const textOf = ({ end_of_turn, transcript, words }: Turn): string => {
  const whole = (transcript ?? "").trim()
  if (end_of_turn && whole !== "") return whole
  const joined = (words ?? []).map(({ text }) => text ?? "").filter((text) => text !== "").join(" ")
  return bare(joined).length > bare(whole).length ? joined : whole
}

/** The last word may end after the audio by its times: up to 1.3 s were seen. */
const transcript = (turn: Turn, sentMs: number, language: string | undefined): Stt.Transcript => {
  const words = (turn.words ?? []).flatMap(({ end, start, text }) => {
    if (typeof start !== "number" || typeof end !== "number") return []
    const from = Math.max(0, Math.min(start, sentMs))
    return [{ text: text ?? "", start: from, end: Math.max(from, Math.min(end, sentMs)) }]
  })
  const sure = (turn.words ?? []).flatMap(({ confidence }) => typeof confidence === "number" ? [confidence] : [])
  const [first] = words
  const last = words.at(-1)
  return {
    text: textOf(turn),
    final: false,
    ...(first === undefined || last === undefined ? undefined : { start: first.start, end: last.end, words }),
    ...(sure.length === 0
      ? undefined
      : { confidence: Math.min(1, Math.max(0, sure.reduce((sum, one) => sum + one, 0) / sure.length)) }),
    ...languages.heard(turn.language_code, language)
  }
}

/** Audio in pieces that it takes; what is too short for one waits for more. */
class Pieces {
  readonly #bytesPerMs: number
  #rest: Uint8Array = new Uint8Array(0)
  sentMs = 0

  constructor(sampleRate: number) {
    this.#bytesPerMs = sampleRate * 2 / 1000
  }

  push(bytes: Uint8Array): ReadonlyArray<Uint8Array> {
    this.sentMs += bytes.length / this.#bytesPerMs
    const all = new Uint8Array(this.#rest.length + bytes.length)
    all.set(this.#rest)
    all.set(bytes, this.#rest.length)
    if (all.length < this.#bytes(pieceMs.least)) {
      this.#rest = all
      return []
    }
    this.#rest = new Uint8Array(0)
    if (all.length <= this.#bytes(pieceMs.most)) return [all]
    const middle = Math.floor(all.length / 4) * 2
    return [all.subarray(0, middle), all.subarray(middle)]
  }

  /** What still waits, with silence after it: nothing follows whose time it would shift. */
  flush(): ReadonlyArray<Uint8Array> {
    if (this.#rest.length === 0) return []
    const last = new Uint8Array(this.#bytes(pieceMs.least))
    last.set(this.#rest)
    this.#rest = new Uint8Array(0)
    return [last]
  }

  #bytes(ms: number): number {
    return Math.ceil(ms * this.#bytesPerMs / 2) * 2
  }
}

/** Follows the turns of one connection. */
class Turns {
  readonly #options: Options
  readonly #sentMs: () => number
  /** The number of the last turn that was told as ended. */
  #ended = -1
  /** The turn that is going on, as it was heard last. */
  #open: Stt.Transcript | undefined
  #eager: string | undefined
  /** An end that is still to come with punctuation, and of which turn. */
  #plain: { readonly order: number; readonly heard: Stt.Transcript } | undefined
  /** Up to where each mark without an answer asks for words (ms). */
  #marks: Array<{ readonly at: number }> = []

  constructor(options: Options, sentMs: () => number) {
    this.#options = options
    this.#sentMs = sentMs
  }

  get isOpen(): boolean {
    return this.#open !== undefined
  }

  /** Takes a mark; what comes is its answer, where there is none yet, and none is on its way. */
  mark(): () => ReadonlyArray<Stt.Transcript> {
    const one = { at: this.#sentMs() }
    this.#marks.push(one)
    return () => {
      if (this.isOpen || !this.#marks.includes(one)) return []
      this.#marks = this.#marks.slice(this.#marks.indexOf(one) + 1)
      return [{ text: "", final: true, end: Math.round(one.at) }]
    }
  }

  hear(turn: Turn): ReadonlyArray<Stt.Transcript> {
    const { turn_order } = turn
    const order = typeof turn_order === "number" && turn_order >= 0 ? turn_order : this.#ended + 1
    const before = this.#plain !== undefined && this.#plain.order !== order ? this.owed() : []
    if (order <= this.#ended) return before
    const heard = transcript(turn, this.#sentMs(), this.#options.language)
    return [...before, ...(turn.end_of_turn ? this.#end(turn, order, heard) : this.#goOn(turn, heard))]
  }

  /** What was heard and not told as final, where nothing more comes. */
  owed(): ReadonlyArray<Stt.Transcript> {
    const heard = this.#plain?.heard ?? this.#open
    if (heard === undefined) return []
    return [this.#final(this.#plain?.order ?? this.#ended + 1, heard)]
  }

  #final(order: number, heard: Stt.Transcript): Stt.Transcript {
    this.#ended = order
    this.#open = undefined
    this.#plain = undefined
    this.#eager = undefined
    const { end = 0 } = heard
    const found = this.#marks.findIndex(({ at }) => at >= end)
    this.#marks = found === -1 ? [] : this.#marks.slice(found + 1)
    return { ...heard, final: true, turn: "ended" }
  }

  #end(turn: Turn, order: number, heard: Stt.Transcript): ReadonlyArray<Stt.Transcript> {
    if (heard.text !== "") {
      if (!this.#options.formatted || turn.turn_is_formatted === true) return [this.#final(order, heard)]
      this.#plain = { order, heard }
      this.#open = heard
      this.#eager = heard.text
      return [{ ...heard, turn: "eager" }]
    }
    // There were no words, or those that there seemed to be are taken back; more of this turn may come.
    const mark = this.#marks.shift()
    const wasOpen = this.isOpen
    if (mark === undefined && !wasOpen) return []
    this.#open = undefined
    this.#eager = undefined
    const end = mark === undefined ? undefined : { end: Math.round(mark.at) }
    return [{ text: "", final: true, ...end, ...(wasOpen ? { turn: "ended" } : undefined) }]
  }

  #goOn(turn: Turn, heard: Stt.Transcript): ReadonlyArray<Stt.Transcript> {
    if (heard.text === "") return []
    const started = this.#open === undefined
    this.#open = heard
    if (this.#isEager(turn)) {
      this.#eager = heard.text
      return [...(started ? [{ ...heard, turn: "started" } as const] : []), { ...heard, turn: "eager" }]
    }
    const resumed = this.#eager !== undefined && bare(this.#eager) !== bare(heard.text)
    if (resumed) this.#eager = undefined
    return [{ ...heard, ...(started ? { turn: "started" } : resumed ? { turn: "resumed" } : undefined) }]
  }

  /** It is sure enough, or has heard a whole utterance. */
  #isEager({ end_of_turn_confidence, utterance }: Turn): boolean {
    const { eagerThreshold } = this.#options
    return eagerThreshold !== undefined &&
      ((end_of_turn_confidence ?? 0) >= eagerThreshold || (utterance ?? "").trim() !== "")
  }
}

/** One connection. */
export const dialect = (options: Options): Dialect => {
  const pieces = new Pieces(options.sampleRate)
  const turns = new Turns(options, () => pieces.sentMs)
  /** The turn that goes on was asked to end, for there is no audio. */
  let forced = false
  const turned = (turn: Turn): Heard => {
    forced &&= !turn.end_of_turn
    return { transcripts: turns.hear(turn) }
  }
  return {
    audio: (bytes) => {
      forced = false
      return pieces.push(bytes)
    },
    finalize: () => [message("ForceEndpoint")],
    unanswered: { afterMs, aliveMs, mark: () => turns.mark() },
    end: () => ({ messages: [...pieces.flush(), terminate] }),
    // Silence would end the turn, but there is no audio at all.
    keepAlive: () => {
      const ends = turns.isOpen && !forced
      forced ||= ends
      return [message(ends ? "ForceEndpoint" : "KeepAlive")]
    },
    owed: () => turns.owed(),
    hear: (given: Message) => {
      if (typeof given !== "string") return Effect.succeed(nothing)
      return Effect.flatMap(decodeKind(given), ({ error, error_code, type }): Effect.Effect<Heard, Failure.Reason> => {
        switch (type) {
          case "Turn":
            return Effect.map(decodeTurn(given), turned)
          case "Termination":
            return Effect.sync(() => ({ transcripts: turns.owed(), done: true }))
          case "Error":
            return Effect.fail(
              typeof error_code === "number"
                ? refusal(error_code, error ?? "")
                : new Failure.Broken({ detail: "it reported an error" })
            )
          default:
            return Effect.succeed(nothing)
        }
      })
    }
  }
}
