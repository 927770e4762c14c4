/**
 * What every layer that asks a provider does when that answers well, slowly,
 * wrongly, or not at all. The provider is a real server on loopback; the clock
 * stands still but where a test moves it, so that a layer that waited for
 * anything of its own accord would never end.
 */
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Clock,
  Context,
  Deferred,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  Queue,
  Redacted,
  References,
  Schedule,
  type Scope,
  Stream,
  Tracer
} from "effect"
import { type Audio, Llm, type Resilience, Stt, Tts } from "effect-voice"
import { Prompt } from "effect/ai"
import { TestClock } from "effect/testing"
import * as Net from "node:net"
import { inspect } from "node:util"
import { type Moment, moment, msBetween, msSince } from "../support/ownTime.ts"
import * as provider from "../support/provider.ts"

/** The key that every layer is built with; it must turn up nowhere. */
export const key = "sk-secret-key"

/** The same, as layers take it. */
export const apiKey: Redacted.Redacted = Redacted.make(key)

/** What is said or asked; it must turn up in no error, log or span. */
const words = "Good morning."

/** What fails. */
export type ProviderError = Stt.SttError | Llm.LlmError | Tts.TtsError

/** How a layer is asked. */
export interface Asked {
  /** The audio or text goes on, so that a failure must come by itself. */
  readonly endless?: boolean | undefined
  /** There is no audio, or no text. */
  readonly empty?: boolean | undefined
  readonly policy?: Resilience.Policy | undefined
  /** Run when the layer has taken all that it was given. */
  readonly given?: Effect.Effect<unknown> | undefined
}

/** Asks the server at a URL; what comes, joined, is the text or the samples in hexadecimal. */
export type Ask = (url: string, asked?: Asked) => Stream.Stream<string, ProviderError, Scope.Scope>

const input = <A>(all: Stream.Stream<A>, { empty, endless, given = Effect.void }: Asked): Stream.Stream<A> =>
  (empty === true ? Stream.empty : all).pipe(
    Stream.concat(Stream.fromEffectDrain(given)),
    Stream.concat(endless === true ? Stream.never : Stream.empty)
  )

/** A second of a tone, and a mark at its end. */
const speech: ReadonlyArray<Stt.Input> = [
  ...Array.from({ length: 50 }, (_, frame): Audio.Frame => ({
    sampleRate: 16_000,
    channels: 1,
    samples: Int16Array.from({ length: 320 }, (_, i) => Math.round(8000 * Math.sin((frame * 320 + i) * 0.17)))
  })),
  Stt.Finalize
]

/** Asks a recogniser; an interim transcript is an output without text. */
export const stt = (layer: (url: string) => Layer.Layer<Stt.Stt, Stt.SttError>): Ask => (url, asked = {}) =>
  Stream.unwrap(Effect.map(Layer.build(layer(url)), (context) => {
    const bare = Context.get(context, Stt.Stt)
    const stt = asked.policy === undefined ? bare : Stt.resilient(bare, asked.policy)
    return Stream.map(
      stt.transcribe(input(Stream.fromIterable(speech), asked)),
      ({ final, text }) => final ? text : ""
    )
  }))

/** Asks a voice. */
export const tts = (layer: (url: string) => Layer.Layer<Tts.Tts, Tts.TtsError>): Ask => (url, asked = {}) =>
  Stream.unwrap(Effect.map(Layer.build(layer(url)), (context) => {
    const bare = Context.get(context, Tts.Tts)
    const tts = asked.policy === undefined ? bare : Tts.resilient(bare, asked.policy)
    return Stream.map(
      tts.speak(input(Stream.make(words), asked)),
      ({ frame: { samples } }) => Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength).toString("hex")
    )
  }))

