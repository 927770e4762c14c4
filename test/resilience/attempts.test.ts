/** A provider that hangs is asked again while there is time; one that is slow and shows signs of life is not. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Logger, Metric, Queue, References, Schedule, Stream } from "effect"
import { type Audio, Failure, Llm, Resilience, Stt, Tts } from "effect-voice"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import * as HttpStt from "effect-voice/Layers/HttpStt"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as Testing from "effect-voice/testing"
import { Prompt } from "effect/ai"
import { TestClock } from "effect/testing"
import type { ServerResponse } from "node:http"
import * as provider from "../support/provider.ts"

const policy: Resilience.Policy = { schedule: Schedule.exponential("100 millis") }
const asking = { prompt: Prompt.make("Hello"), tools: [] }
const text = (text: string): Llm.Delta => ({ _tag: "Text", text })

const model = (...replies: ReadonlyArray<Stream.Stream<Llm.Delta, Llm.LlmError>>) => {
  const asked: Array<number> = []
  const llm = Llm.make({
    name: "a",
    reply: () =>
      Stream.unwrap(Effect.map(Clock.currentTimeMillis, (now) => {
        asked.push(now)
        return replies[Math.min(asked.length, replies.length) - 1] ?? Stream.empty
      }))
  })
  return { llm, asked }
}

const late = (ms: number) => Stream.fromEffect(Effect.delay(Effect.succeed(text("hi")), ms))

/** What came of it, and when. */
const over = <A, E, R>(ms: number, self: Stream.Stream<A, E, R>) =>
  Effect.gen(function*() {
    const seen: Array<readonly [A, number]> = []
    const run = Stream.runForEach(self, (a) => Effect.map(Clock.currentTimeMillis, (now) => seen.push([a, now])))
    const fiber = yield* Effect.forkChild(Effect.exit(run))
    yield* TestClock.adjust(ms)
    return { seen, exit: yield* Fiber.join(fiber), at: yield* Clock.currentTimeMillis }
  })

/** Sends an answer piece by piece, each 30 ms after the one before. */
const slowly = (response: ServerResponse, pieces: ReadonlyArray<string>): void =>
  void Effect.runFork(Effect.andThen(
    Effect.forEach(pieces, (piece) => Effect.delay(Effect.sync(() => response.write(piece)), 30), { discard: true }),
    Effect.sync(() => response.end())
  ))

