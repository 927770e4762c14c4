/**
 * Speech over Cartesia's WebSocket: text goes out as it comes, audio and the times of its words come back.
 *
 * A speech is one context, or several one after the other: a context ends by itself one second after its last audio, and
 * takes no text then, so that one whose text pauses is ended before and the next text begins another. Each context has a
 * connection for itself, which serves the next one when the context has ended in order. One that is interrupted is cancelled
 * and its connection closed: what Cartesia still says of it is heard by nobody.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import type * as Tts from "../../Tts.ts"
import { decodeAudio } from "../provider/base64.ts"
import { hint, maybe } from "../provider/hints.ts"
import { decodeJson } from "../provider/http.ts"
import { cutter, fileKind, notBare } from "../provider/pcm.ts"
import { farewell } from "../provider/socket.ts"
import type { Loan } from "../provider/standby.ts"
import { monotonic } from "../steady.ts"
import { Aligner } from "../tts/aligner.ts"
import { fed } from "../tts/fed.ts"
import { hasWords } from "../tts/pieces.ts"
import { refusal } from "./refusals.ts"

/** How one speech is asked for. */
export interface Options {
  readonly format: Audio.Format
  readonly lend: Effect.Effect<Loan, Failure.Reason, Scope.Scope>
  /** What each message of a context says alike: voice, model and format. */
  readonly manner: Readonly<Record<string, unknown>>
  readonly fail: (reason: Failure.Reason) => Tts.TtsError
}

/**
 * Chunks that wait for the listener before the connection is no longer read: half a minute, for whoever reads late does not
 * know when the context ends.
 */
const maxUnheard = 512

/** A context is ended when for so long (ms) there was neither audio nor text: Cartesia ends it after 1 s, by its own account. */
const idleMs = 700

/**
 * A word counts from another beginning than that of the context if it begins so much before the end of the one before it
 * (ms): the first of a piece of the text, and any other.
 */
const againMs = { first: 50, other: 1000 } as const

const decode = decodeJson(Schema.Struct({
  type: hint(Schema.String),
  context_id: hint(Schema.String),
  data: maybe(Schema.String),
  flush_id: hint(Schema.Finite),
  word_timestamps: hint(Schema.Struct({
    words: Schema.Array(Schema.String),
    start: Schema.Array(Schema.Finite),
    end: Schema.Array(Schema.Finite)
  })),
  status_code: hint(Schema.Finite),
  error_code: hint(Schema.String),
  title: hint(Schema.String),
  message: hint(Schema.String)
}))

type Answer = Effect.Success<ReturnType<typeof decode>>

/** Words come without the signs around them, or with them. */
const isSilent = (char: string): boolean => !/[\p{L}\p{N}\p{M}]/u.test(char)

/** The audio of a speech, and where its words are in it. */
class Course {
  readonly #format: Audio.Format
  readonly #aligner = new Aligner({ isSilent, absolute: true })
  #cut: ReturnType<typeof cutter>
  #samples = 0
  /** Where the times of the present context count from, and where its last word began and ended (ms). */
  #base = 0
  #last = 0
  #end = 0
  /** The piece of text that is spoken, by its number; where it begins (ms), and that no word of it was told. */
  #piece: { readonly number: number; readonly at: number; readonly untold: boolean } | undefined

  constructor(format: Audio.Format) {
    this.#format = format
    this.#cut = cutter(format)
  }