/** Asks a model. */
export const llm = (layer: (url: string) => Layer.Layer<Llm.Llm, Llm.LlmError>): Ask => (url, asked = {}) =>
  Stream.unwrap(Effect.gen(function*() {
    const context = yield* Layer.build(layer(url))
    const bare = Context.get(context, Llm.Llm)
    const llm = asked.policy === undefined ? bare : Llm.resilient(bare, asked.policy)
    // A question is given as a whole.
    yield* asked.given ?? Effect.void
    return Stream.map(
      llm.reply({ prompt: Prompt.make(words), tools: [] }),
      (delta) => delta._tag === "Text" || delta._tag === "Speech" ? delta.text ?? "" : ""
    )
  }))

/** What came of asking. */
interface Outcome {
  readonly outputs: ReadonlyArray<string>
  readonly text: string
  readonly error: ProviderError | undefined
  /** On the clock. */
  readonly tookMs: number
}

const outcome = (asked: Stream.Stream<string, ProviderError, Scope.Scope>): Effect.Effect<Outcome> =>
  Effect.scoped(Effect.gen(function*() {
    const outputs: Array<string> = []
    const began = yield* Clock.currentTimeMillis
    const exit = yield* Effect.exit(Stream.runForEach(asked, (text) => Effect.sync(() => void outputs.push(text))))
    if (Exit.isFailure(exit)) yield* Effect.logError("it failed", exit.cause)
    return {
      outputs,
      text: outputs.join(""),
      error: Exit.isSuccess(exit) ? undefined : Cause.findErrorOption(exit.cause).pipe((error) => {
        if (error._tag === "None") throw new Error(Cause.pretty(exit.cause))
        return error.value
      }),
      tookMs: (yield* Clock.currentTimeMillis) - began
    }
  }))

/** Keeps logs, spans and errors, and holds them against what must not be in them. */
const discreetly = <A, E>(
  effect: Effect.Effect<A, E, Scope.Scope>,
  seen: (value: A) => ReadonlyArray<unknown>
): Effect.Effect<A, E, Scope.Scope> => {
  const told: Array<unknown> = []
  const logger = Logger.make(({ cause, message }) => void told.push(message, cause, Cause.pretty(cause)))
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      told.push({
        get it() {
          return [span.name, span.attributes, span.events, span.status]
        }
      })
      return span
    }
  })
  return effect.pipe(
    Effect.withTracer(tracer),
    Effect.provide(Logger.layer([logger])),
    Effect.provideService(References.MinimumLogLevel, "All"),
    Effect.tap((value) =>
      Effect.sync(() => {
        const all = inspect([...told, ...seen(value)], { depth: 12, getters: true, maxStringLength: null })
        for (const secret of [key, "morning", "//127.0.0.1", "localhost"]) assert.notInclude(all, secret)
      })
    )
  )
}

const errorsOf = ({ error }: Outcome): ReadonlyArray<unknown> =>
  error === undefined ? [] : [error, error.message, error.stack, JSON.stringify(error)]

/** Asks, and looks whether anything was told that should not be. */
const asking = (asked: Stream.Stream<string, ProviderError, Scope.Scope>) => discreetly(outcome(asked), errorsOf)

const failsWith = (outcome: Outcome, reason: string, tookMs = 0) => {
  assert.strictEqual(outcome.error?.reason._tag, reason, outcome.error?.message)
  assert.strictEqual(outcome.tookMs, tookMs)
}

/** Statuses that a provider refuses with, and whether another try may help. */
const statuses = [[401, false], [404, false], [429, true], [500, true]] as const

const refusedWith = (outcome: Outcome, status: number, again: boolean) => {
  failsWith(outcome, "Rejected")
  const reason = outcome.error?.reason
  if (reason?._tag !== "Rejected") return
  assert.strictEqual(reason.status, status)
  assert.strictEqual(reason.isRetryable, again)
  assert.strictEqual(reason.retryAfterMs, status === 429 ? 7000 : undefined)
}

/** Enough patience for what is slow, and none for what hangs; the next try after 100 ms. */
const policy: Resilience.Policy = {
  retries: 1,
  schedule: Schedule.spaced("100 millis"),
  firstOutput: "10 seconds",
  nextOutput: "10 seconds"
}
const impatient: Resilience.Policy = { retries: 0, firstOutput: "5 seconds", nextOutput: "5 seconds" }

