/**
 * Recognition over a WebSocket: audio goes out, transcripts come in.
 *
 * The connection is opened with the first audio, and belongs to the stream: interruption closes the
 * connection. Audio of any format becomes mono at one rate. When the audio has ended, the last
 * transcripts are waited for.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import * as pcm from "../provider/pcm.ts"
import type { Connection } from "../provider/socket.ts"
import { monotonic } from "../steady.ts"
import * as Stt from "./model.ts"

/** A message of the protocol. */
export type Message = string | Uint8Array

/** What a message of the provider says. */
export interface Heard {
  readonly transcripts: ReadonlyArray<Stt.Transcript>
  /** All that was sent has been answered. */
  readonly done?: boolean | undefined
  /** What had to wait for this message; asked for when it is sent. */
  readonly reply?: (() => ReadonlyArray<Message>) | undefined
}

/** Nothing that concerns the listener. */
export const nothing: Heard = { transcripts: [] }

/** One connection's part of a protocol; it may keep state. */
export interface Dialect {
  /** Sent first. */
  readonly greeting?: ReadonlyArray<Message> | undefined
  readonly audio: (bytes: Uint8Array) => ReadonlyArray<Message>
  /** Asks for the final transcript of what was sent. */
  readonly finalize: () => ReadonlyArray<Message>
  /**
   * For a provider that says nothing to a mark without words before it: `mark` is taken with the mark, and what it gives is
   * the answer `afterMs` later, if the provider has said anything in the last `aliveMs`. One that hangs has answered nothing.
   */
  readonly unanswered?: {
    readonly afterMs: number
    readonly aliveMs: number
    readonly mark: () => () => ReadonlyArray<Stt.Transcript>
  } | undefined
  /** Says that no more audio comes; nothing to wait for when it gives `done`. */
  readonly end: () => { readonly messages: ReadonlyArray<Message>; readonly done?: boolean | undefined }
  /** Keeps the connection alive, where that takes more than a text. */
  readonly keepAlive?: (() => ReadonlyArray<Message>) | undefined
  readonly hear: (message: Message) => Effect.Effect<Heard, Failure.Reason>
  /** What is still owed where the connection closes after the end, with no word of it. */
  readonly owed?: (() => ReadonlyArray<Stt.Transcript>) | undefined
}

/** A protocol, and how a provider wants its audio. */
export interface Options {
  readonly name: string
  /** Hz of the audio that is sent. */
  readonly sampleRate: number
  /** Least audio of a message in ms, except before a mark and at the end. */
  readonly leastMs: number
  readonly open: Effect.Effect<Connection, Failure.Reason, Scope.Scope>
  readonly dialect: Effect.Effect<Dialect>
  /** Sent when nothing else was for a while. */
  readonly keepAlive?: { readonly message?: string; readonly everyMs: number } | undefined
}

/** Most audio of a message in ms. */
const mostMs = 1000

/** Transcripts that wait for the listener before the connection is no longer read. */
const maxUnheard = 64

/** Time in ms without a message after which a provider that was told the end is given up. */
const patienceMs = 10_000

type Piece = Uint8Array | Stt.Finalize

/** Cuts audio into pieces of a size that the provider likes. */
class Packer {
  readonly #converter: Audio.Converter
  readonly #least: number
  readonly #most: number
  #waiting: Array<Uint8Array> = []
  #bytes = 0
  /** Whether any audio has come. */
  begun = false

  constructor({ leastMs, sampleRate }: Options) {
    this.#converter = Audio.converter({ to: { sampleRate, channels: 1 } })
    this.#least = Math.max(1, Math.round(sampleRate * leastMs / 1000) * 2)
    this.#most = Math.round(sampleRate * mostMs / 1000) * 2
  }