describe("An attempt at a model", () => {
  it.effect("that shows no sign of life for 4 seconds has another beside it, which has all that is left", () =>
    Effect.gen(function*() {
      const hung = model(Stream.never)
      const { exit } = yield* over(10_000, Llm.resilient(hung.llm, policy).reply(asking))
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(hung.asked, [0, 4100])
      const once = model(Stream.never, late(5500))
      const { seen } = yield* over(20_000, Llm.resilient(once.llm, policy).reply(asking))
      assert.deepStrictEqual(seen, [[text("hi"), 10_000 + 4100 + 5500]])
    }))

  it.effect("has the length that the policy says, and 4 seconds of ten, or two fifths of more", () =>
    Effect.gen(function*() {
      const cases: ReadonlyArray<readonly [Resilience.Policy, number]> = [
        [{ attempt: "1 second" }, 1000],
        [{}, 4000],
        [{ firstOutput: "30 seconds" }, 12_000],
        [{ firstOutput: "5 seconds" }, 5000],
        [{ retries: 0 }, 10_000],
        [{ attempt: "20 seconds" }, 10_000]
      ]
      for (const [more, length] of cases) {
        const { asked, llm } = model(Stream.never)
        const begun = yield* Clock.currentTimeMillis
        let ended = 0
        const counted: Llm.Llm["Service"] = {
          ...llm,
          reply: (request) =>
            Stream.onExit(llm.reply(request), () => Effect.map(Clock.currentTimeMillis, (now) => void (ended = now)))
        }
        yield* over(60_000, Llm.resilient(counted, { ...policy, ...more }).reply(asking))
        const [, second = ended + 100] = asked
        assert.strictEqual(second - 100 - begun, length, JSON.stringify(more))
      }
    }))

  it.effect("that is slow but answers within the time is not asked twice", () =>
    Effect.gen(function*() {
      const slow = model(late(3999))
      const { seen } = yield* over(10_000, Llm.resilient(slow.llm, policy).reply(asking))
      assert.deepStrictEqual([seen.length, slow.asked], [1, [0]])
    }))

  /** One attempt after the other, the last one for ever: when each answers, or `undefined`, or fails; and when it ends. */
  type Plans = ReadonlyArray<{ readonly after?: number; readonly fails?: boolean }>
  const attempts = (...plans: Plans) => {
    const ends: Array<readonly [attempt: number, at: number]> = []
    const { asked, llm } = model(
      ...plans.map(({ after, fails }, i) => {
        const said = after === undefined
          ? Stream.never
          : fails === true
          ? Stream.fromEffect(Effect.delay(Effect.fail(new Llm.LlmError({ provider: "a", reason: lost })), after))
          : Stream.concat(late(after), Stream.fromEffect(Effect.delay(Effect.succeed(text("!")), 1000)))
        return Stream.onExit(said, () => Effect.map(Clock.currentTimeMillis, (now) => void ends.push([i, now])))
      })
    )
    return { asked, ends, llm }
  }
  const lost = new Failure.Disconnected({})

  it.effect("is heard out beside the next one: the first answer counts, and the others are closed", () =>
    Effect.gen(function*() {
      const cases: ReadonlyArray<
        readonly [
          plans: Plans,
          at: number | undefined,
          asked: ReadonlyArray<number>,
          closed: ReadonlyArray<readonly [number, number]>
        ]
      > = [
        // As slow each time: the first one answers, as it would have alone.
        [[{ after: 8000 }], 8000, [0, 4100], [[0, 8000], [0, 9000]]],
        [[{ after: 5900 }, {}], 5900, [0, 4100], [[1, 5900], [0, 6900]]],
        // In the wait before the next one.
        [[{ after: 4050 }, {}], 4050, [0], [[0, 5050]]],
        // The next one answers sooner.
        [[{ after: 9000 }, { after: 500 }], 4600, [0, 4100], [[0, 4600], [1, 5600]]],
        // Either fails: the other one is heard.
        [[{ after: 5000, fails: true }, { after: 3000 }], 7100, [0, 4100], [[0, 5000], [1, 8100]]],
        [[{ after: 9000 }, { after: 100, fails: true }, {}], 9000, [0, 4100, 4400], [[1, 4200], [2, 9000], [
          0,
          10_000
        ]]],
        // Nobody answers.
        [[{}], undefined, [0, 4100], [[0, 10_000], [0, 10_000]]]
      ]
      for (const [plans, at, asked, closed] of cases) {
        const begun = yield* Clock.currentTimeMillis
        const many = attempts(...plans)
        const { exit, seen } = yield* over(20_000, Llm.resilient(many.llm, policy).reply(asking))
        const since = (times: ReadonlyArray<number>) => times.map((time) => time - begun)
        assert.deepStrictEqual(since(seen.map(([, at]) => at)), at === undefined ? [] : [at, at + 1000])
        assert.deepStrictEqual(since(many.asked), [...asked])
        assert.sameDeepMembers(many.ends.map(([attempt, time]): readonly [number, number] => [attempt, time - begun]), [
          ...closed
        ])
        assert.strictEqual(Exit.isSuccess(exit), at !== undefined)
      }
    }))

  it.effect("fails with the others where the last one has failed and nobody is heard any more", () =>
    Effect.gen(function*() {
      const many = attempts({ after: 6000, fails: true }, { after: 100, fails: true })
      const { exit } = yield* over(20_000, Llm.resilient(many.llm, { ...policy, retries: 1 }).reply(asking))
      assert.deepStrictEqual(many.ends, [[1, 4200], [0, 6000]])
      assert.isTrue(Exit.isFailure(exit))
    }))

  it.effect("is closed with all others by who listens no more", () =>
    Effect.gen(function*() {
      const many = attempts({})
      const fiber = yield* Effect.forkChild(Stream.runDrain(Llm.resilient(many.llm, policy).reply(asking)))
      yield* TestClock.adjust(6000)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(many.ends.map(([, at]) => at), [6000, 6000])
    }))

  it.live("that has sent anything at all is alive: a head, a comment, an empty delta", () =>
    Effect.gen(function*() {
      for (const layer of [HttpLlm.layer, OpenAiLlm.layer]) {
        const server = yield* provider.http((_, response) => {
          response.writeHead(200, { "content-type": "text/event-stream" })
          response.flushHeaders()
          slowly(response, [
            ...Array.from({ length: 40 }, () => ": still at work\n\n"),
            `data: {"choices":[{"index":0,"delta":{"content":"Hello."},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`
          ])
        })
        const url = layer === HttpLlm.layer ? `${server.url}/v1/chat/completions` : `${server.url}/v1`
        const asked = layer === HttpLlm.layer
          ? HttpLlm.layer({ url, model: "m", answer: HttpLlm.chatStream })
          : OpenAiLlm.layer({ baseUrl: url, model: "m" })
        const said = yield* Llm.Llm.use((llm) =>
          Stream.runCollect(
            Llm.resilient(llm, { attempt: "700 millis", firstOutput: "20 seconds" }).reply(asking)
          )
        ).pipe(Effect.provide(asked))
        assert.deepStrictEqual(said.flatMap((delta) => delta._tag === "Text" ? [delta.text] : []).join(""), "Hello.")
        assert.strictEqual(server.requests.length, 1)
      }
    }))

  it.effect("is told where it is another one: who, the how manieth, and why; in the log at debug", () =>
    Effect.gen(function*() {
      const told: Array<Resilience.Retry> = []
      const lines: Array<unknown> = []
      const logger = Logger.make(({ logLevel, message }) => void lines.push([logLevel, message]))
      const { llm } = model(Stream.never, Stream.make(text("hi")))
      yield* over(20_000, Llm.resilient(llm, policy).reply(asking)).pipe(
        Effect.provideService(Resilience.Retries, (retry) => told.push(retry)),
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "Debug")
      )
      assert.deepStrictEqual(told.map(({ reason, ...who }) => ({ ...who, reason: { ...reason } })), [
        { component: "llm", provider: "a", attempt: 1, reason: { ...new Failure.TimedOut({ afterMs: 4000 }) } }
      ])
      assert.deepStrictEqual(lines, [["Debug", ["a provider is asked again"]]])
    }))
})