  get #now(): number {
    return this.#samples / this.#format.channels / this.#format.sampleRate * 1000
  }

  get #nothing(): Audio.Frame {
    return { ...this.#format, samples: new Int16Array(0) }
  }

  /** No audio has come. */
  get isSilent(): boolean {
    return this.#samples === 0
  }

  /** The next context's audio follows. */
  begin(): void {
    this.#cut = cutter(this.#format)
    this.#base = this.#last = this.#end = this.#now
    this.#piece = undefined
  }

  /** The audio of a piece of the text follows. */
  piece(number: number): void {
    if (number !== this.#piece?.number) this.#piece = { number, at: this.#now, untold: true }
  }

  append(text: string): void {
    this.#aligner.append(text)
  }

  /** Audio, and what is known of the words in it. */
  audio(bytes: Uint8Array): Tts.Chunk {
    const before = this.#now
    const frame = this.#cut(bytes) ?? this.#nothing
    this.#samples += frame.samples.length
    return { frame, alignment: this.#aligner.push(undefined, before, this.#now) }
  }

  /** Words whose audio is there, and maybe others. */
  words({ end, start, words }: NonNullable<Answer["word_timestamps"]>): Tts.Chunk {
    const chars: Array<string> = []
    const charStartTimesMs: Array<number> = []
    const charDurationsMs: Array<number> = []
    for (const [i, word] of words.entries()) {
      const from = start[i]
      const to = end[i]
      if (from === undefined || to === undefined) continue
      // Times count from the context, or else from the piece.
      const { at, untold } = this.#piece ?? { at: this.#now, untold: false }
      const overlap = this.#end - this.#base - from * 1000
      if (overlap > (untold ? againMs.first : againMs.other)) this.#base = untold ? at : this.#now
      if (this.#piece !== undefined) this.#piece = { ...this.#piece, untold: false }
      const begin = Math.max(this.#last, this.#base + from * 1000)
      const all = Array.from(word).filter((char) => !isSilent(char))
      const each = Math.max(0, this.#base + to * 1000 - begin) / Math.max(1, all.length)
      for (const [at, char] of all.entries()) {
        chars.push(char)
        charStartTimesMs.push(begin + at * each)
        charDurationsMs.push(each)
      }
      this.#last = begin
      this.#end = Math.max(begin, this.#base + to * 1000)
    }
    const alignment = this.#aligner.push({ chars, charStartTimesMs, charDurationsMs }, this.#now, this.#now)
    return { frame: this.#nothing, alignment }
  }

  rest(): Tts.Chunk {
    return { frame: this.#nothing, alignment: this.#samples === 0 ? [] : this.#aligner.end(this.#now) }
  }
}

/** Text is joined as it is: a sentence that ends without a space is parted from the next one. */
const joint = (before: string, text: string): string =>
  /\p{Ll}[.!?…]+["'”’)]*$/u.test(before) && /^["'“‘(¿¡]*\p{Lu}/u.test(text) ? " " : ""

/** One context: a part of the speech. */
interface Context {
  /** Gives whether it takes the text: one that is ending takes no more. */
  readonly say: (text: string) => Effect.Effect<boolean>
  readonly end: Effect.Effect<void>
  /** Completes when all of its audio has come. */
  readonly over: Effect.Effect<void>
}

const id = Effect.map(
  Effect.all([Random.nextInt, Random.nextInt]),
  (parts) => parts.map((part) => (part >>> 0).toString(16).padStart(8, "0")).join("")
)

/** Ends a context before Cartesia does. */
const watching = ({ end, lastAt, state }: {
  readonly state: { readonly ending: boolean; readonly answered: boolean; readonly busy: boolean }
  readonly end: Effect.Effect<void>
  /** When text or audio went over the connection last. */
  readonly lastAt: () => number
}): Effect.Effect<void> =>
  Effect.gen(function*() {
    while (!state.ending) {
      const wait = lastAt() + idleMs - (yield* monotonic)
      if (wait > 0) yield* Effect.sleep(wait)
      else if (state.answered && !state.busy) yield* end
      else yield* Effect.sleep(idleMs)
    }
  })

const begin = Effect.fnUntraced(function*<E>(
  { fail, lend, manner }: Options,
  course: Course,
  out: Queue.Queue<Tts.Chunk, E | Tts.TtsError | Cause.Done>
) {
  const own = yield* Scope.fork(yield* Effect.scope)
  const { connection, giveBack } = yield* Scope.provide(lend, own)
  const context_id = yield* id
  const over = yield* Deferred.make<void>()
  /** `owed`: words were sent, and no audio has come since. `busy`: a chunk waits for the listener. */
  const state = { ending: false, ended: false, owed: false, answered: false, busy: false, text: "" }
  let lastAt = yield* monotonic
  course.begin()

  // A lost connection is told by who reads it: there the reason is known.
  const send = (message: Readonly<Record<string, unknown>>): Effect.Effect<void> =>
    Effect.ignore(connection.send(JSON.stringify({ context_id, ...message })))

  const cancel = JSON.stringify({ context_id, cancel: true })
  yield* Scope.addFinalizer(own, Effect.suspend(() => state.ended ? Effect.void : farewell(connection, cancel)))

  const end = Effect.suspend(() => {
    if (state.ending) return Effect.void
    state.ending = true
    return send({ ...manner, transcript: "", continue: false })
  })

  const offer = (chunk: Tts.Chunk): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      state.busy = true
      return Effect.as(Queue.offer(out, chunk), false)
    })

  /** Gives whether the context is over. */
  const take = (answer: Answer): Effect.Effect<boolean, Failure.Reason> => {
    switch (answer.type) {
      case "chunk": {
        const bytes = decodeAudio(answer.data ?? "")
        if (Result.isFailure(bytes)) return Effect.fail(bytes.failure)
        const kind = course.isSilent ? fileKind(bytes.success) : undefined
        if (kind !== undefined) return Effect.fail(notBare(kind))
        const chunk = course.audio(bytes.success)
        if (chunk.frame.samples.length > 0) {
          state.owed = false
          state.answered = true
        }
        return offer(chunk)
      }
      case "timestamps": {
        const { word_timestamps } = answer
        return word_timestamps === null || word_timestamps === undefined
          ? Effect.succeed(false)
          : offer(course.words(word_timestamps))
      }
      case "done":
        state.ending = state.ended = true
        return state.owed ? Effect.fail(new Failure.EndedEarly({})) : Effect.succeed(true)
      case "error":
        return Effect.fail(refusal({
          status: answer.status_code ?? undefined,
          code: answer.error_code ?? undefined,
          words: `${answer.title ?? ""} ${answer.message ?? ""}`
        }))
      default:
        return Effect.succeed(false)
    }
  }

  const hear = (message: string | Uint8Array): Effect.Effect<boolean, Failure.Reason> =>
    Effect.gen(function*() {
      if (typeof message !== "string") return false
      const answer = yield* decode(message)
      if (typeof answer.context_id === "string" && answer.context_id !== context_id) return false
      if (typeof answer.flush_id === "number") course.piece(answer.flush_id)
      const isOver = yield* take(answer)
      state.busy = false
      lastAt = yield* monotonic
      return isOver
    })

  const read = connection.messages.pipe(
    Stream.mapEffect(hear),
    Stream.takeUntil((isOver) => isOver),
    Stream.runDrain,
    Effect.andThen(
      Effect.suspend(() => state.ended ? giveBack : Effect.fail(new Failure.Disconnected({ code: "1000" })))
    ),
    Effect.andThen(Scope.close(own, Exit.void)),
    Effect.andThen(Deferred.succeed(over, undefined)),
    Effect.catchCause((cause) => Queue.failCause(out, Cause.map(cause, fail)))
  )

  yield* Effect.forkScoped(read)
  yield* Effect.forkIn(watching({ state, end, lastAt: () => lastAt }), own)
  const context: Context = {
    end,
    over: Deferred.await(over),
    say: (text) =>
      Effect.flatMap(monotonic, (now) => {
        if (state.ending) return Effect.succeed(false)
        lastAt = now
        const transcript = joint(state.text, text) + text
        state.text = text
        state.answered = false
        state.owed ||= hasWords(text)
        return Effect.as(send({ ...manner, transcript, continue: true }), true)
      })
  }
  return context
})

/** Speaks over connections that are taken when there is text. */
export const speak = <E, R>(
  text: Stream.Stream<string, E, R>,
  options: Options
): Stream.Stream<Tts.Chunk, E | Tts.TtsError, R> =>
  fed(text, maxUnheard, (out, scope) => {
    const course = new Course(options.format)
    const next = Effect.mapError(Scope.provide(begin(options, course, out), scope), options.fail)
    let context: Context | undefined
    return {
      say: (piece) =>
        Effect.gen(function*() {
          course.append(piece)
          while (context === undefined || !(yield* context.say(piece))) {
            // Its audio comes first.
            if (context !== undefined) yield* context.over
            context = yield* next
          }
        }),
      finish: Effect.gen(function*() {
        if (context !== undefined) {
          yield* context.end
          yield* context.over
          yield* Queue.offer(out, course.rest())
        }
        yield* Queue.end(out)
      })
    }
  })