/** Lets the clock go on, and what happens meanwhile happen, until something has. */
const until = (happened: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() =>
    happened()
      ? Effect.void
      : Effect.andThen(Effect.andThen(TestClock.adjust("1 millis"), provider.turns), until(happened))
  )

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Infinity

/** Interrupts five times, and holds the time until the server saw it against 50 ms. */
const closesAtOnce = <E>(once: Effect.Effect<number, E, Scope.Scope>) =>
  Effect.gen(function*() {
    const times = yield* Effect.replicateEffect(Effect.scoped(once), 5)
    assert.isBelow(median(times), 50)
  })

/** Answers of an HTTP server. */
export interface HttpSubject {
  readonly ask: Ask
  /** What the answer is made of. */
  readonly kind: "json" | "sse" | "ndjson" | "audio"
  readonly type: string
  /** A good answer, cut as the server sends it. */
  readonly pieces: ReadonlyArray<string | Buffer>
  /** What comes of it. */
  readonly said: string
  /** An answer in which there is nothing: no text, no audio. */
  readonly empty: ReadonlyArray<string | Buffer>
  /** It is given audio or text to begin with, and asks for nothing where there is none. */
  readonly input?: boolean | undefined
  /** Why an empty answer fails; without, it gives nothing. */
  readonly emptyReason?: string | undefined
  /** The same answer with an event or a field that the layer cannot know. */
  readonly unknown?: ReadonlyArray<string | Buffer> | undefined
}

type Response = Parameters<provider.Handler>[1]

const refusing = (status: number): provider.Handler => (_, response) =>
  void response.writeHead(status, {
    "content-type": "application/json",
    ...(status === 429 ? { "retry-after": "7" } : undefined)
  }).end(JSON.stringify({ error: { message: `${words} is refused for ${key}` } }))