describe("An attempt at a voice", () => {
  it.effect("that hangs is given up 4 seconds after the first text, however late that comes", () =>
    Effect.gen(function*() {
      const asked: Array<number> = []
      const chunk: Tts.Chunk = { frame: { samples: new Int16Array(480), sampleRate: 24_000, channels: 1 } }
      const tts = Tts.make({
        name: "a",
        sampleRate: 24_000,
        channels: 1,
        speak: (said) =>
          Stream.unwrap(Effect.map(Clock.currentTimeMillis, (now) => {
            asked.push(now)
            return asked.length === 1
              ? Stream.concat(Stream.drain(said), Stream.never)
              : Stream.concat(Stream.drain(said), Stream.make(chunk))
          }))
      })
      const words = Stream.fromEffect(Effect.delay(Effect.succeed("Hello."), 6000))
      const { seen } = yield* over(30_000, Tts.resilient(tts, policy).speak(words))
      assert.deepStrictEqual([seen.map(([, at]) => at), asked], [[10_100], [0, 10_100]])
    }))

  it.effect("that is slow each time is heard, each with the whole text", () =>
    Effect.gen(function*() {
      const heard: Array<string> = []
      let asked = 0
      const tts = Tts.fromSynthesizer({
        name: "a",
        sampleRate: 24_000,
        channels: 1,
        synthesize: (text) => {
          asked++
          heard.push(text)
          return Effect.as(Effect.sleep(7000), { samples: new Int16Array(480), sampleRate: 24_000, channels: 1 })
        }
      })
      const { seen } = yield* over(30_000, Tts.resilient(tts, policy).speak(Stream.make("Hello.")))
      assert.deepStrictEqual([seen.map(([, at]) => at), asked, heard], [[7000], 2, ["Hello.", "Hello."]])
    }))
})

const second: Audio.Frame = { samples: new Int16Array(16_000).fill(1000), sampleRate: 16_000, channels: 1 }