  push(inputs: ReadonlyArray<Stt.Input>): ReadonlyArray<Piece> {
    const out: Array<Piece> = []
    let frames: Array<Audio.Frame> = []
    for (const input of inputs) {
      if (!("_tag" in input)) {
        frames.push(input)
        continue
      }
      this.#take(this.#converter.push(frames))
      this.#take(this.#converter.flush())
      frames = []
      if (!this.begun) continue
      this.#cut(out, 1)
      out.push(input)
    }
    this.#take(this.#converter.push(frames))
    this.#cut(out, this.#least)
    return out
  }

  flush(): ReadonlyArray<Piece> {
    const out: Array<Piece> = []
    this.#take(this.#converter.flush())
    this.#cut(out, 1)
    return out
  }

  #take(frames: ReadonlyArray<Audio.Frame>): void {
    for (const frame of frames) {
      if (frame.samples.length === 0) continue
      const bytes = pcm.bytesOf(frame)
      this.#waiting.push(bytes)
      this.#bytes += bytes.length
      this.begun = true
    }
  }

  #cut(out: Array<Piece>, least: number): void {
    if (this.#bytes < least) return
    const all = new Uint8Array(this.#bytes)
    let at = 0
    for (const bytes of this.#waiting) {
      all.set(bytes, at)
      at += bytes.length
    }
    for (let from = 0; from < all.length; from += this.#most) out.push(all.subarray(from, from + this.#most))
    this.#waiting = []
    this.#bytes = 0
  }
}

/** Tells transcripts on, but what has been told for good: once more, or as a guess. */
const newly = () => {
  let last: Stt.Transcript | undefined
  return (heard: Stt.Transcript): ReadonlyArray<Stt.Transcript> => {
    const { end, final, start, text } = heard
    const isAgain = last !== undefined && start !== undefined && start === last.start && end === last.end &&
      text === last.text
    if (!final) {
      const isOld = heard.turn === undefined && end !== undefined && last?.end !== undefined && end <= last.end
      return isOld && text.trim() !== "" ? [] : [heard]
    }
    if (text.trim() === "") return [heard]
    // It may have been asked for.
    if (isAgain) return [{ ...heard, text: "" }]
    last = heard
    return [heard]
  }
}

/** One stream's connection. */
interface Line {
  readonly write: (pieces: ReadonlyArray<Piece>) => Effect.Effect<void>
  readonly end: Effect.Effect<void, Failure.Reason>
}

const dial = Effect.fnUntraced(function*<E>(
  options: Options,
  out: Queue.Queue<Stt.Transcript, E | Cause.Done>,
  fail: (reason: Failure.Reason) => E
) {
  const scope = yield* Effect.scope
  const connection = yield* options.open
  const dialect = yield* options.dialect
  const state = { ended: false }
  let sentAt = yield* monotonic
  let heardAt = sentAt
  let alive: number | undefined

  const news = newly()

  // Reader and writer both send: what is said first goes first.
  const outbox: Array<Message> = []
  const sending = Semaphore.makeUnsafe(1)
  const flush = sending.withPermit(Effect.gen(function*() {
    for (let message = outbox.shift(); message !== undefined; message = outbox.shift()) {
      // A lost connection is told by who reads it: there the reason is known.
      yield* Effect.ignore(connection.send(message))
    }
  }))
  const send = (messages: () => ReadonlyArray<Message>): Effect.Effect<void> =>
    Effect.flatMap(monotonic, (now) => {
      sentAt = now
      outbox.push(...messages())
      return flush
    })

  const hear = (message: Message): Effect.Effect<void, Failure.Reason> =>
    Effect.gen(function*() {
      alive = heardAt = yield* monotonic
      const { done, reply, transcripts } = yield* dialect.hear(message)
      if (reply !== undefined) yield* send(reply)
      yield* Effect.forEach(transcripts.flatMap(news), (heard) => Queue.offer(out, heard), { discard: true })
      if (done === true && state.ended) yield* Queue.end(out)
    })

  const read = Stream.runForEach(connection.messages, hear).pipe(
    Effect.andThen(
      Effect.suspend(() =>
        state.ended
          ? Effect.andThen(Queue.offerAll(out, dialect.owed?.() ?? []), Queue.end(out))
          : Effect.fail(new Failure.Disconnected({ code: "1000" }))
      )
    ),
    Effect.catchCause((cause) => Queue.failCause(out, Cause.map(cause, fail)))
  )

  const beat = ({ everyMs, message }: NonNullable<Options["keepAlive"]>) =>
    Effect.gen(function*() {
      while (!state.ended && !connection.isClosed()) {
        const wait = sentAt + everyMs - (yield* monotonic)
        yield* wait > 0
          ? Effect.sleep(wait)
          : send(() => dialect.keepAlive?.() ?? (message === undefined ? [] : [message]))
      }
    })

  const end = Effect.gen(function*() {
    let done: boolean | undefined = false
    yield* send(() => {
      const last = dialect.end()
      done = last.done
      state.ended = true
      return last.messages
    })
    if (done) return yield* Queue.end(out)
    heardAt = yield* monotonic
    for (;;) {
      const wait = heardAt + patienceMs - (yield* monotonic)
      if (wait <= 0) return yield* new Failure.TimedOut({ afterMs: patienceMs })
      yield* Effect.sleep(wait)
    }
  })

  yield* send(() => dialect.greeting ?? [])
  yield* Effect.forkScoped(read)
  if (options.keepAlive !== undefined) yield* Effect.forkScoped(beat(options.keepAlive))
  const { unanswered } = dialect
  const late: Array<() => ReadonlyArray<Stt.Transcript>> = []
  const finalize = (): ReadonlyArray<Message> => {
    const messages = dialect.finalize()
    if (unanswered !== undefined) late.push(unanswered.mark())
    return messages
  }
  const answering = ({ afterMs, aliveMs }: NonNullable<typeof unanswered>) => (answer: (typeof late)[number]) =>
    Effect.sleep(afterMs).pipe(
      Effect.andThen(monotonic),
      Effect.flatMap((now) =>
        alive !== undefined && now - alive <= aliveMs ? Queue.offerAll(out, answer()) : Effect.void
      ),
      Effect.forkIn(scope)
    )
  const answer = Effect.suspend(() =>
    unanswered === undefined ? Effect.void : Effect.forEach(late.splice(0), answering(unanswered), { discard: true })
  )
  const line: Line = {
    write: (pieces) =>
      Effect.andThen(
        send(() => pieces.flatMap((piece) => "_tag" in piece ? finalize() : dialect.audio(piece))),
        answer
      ),
    end
  }
  return line
})

/** Transcribes by a protocol. */
export const converse = (options: Options) => {
  const fail = (reason: Failure.Reason) => new Stt.SttError({ provider: options.name, reason })
  return <E, R>(audio: Stream.Stream<Stt.Input, E, R>): Stream.Stream<Stt.Transcript, E | Stt.SttError, R> =>
    Stream.unwrap(Effect.gen(function*() {
      const scope = yield* Effect.scope
      const out = yield* Queue.bounded<Stt.Transcript, E | Stt.SttError | Cause.Done>(maxUnheard)
      const packer = new Packer(options)
      let line: Line | undefined
      const write = (pieces: ReadonlyArray<Piece>): Effect.Effect<void, Stt.SttError> =>
        Effect.gen(function*() {
          if (!packer.begun) return
          line ??= yield* Effect.mapError(Scope.provide(dial(options, out, fail), scope), fail)
          if (pieces.length > 0) yield* line.write(pieces)
        })
      const run = Stream.runForEachArray(audio, (inputs) => write(packer.push(inputs))).pipe(
        Effect.andThen(Effect.suspend(() => write(packer.flush()))),
        Effect.andThen(Effect.suspend(() => line === undefined ? Queue.end(out) : Effect.mapError(line.end, fail))),
        Effect.catchCause((cause) => Queue.failCause(out, cause))
      )
      yield* Effect.forkScoped(run)
      return Stream.fromQueue(out)
    }))
}