/** Holds what an HTTP provider answers against what must come of it. */
export const http = (name: string, subject: HttpSubject): void => {
  const { ask, kind, pieces, said, type } = subject
  const streams = kind !== "json"
  const [first = ""] = pieces

  const answering = (...parts: ReadonlyArray<string | Buffer>): provider.Handler => (_, response) => {
    response.writeHead(200, { "content-type": type })
    for (const part of parts) response.write(part)
    response.end()
  }
  const half = Buffer.from(first).subarray(0, Math.ceil(Buffer.from(first).length * 0.6))
  const well = answering(...pieces)

  const told = (handler: provider.Handler, asked?: Asked) =>
    Effect.gen(function*() {
      const server = yield* provider.http(handler)
      const outcome = yield* asking(ask(server.url, asked))
      for (const { url } of server.requests) assert.notInclude(url.href, key)
      return { ...outcome, requests: server.requests.length }
    })

  const failing = (handler: provider.Handler, reason: string) =>
    Effect.gen(function*() {
      const outcome = yield* told(handler, { endless: true })
      failsWith(outcome, reason)
      assert.strictEqual(outcome.requests, 1)
      return outcome
    })

  describe(`${name}, whose provider answers by HTTP,`, () => {
    it.effect("gives what comes of a good answer", () =>
      Effect.gen(function*() {
        const outcome = yield* told(well)
        assert.strictEqual(outcome.error, undefined)
        assert.strictEqual(outcome.text, said)
        assert.strictEqual(outcome.requests, 1)
      }))

    if (subject.input === true) {
      it.effect("asks for nothing where nothing is given", () =>
        Effect.gen(function*() {
          const outcome = yield* told(well, { empty: true })
          assert.strictEqual(outcome.error, undefined)
          assert.deepStrictEqual(outcome.outputs, [])
          assert.strictEqual(outcome.requests, 0)
        }))
    }

    it.effect("gives the same of an answer that comes byte by byte, and slowly", () =>
      Effect.gen(function*() {
        const answered = yield* Deferred.make<Response>()
        const server = yield* provider.http((_, response) => Deferred.doneUnsafe(answered, Effect.succeed(response)))
        const heard = yield* Queue.unbounded<string>()
        const fiber = yield* Effect.forkChild(
          asking(Stream.tap(ask(server.url, { policy }), (text) => Queue.offer(heard, text)))
        )
        const response = yield* Deferred.await(answered)
        yield* TestClock.adjust("3 seconds")
        response.writeHead(200, { "content-type": type })
        for (const piece of pieces) {
          // A socket sends each of them by itself, but may join them on its way.
          const bytes = Buffer.from(piece)
          for (let i = 0; i < Math.min(50, bytes.length - 1); i++) response.write(bytes.subarray(i, i + 1))
          response.write(bytes.subarray(Math.min(50, bytes.length - 1)))
          if (piece === first && streams && kind !== "audio") continue
          if (piece === first && streams) yield* Queue.take(heard)
          yield* TestClock.adjust("3 seconds")
        }
        response.end()
        const outcome = yield* Fiber.join(fiber)
        assert.strictEqual(outcome.error, undefined)
        assert.strictEqual(outcome.text, said)
        assert.isAtLeast(outcome.tookMs, 3000)
      }))

    for (const [status, again] of statuses) {
      it.effect(`tells a refusal with ${status}`, () =>
        Effect.map(told(refusing(status), { endless: true }), (outcome) => {
          refusedWith(outcome, status, again)
          assert.strictEqual(outcome.requests, 1)
        }))
    }

    for (
      const [when, fault, waitMs] of [
        ["as soon as the server wants (429)", refusing(429), 7000],
        ["after an error of the server (500)", refusing(500), 100],
        ["after a dropped connection", (_: unknown, response: Response) => void response.socket?.destroy(), 100]
      ] as const
    ) {
      it.effect(`asks again, made resilient, ${when}`, () =>
        Effect.gen(function*() {
          const server = yield* provider.http((request, response) =>
            (request.index === 0 ? fault : well)(request, response)
          )
          const fiber = yield* Effect.forkChild(asking(ask(server.url, { policy })))
          yield* server.next
          yield* TestClock.adjust(waitMs - 1)
          assert.strictEqual(server.requests.length, 1)
          yield* until(() => server.requests.length > 1)
          const outcome = yield* Fiber.join(fiber)
          assert.strictEqual(outcome.text, said)
          assert.isAtLeast(outcome.tookMs, waitMs)
        }))
    }

    it.effect("tells a connection that drops before the answer", () =>
      failing((_, response) => void response.socket?.destroy(), "Disconnected"))

    it.effect("tells one that drops in the middle, after what came before", () =>
      Effect.gen(function*() {
        const heard = yield* Deferred.make<void>()
        const written = yield* Deferred.make<Response>()
        const server = yield* provider.http((_, response) => {
          response.writeHead(200, { "content-type": type, "content-length": "10000000" })
          response.write(streams ? first : half, () => Deferred.doneUnsafe(written, Effect.succeed(response)))
        })
        yield* Effect.forkChild(Effect.gen(function*() {
          const { socket } = yield* Deferred.await(written)
          if (streams) yield* Deferred.await(heard)
          socket?.destroy()
        }))
        const outcome = yield* asking(
          Stream.tap(ask(server.url, { endless: true }), () => Deferred.succeed(heard, undefined))
        )
        failsWith(outcome, "Disconnected")
        assert.strictEqual(outcome.outputs.length > 0, streams)
        assert.isTrue(said.startsWith(outcome.text))
      }))

    for (
      const [when, handler] of [
        ["before it answers", () => {}],
        ["in the middle", (_: unknown, response: Response) => {
          response.writeHead(200, { "content-type": type }).write(streams ? first : half)
        }]
      ] as const
    ) {
      it.effect(`is given up when it hangs for ever ${when}, and its connection is closed`, () =>
        Effect.gen(function*() {
          const server = yield* provider.http(handler)
          const heard = yield* Deferred.make<void>()
          const fiber = yield* Effect.forkChild(asking(
            Stream.tap(ask(server.url, { policy: impatient }), () => Deferred.succeed(heard, undefined))
          ))
          yield* server.next
          if (streams && when === "in the middle") yield* Deferred.await(heard)
          yield* provider.turns
          yield* TestClock.adjust("5 seconds")
          const outcome = yield* Fiber.join(fiber)
          failsWith(outcome, "TimedOut", 5000)
          yield* server.aborted
        }))

      it.effect(`closes its connection within 50 ms of an interruption ${when}`, () =>
        closesAtOnce(Effect.gen(function*() {
          const server = yield* provider.http(handler)
          const heard = yield* Deferred.make<void>()
          const fiber = yield* Effect.forkChild(
            Stream.runForEach(ask(server.url, { endless: true }), () => Deferred.succeed(heard, undefined))
          )
          yield* server.next
          if (streams && when === "in the middle") yield* Deferred.await(heard)
          const at = moment()
          yield* Fiber.interrupt(fiber)
          return msBetween(at, yield* server.aborted)
        })))
    }

    it.effect("tells a page that is no answer", () =>
      failing(
        (_, response) =>
          void response.writeHead(200, { "content-type": "text/html" }).end(`<p>${words} Log in with ${key}</p>`),
        "InvalidResponse"
      ))

    it.effect("takes no endless answer", () =>
      Effect.gen(function*() {
        const filler = Buffer.alloc(1024 * 1024, kind === "audio" ? 1 : 32)
        const server = yield* provider.http((_, response) => {
          response.writeHead(200, { "content-type": type })
          if (kind === "sse") response.write("data: ")
          const more = () => {
            while (!response.destroyed && response.write(filler));
          }
          response.on("drain", more)
          more()
        })
        failsWith(yield* asking(Stream.drain(ask(server.url, { endless: true }))), "InvalidResponse")
        yield* server.aborted
      }))

    it.effect("gives nothing of an answer with nothing in it, or says so", () =>
      Effect.gen(function*() {
        const outcome = yield* told(answering(...subject.empty))
        assert.strictEqual(outcome.text, "")
        assert.strictEqual(outcome.error?.reason._tag, subject.emptyReason)
        assert.strictEqual(outcome.requests, 1)
      }))

    it.effect("tells an empty body", () =>
      Effect.gen(function*() {
        const outcome = yield* told(answering(), { endless: true })
        assert.include(["EndedEarly", "InvalidResponse", "Disconnected"], outcome.error?.reason._tag)
        assert.strictEqual(outcome.tookMs, 0)
      }))

    if (kind === "audio") {
      it.effect("drops half a sample at the end", () =>
        Effect.map(told(answering(...pieces, Buffer.from([1]))), (outcome) => {
          assert.strictEqual(outcome.error, undefined)
          assert.strictEqual(outcome.text, said)
        }))

      it.effect("tells an error that is called a success", () =>
        failing(
          (_, response) =>
            void response.writeHead(200, { "content-type": "application/json" }).end(`{"error":"${words} ${key}"}`),
          "InvalidResponse"
        ))
      return
    }

    it.effect("tells malformed JSON", () => {
      const broken = { json: "{\"text\": \"Good", sse: "data: {\"text\": \"Good\n\n", ndjson: "{\"text\": \"Good\n" }
      return failing(answering(broken[kind]), "InvalidResponse")
    })

    it.effect("tells JSON of another shape", () => {
      const other = { json: "[7]", sse: "data: [7]\n\n", ndjson: "[7]\n" }
      return failing(answering(other[kind]), "InvalidResponse")
    })

    it.effect(
      kind === "json" ? "tells half an answer" : "tells half a line",
      () => failing(answering(half), kind === "json" ? "InvalidResponse" : "Disconnected")
    )

    it.effect("tells truncated UTF-8", () =>
      failing(
        answering(Buffer.concat([Buffer.from(`${kind === "sse" ? "data: " : ""}{"text": "caf`), Buffer.from([0xc3])])),
        "InvalidResponse"
      ))

    it.effect("hears through what it does not know", () =>
      Effect.map(told(answering(...subject.unknown ?? [])), (outcome) => {
        assert.strictEqual(outcome.error, undefined)
        assert.strictEqual(outcome.text, said)
      }))
  })
}