describe("An attempt at a recogniser", () => {
  /** Hears each mark after a time; `Infinity` never. */
  const recogniser = (delays: (attempt: number) => number, wants: "all" | "speech" = "all") => {
    const attempts: Array<{ readonly at: number; seconds: number }> = []
    const stt = Stt.make({
      name: "a",
      wants,
      transcribe: (audio) =>
        Stream.unwrap(Effect.map(Clock.currentTimeMillis, (at) => {
          const attempt = { at, seconds: 0 }
          attempts.push(attempt)
          const delay = delays(attempts.length)
          return Stream.mapEffect(
            Stream.filter(audio, (input) => {
              if (!("_tag" in input)) attempt.seconds += input.samples.length / 16_000
              return "_tag" in input
            }),
            () =>
              delay === Infinity ? Effect.never : Effect.delay(Effect.succeed({ text: "hello", final: true }), delay)
          )
        }))
    })
    return { stt, attempts }
  }

  const listen = (stt: Stt.Stt["Service"], policy: Resilience.Policy, seconds: number) =>
    Effect.gen(function*() {
      const inputs = yield* Queue.unbounded<Stt.Input>()
      const heard: Array<number> = []
      const fiber = yield* Effect.forkScoped(
        Effect.exit(Stream.runForEach(Stt.resilient(stt, policy).transcribe(Stream.fromQueue(inputs)), () =>
          Effect.map(Clock.currentTimeMillis, (now) =>
            void heard.push(now))))
      )
      yield* TestClock.adjust(60_000)
      yield* Queue.offerAll(inputs, [
        ...Array.from({ length: seconds }, () =>
          second),
        Stt.Finalize
      ])
      return { inputs, heard, fiber }
    })

  it.effect("whose stream stays open and silent is opened again 4 seconds after the end of speech, and hears all of it", () =>
    Effect.gen(function*() {
      const { attempts, stt } = recogniser((attempt) => attempt === 1 ? Infinity : 300)
      const { heard } = yield* listen(stt, policy, 2)
      yield* TestClock.adjust(20_000)
      assert.deepStrictEqual(attempts, [{ at: 0, seconds: 2 }, { at: 64_100, seconds: 2 }])
      assert.deepStrictEqual(heard, [64_400])
    }))

  it.effect("of whole pieces has a quarter of their length beside the rest", () =>
    Effect.gen(function*() {
      for (const [seconds, delay, asked] of [[8, 5900, 1], [8, 6200, 2], [2, 4400, 1], [2, 4700, 2]] as const) {
        const { attempts, stt } = recogniser((attempt) => attempt === 1 ? delay : 100, "speech")
        const { heard } = yield* listen(stt, policy, seconds)
        yield* TestClock.adjust(20_000)
        assert.strictEqual(attempts.length, asked, `${seconds} s, ${delay} ms`)
        assert.strictEqual(heard.length, 1)
        yield* TestClock.setTime(0)
      }
    }))

  it.effect("that is known to take its time is given twice what it took", () =>
    Effect.gen(function*() {
      const { attempts, stt } = recogniser((attempt) => attempt === 1 ? 3500 : Infinity)
      const { heard, inputs } = yield* listen(stt, { ...policy, firstOutput: "20 seconds", attempt: "4 seconds" }, 1)
      yield* TestClock.adjust(10_000)
      assert.strictEqual(heard.length, 1)
      const marked = yield* Clock.currentTimeMillis
      yield* Queue.offerAll(inputs, [second, Stt.Finalize])
      yield* TestClock.adjust(3500)
      assert.deepStrictEqual([heard.length, attempts.length, heard[1]], [2, 1, marked + 3500])
    }))

  it.live("by HTTP that answers slowly, but answers, is asked once; one that hangs twice", () =>
    Effect.gen(function*() {
      for (const [hangs, requests] of [[false, 1], [true, 2]] as const) {
        const server = yield* provider.http(({ index }, response) => {
          if (hangs && index === 0) return
          response.writeHead(200, { "content-type": "application/json" })
          slowly(response, [...`{"transcript":"hello"}`])
        })
        const heard = yield* Stt.Stt.use((stt) =>
          Stream.runHead(
            Stt.resilient(stt, { attempt: "400 millis", firstOutput: "20 seconds" }).transcribe(
              Stream.concat(Stream.make<Array<Stt.Input>>(second, Stt.Finalize), Stream.never)
            )
          )
        ).pipe(Effect.provide(HttpStt.layer({ url: server.url })))
        assert.strictEqual(heard._tag, "Some")
        assert.strictEqual(server.requests.length, requests)
      }
    }))
})

describe("A conversation", () => {
  it.effect("goes on after a request that hung, and tells that it was made again", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 1500, "Hello?")],
        llm: [{ text: "Fine.", firstToken: "1 hour" }, "Fine."]
      })
      const [retried, ...more] = timeline.of("ProviderRetried")
      assert.deepStrictEqual([retried?.component, retried?.attempt, retried?.reason._tag], ["llm", 1, "TimedOut"])
      assert.deepStrictEqual(more, [])
      assert.include(timeline.messages.join("\n"), "assistant: Fine.")
      const counted = yield* Metric.snapshot
      assert.include(JSON.stringify(counted.map(({ id }) => id)), "agent_provider_retries_total")
    }))
})