type Stub = NonNullable<Parameters<typeof provider.webSocket>[0]>

/** A WebSocket server. */
export interface SocketSubject {
  readonly ask: Ask
  /** How a good server behaves. */
  readonly well: Stub
  /** What comes of it. */
  readonly said: string
  /** Messages of the protocol from which an output comes at once. */
  readonly first: ReadonlyArray<unknown>
  /** Messages from which nothing comes: some that the layer cannot know, and some with no text or audio in them. */
  readonly harmless: ReadonlyArray<unknown>
  /** How a server ends that has no audio for words; for a recogniser, that is no failure. */
  readonly silent?: Stub | undefined
  /** A message that is JSON, or has a body in JSON, which is cut. */
  readonly malformed?: string | undefined
  /** Whether it is given audio or text, and not a question. @default true */
  readonly input?: boolean | undefined
}

/** What a peer does, held until it may be done. */
const held = (peer: provider.Peer, later: (act: () => void) => void): provider.Peer => ({
  ...peer,
  send: (message) => later(() => peer.send(message)),
  socket: new Proxy(peer.socket, {
    get: (socket, name) =>
      name === "close" ? (code: number) => later(() => socket.close(code)) : Reflect.get(socket, name)
  })
})

/** Answers the first message of each connection. */
const once = (answer: (peer: provider.Peer) => void): Stub => {
  const answered = new Set<provider.Peer>()
  return {
    onMessage: (_, peer) => {
      if (answered.has(peer)) return
      answered.add(peer)
      answer(peer)
    }
  }
}

/** Holds what a provider behind a WebSocket does against what must come of it. */
export const webSocket = (name: string, subject: SocketSubject): void => {
  const { ask, first, said, well } = subject
  const sending = (...messages: ReadonlyArray<unknown>) => once((peer) => messages.forEach((one) => peer.send(one)))

  const told = (stub: Stub, asked?: Asked) =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket(stub)
      const outcome = yield* asking(ask(server.url, asked))
      for (const peer of server.peers) {
        assert.notInclude(peer.url.href, key)
        yield* peer.closed
      }
      return { ...outcome, connections: server.peers.length }
    })

  const failing = (stub: Stub, reason: string) =>
    Effect.map(told(stub, { endless: true }), (outcome) => {
      failsWith(outcome, reason)
      return outcome
    })

  describe(`${name}, whose provider answers over a WebSocket,`, () => {
    it.effect("gives what comes of a good answer", () =>
      Effect.gen(function*() {
        const outcome = yield* told(well)
        assert.strictEqual(outcome.error, undefined)
        assert.strictEqual(outcome.text, said)
        assert.strictEqual(outcome.connections, 1)
      }))

    if (subject.input !== false) {
      it.effect("asks for nothing where nothing is given", () =>
        Effect.gen(function*() {
          const outcome = yield* told(well, { empty: true })
          assert.strictEqual(outcome.error, undefined)
          assert.strictEqual(outcome.outputs.length, 0)
          assert.strictEqual(outcome.connections, 0)
        }))
    }

    it.effect("gives the same of an answer that comes slowly", () =>
      Effect.gen(function*() {
        const acts = yield* Queue.unbounded<() => void>()
        const slow = new WeakMap<provider.Peer, provider.Peer>()
        const slowly = (peer: provider.Peer): provider.Peer => {
          const known = slow.get(peer) ?? held(peer, (act) => Queue.offerUnsafe(acts, act))
          slow.set(peer, known)
          return known
        }
        const server = yield* provider.webSocket({
          onOpen: (peer, index) => well.onOpen?.(slowly(peer), index),
          onMessage: (message, peer) => well.onMessage?.(message, slowly(peer))
        })
        const fiber = yield* Effect.forkChild(asking(ask(server.url, { policy })))
        const acting = Effect.forever(Effect.gen(function*() {
          const act = yield* Queue.take(acts)
          yield* TestClock.adjust("1 second")
          act()
          yield* provider.turns
        }))
        yield* Effect.forkChild(acting)
        const outcome = yield* Fiber.join(fiber)
        assert.strictEqual(outcome.error, undefined)
        assert.strictEqual(outcome.text, said)
        assert.isAtLeast(outcome.tookMs, 1000)
      }))

    for (const [status, again] of statuses) {
      it.effect(`tells a handshake refused with ${status}`, () =>
        Effect.map(
          told({ refuse: () => ({ status, headers: status === 429 ? { "retry-after": "7" } : {} }) }, {
            endless: true
          }),
          (outcome) => refusedWith(outcome, status, again)
        ))
    }

    for (
      const [when, fault, waitMs] of [
        ["as soon as the server wants (429)", { status: 429, headers: { "retry-after": "7" } }, 7000],
        ["after an error of the server (500)", { status: 500 }, 100],
        ["after a dropped connection", undefined, 100]
      ] as const
    ) {
      it.effect(`asks again, made resilient, ${when}`, () =>
        Effect.gen(function*() {
          const asked = yield* Deferred.make<void>()
          let handshakes = 0
          const server = yield* provider.webSocket({
            refuse: (index) => {
              handshakes++
              Deferred.doneUnsafe(asked, Effect.void)
              return index === 0 ? fault : undefined
            },
            onOpen: (peer, index) => handshakes === 1 ? peer.socket.terminate() : well.onOpen?.(peer, index),
            onMessage: well.onMessage
          })
          const fiber = yield* Effect.forkChild(asking(ask(server.url, { policy })))
          yield* Deferred.await(asked)
          yield* TestClock.adjust(waitMs - 1)
          assert.strictEqual(handshakes, 1)
          yield* until(() => handshakes > 1)
          const outcome = yield* Fiber.join(fiber)
          assert.strictEqual(outcome.text, said)
          assert.isAtLeast(outcome.tookMs, waitMs)
        }))
    }

    it.effect("tells a connection that drops before the answer", () =>
      failing({ onOpen: (peer) => peer.socket.terminate() }, "Disconnected"))

    const endings = [
      ["drops", (peer: provider.Peer) => peer.socket.terminate(), "Disconnected"],
      ["is closed in peace, but too early,", (peer: provider.Peer) => peer.socket.close(1000), "Disconnected"],
      ["is closed because the server broke (1011)", (peer: provider.Peer) => peer.socket.close(1011), "Disconnected"],
      ["is closed by policy (1008)", (peer: provider.Peer) => peer.socket.close(1008), "Disconnected"],
      ["is closed by an overloaded server (1013)", (peer: provider.Peer) => peer.socket.close(1013), "Rejected"]
    ] as const
    for (const [how, end, reason] of endings) {
      it.effect(`tells one that ${how} in the middle, after what came before`, () =>
        Effect.gen(function*() {
          const heard = yield* Deferred.make<void>()
          const server = yield* provider.webSocket(sending(...first))
          yield* Effect.forkChild(Effect.gen(function*() {
            const peer = yield* server.next
            yield* Deferred.await(heard)
            end(peer)
          }))
          const outcome = yield* asking(
            Stream.tap(ask(server.url, { endless: true }), () => Deferred.succeed(heard, undefined))
          )
          failsWith(outcome, reason)
          assert.isAtLeast(outcome.outputs.length, 1)
        }))
    }

    for (const [when, messages] of [["before it answers", []], ["in the middle", first]] as const) {
      it.effect(`is given up when it hangs for ever ${when}, and its connection is closed`, () =>
        Effect.gen(function*() {
          const server = yield* provider.webSocket(sending(...messages))
          const heard = yield* Deferred.make<void>()
          const given = yield* Deferred.make<void>()
          const fiber = yield* Effect.forkChild(asking(Stream.tap(
            // A voice that still waits for text owes nothing.
            ask(server.url, {
              policy: impatient,
              endless: messages.length === 0,
              given: Deferred.succeed(given, undefined)
            }),
            () => Deferred.succeed(heard, undefined)
          )))
          const peer = yield* server.next
          yield* Deferred.await(given)
          if (messages.length > 0) yield* Deferred.await(heard)
          yield* provider.turns
          yield* TestClock.adjust("5 seconds")
          failsWith(yield* Fiber.join(fiber), "TimedOut", 5000)
          yield* peer.closed
        }))

      it.effect(`closes its connection within 50 ms of an interruption ${when}`, () =>
        closesAtOnce(Effect.gen(function*() {
          const server = yield* provider.webSocket(sending(...messages))
          const heard = yield* Deferred.make<void>()
          const fiber = yield* Effect.forkChild(
            Stream.runForEach(ask(server.url, { endless: true }), () => Deferred.succeed(heard, undefined))
          )
          const peer = yield* server.next
          yield* peer.next
          if (messages.length > 0) yield* Deferred.await(heard)
          const at = moment()
          yield* Fiber.interrupt(fiber)
          assert.strictEqual(yield* peer.closed, 1000)
          return msSince(at)
        })))
    }

    it.effect("lets go, within 50 ms, of a server that accepts and never answers", () =>
      closesAtOnce(Effect.gen(function*() {
        const accepted = yield* Deferred.make<void>()
        const closed = yield* Deferred.make<Moment>()
        const server = Net.createServer((socket) => {
          socket.on("error", () => {})
          socket.on("data", () => Deferred.doneUnsafe(accepted, Effect.void))
          socket.on("close", () => Deferred.doneUnsafe(closed, Effect.succeed(moment())))
        })
        yield* Effect.acquireRelease(
          Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
          () => Effect.sync(() => void server.close())
        )
        const { port } = server.address() as Net.AddressInfo
        const fiber = yield* Effect.forkChild(Stream.runDrain(ask(`ws://127.0.0.1:${port}`, { endless: true })))
        yield* Deferred.await(accepted)
        const at = moment()
        yield* Fiber.interrupt(fiber)
        return msBetween(at, yield* Deferred.await(closed))
      })))

    if (subject.silent !== undefined) {
      it.effect("tells that there was no audio for words", () =>
        Effect.map(told(subject.silent ?? {}), (outcome) => failsWith(outcome, "EndedEarly")))
    }

    it.effect("tells nobody there", () =>
      Effect.gen(function*() {
        const url = yield* Effect.scoped(Effect.map(provider.webSocket(), ({ url }) => url))
        failsWith(yield* asking(ask(url, { endless: true })), "Disconnected")
      }))

    it.effect("tells malformed JSON", () => failing(sending(subject.malformed ?? `{"type": "Resul`), "InvalidResponse"))

    it.effect("tells a page instead of a message", () => failing(sending(`<p>${words}</p>`), "InvalidResponse"))

    it.effect("tells truncated UTF-8", () =>
      failing(
        once((peer) =>
          peer.socket.send(Buffer.concat([Buffer.from(`{"text": "caf`), Buffer.from([0xc3])]), { binary: false })
        ),
        "InvalidResponse"
      ))

    it.effect("takes no oversized message", () =>
      failing(sending(`"${"x".repeat(17 * 1024 * 1024)}"`), "InvalidResponse"))

    it.effect("hears through what it does not know, and what has nothing in it", () =>
      Effect.gen(function*() {
        const server = yield* provider.webSocket({
          ...well,
          onOpen: (peer, index) => {
            well.onOpen?.(peer, index)
            for (const message of subject.harmless) peer.send(message)
            peer.send(Buffer.from([0xff, 0xfe, 0x00]))
          }
        })
        const outcome = yield* asking(ask(server.url))
        assert.strictEqual(outcome.error, undefined)
        assert.strictEqual(outcome.text, said)
      }))
  })
}
