import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Fiber, Layer, Schema, Stream } from "effect"
import { Audio, Vad } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import { createHash } from "node:crypto"
import { contract } from "./contract/vad.ts"
import { recording } from "./fixtures/speech.ts"

const windowSize = 320
const windowMs = 20

/** Hears the value of the samples as the probability, so that audio is a script. */
const scripted = Vad.make({
  name: "scripted",
  sampleRate: 16_000,
  windowSize,
  scorer: Effect.succeed((window: Float32Array) => Math.max(...window))
})

/** The same by the other form of a scorer. */
const batched = Vad.make({
  name: "batched",
  sampleRate: 16_000,
  windowSize,
  scorer: Effect.succeed({
    score: (windows) => Effect.as(Effect.yieldNow, windows.map((window) => Math.max(...window))),
    reset: () => {}
  })
})

const sampleFor = (probability: number) => Math.round(probability * 32_767)

/** One window for each probability. */
const script = (...probabilities: ReadonlyArray<number>): Audio.Frame => ({
  samples: Int16Array.from(
    { length: probabilities.length * windowSize },
    (_, i) => sampleFor(probabilities[Math.floor(i / windowSize)]!)
  ),
  sampleRate: 16_000,
  channels: 1
})

const times = (count: number, probability: number) => Array.from({ length: count }, () => probability)

const hear = (audio: ReadonlyArray<Audio.Frame>, options?: Vad.Options, vad: Vad.Vad["Service"] = scripted) =>
  vad.detect(Stream.fromIterable(audio), options).pipe(Stream.runCollect)

const lines = (events: ReadonlyArray<Vad.Event>) => events.map(({ _tag, at }) => `${_tag} ${at}`)

/** Samples by their digest, which is quicker to compare. */
const digest = (samples: Int16Array) =>
  `${samples.length}/${
    createHash("sha1").update(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)).digest("hex")
  }`

const digested = (events: ReadonlyArray<Vad.Event>) => {
  const frame = (frame: Audio.Frame) => ({ ...frame, samples: digest(frame.samples) })
  return events.map((event) => {
    switch (event._tag) {
      case "SpeechStarted":
        return { ...event, padding: frame(event.padding) }
      case "SpeechEnded":
        return { ...event, speech: { ...event.speech, frame: frame(event.speech.frame) } }
      default:
        return event
    }
  })
}

const random = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4_294_967_295 }))

const grammar = /^(S(PR)*P?E)*$/
const letters = { SpeechStarted: "S", VoicePaused: "P", VoiceResumed: "R", SpeechEnded: "E" }
const sentence = (events: ReadonlyArray<Vad.Event>) => events.map(({ _tag }) => letters[_tag]).join("")

/** Speech that comes and goes, in frames of any length. */
const babble = (next: () => number) => {
  const probabilities: Array<number> = []
  while (probabilities.length < 300) {
    const level = next()
    for (let i = 0; i < next() * 30; i++) {
      probabilities.push(Math.min(1, Math.max(0, level + (next() - 0.5) * 0.4)))
    }
  }
  return script(...probabilities)
}

const shatter = (frame: Audio.Frame, next: () => number) => {
  const frames: Array<Audio.Frame> = []
  for (let from = 0; from < frame.samples.length;) {
    const to = from + 1 + Math.floor(next() ** 3 * 3000)
    frames.push({ ...frame, samples: frame.samples.slice(from, to) })
    from = to
  }
  return frames
}

describe("Vad", () => {
  describe("boundaries", () => {
    it.effect("ignore speech shorter than the minimum", () =>
      Effect.gen(function*() {
        const audio = [script(...times(10, 0), ...times(4, 1), ...times(40, 0))]
        assert.deepStrictEqual(yield* hear(audio, { minSpeech: "81 millis" }), [])
        assert.deepStrictEqual(lines(yield* hear(audio, { minSpeech: "80 millis" })), [
          "SpeechStarted 200",
          "VoicePaused 280",
          "SpeechEnded 280"
        ])
      }))

    it.effect("tell the score of every window, with the time of its end", () =>
      Effect.gen(function*() {
        const scores: Array<Vad.Score> = []
        const onScore = (score: Vad.Score) => void scores.push(score)
        for (const vad of [scripted, batched]) {
          scores.length = 0
          yield* hear([script(0, 0.25, 1), script(0.5)], { onScore }, vad)
          assert.deepStrictEqual(scores.map(({ at }) => at), [20, 40, 60, 80])
          for (const [i, expected] of [0, 0.25, 1, 0.5].entries()) {
            assert.closeTo(scores[i]!.probability, expected, 1e-3)
          }
        }
      }))

    it.effect("want the minimum in one piece", () =>
      Effect.gen(function*() {
        const audio = [script(0, 1, 1, 0, 1, 1, 0, 1, 1, ...times(40, 0))]
        assert.deepStrictEqual(yield* hear(audio), [])
      }))

    it.effect("keep one speech over a dip shorter than the minimum silence", () =>
      Effect.gen(function*() {
        const dip = (windows: number) => [script(...times(10, 1), ...times(windows, 0), ...times(10, 1))]
        assert.deepStrictEqual(lines(yield* hear(dip(24))), [
          "SpeechStarted 0",
          "VoicePaused 200",
          "VoiceResumed 680",
          "SpeechEnded 880"
        ])
        assert.deepStrictEqual(lines(yield* hear(dip(25))), [
          "SpeechStarted 0",
          "VoicePaused 200",
          "SpeechEnded 200",
          "SpeechStarted 700",
          "SpeechEnded 900"
        ])
      }))

    it.effect("do not move while the probability lies between the thresholds", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* hear([script(...times(100, 0.49))]), [])
        assert.deepStrictEqual(lines(yield* hear([script(...times(5, 1), ...times(100, 0.36))])), [
          "SpeechStarted 0",
          "SpeechEnded 2100"
        ])
        // Once paused, what lies between does not bring the voice back.
        assert.deepStrictEqual(lines(yield* hear([script(...times(5, 1), 0.34, ...times(100, 0.49))])), [
          "SpeechStarted 0",
          "VoicePaused 100",
          "SpeechEnded 100"
        ])
      }))

    it.effect("close the speech in which the stream ends", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(lines(yield* hear([script(0, ...times(5, 1))])), ["SpeechStarted 20", "SpeechEnded 120"])
        assert.deepStrictEqual(lines(yield* hear([script(0, ...times(5, 1), 0)])), [
          "SpeechStarted 20",
          "VoicePaused 120",
          "SpeechEnded 120"
        ])
        assert.deepStrictEqual(yield* hear([script(0, 1)]), [])
      }))

    it.effect("count the last samples that fill no window", () =>
      Effect.gen(function*() {
        const tail = { ...script(1), samples: script(1).samples.slice(0, 80) }
        const events = yield* hear([script(...times(3, 1)), tail])
        assert.deepStrictEqual(lines(events), ["SpeechStarted 0", "SpeechEnded 65"])
        const ended = events[1]!
        assert.strictEqual(ended._tag === "SpeechEnded" ? ended.speech.frame.samples.length : 0, 65 * 16)
      }))

    it.effect("come at once, with the window that decides", () =>
      Effect.scoped(Effect.gen(function*() {
        const { end, push } = yield* scripted.detector()
        assert.deepStrictEqual(lines(yield* push([script(1, 1)])), [])
        assert.deepStrictEqual(lines(yield* push([script(1)])), ["SpeechStarted 0"])
        assert.deepStrictEqual(lines(yield* push([script(0)])), ["VoicePaused 60"])
        assert.deepStrictEqual(lines(yield* push([script(...times(23, 0))])), [])
        assert.deepStrictEqual(lines(yield* push([script(0)])), ["SpeechEnded 60"])
        assert.deepStrictEqual(lines(yield* end), [])
      })))

    it.prop("keep their grammar, their order and their audio for any probabilities and options", [Seed], ([seed]) => {
      const next = random(seed)
      const upTo = (ms: number) => Math.floor(next() * ms)
      const activation = next()
      const options = {
        activation,
        deactivation: next() * activation,
        minSpeech: upTo(150),
        minSilence: upTo(400),
        prefixPadding: upTo(300),
        maxBufferedSpeech: upTo(3000)
      }
      const audio = babble(next)
      const events = Effect.runSync(hear(shatter(audio, next), options))
      assert.match(sentence(events), grammar)
      let now = 0
      for (const event of events) {
        assert.isAtLeast(event.at, now)
        now = event.at
        if (event._tag === "SpeechStarted" || event._tag === "SpeechEnded") {
          const { at = -1, samples } = event._tag === "SpeechStarted" ? event.padding : event.speech.frame
          const startedAt = event._tag === "SpeechStarted" ? event.at : event.startedAt
          assert.isAtMost(samples.length, options.maxBufferedSpeech * 16)
          assert.isAtLeast(at, startedAt - options.prefixPadding - 1e-9)
          assert.isAtMost(at, startedAt)
          assert.deepStrictEqual(
            samples,
            audio.samples.slice(Math.round(at * 16), Math.round(at * 16) + samples.length)
          )
        }
        if (event._tag === "SpeechEnded") {
          const kept = event.speech.at + Audio.durationMs(event.speech.frame)
          assert.strictEqual(event.speech.truncated, kept < event.at - 1e-9)
        }
      }
    })

    it.prop("are the same for any chunking, by either form of a scorer", [Seed], ([seed]) => {
      const next = random(seed)
      const audio = babble(next)
      const expected = digested(Effect.runSync(hear([audio])))
      assert.deepStrictEqual(digested(Effect.runSync(hear(shatter(audio, next)))), expected)
      return Effect.runPromise(hear(shatter(audio, next), {}, batched)).then((events) =>
        assert.deepStrictEqual(digested(events), expected)
      )
    })
  })

  describe("speech", () => {
    const speechOf = (events: ReadonlyArray<Vad.Event>) =>
      events.flatMap((event) => event._tag === "SpeechEnded" ? [event.speech] : [])

    it.effect("carries the audio from before its start", () =>
      Effect.gen(function*() {
        const audio = script(...times(20, 0.1), ...times(10, 1), ...times(30, 0.2))
        const events = yield* hear([audio], { prefixPadding: "100 millis" })
        const [speech] = speechOf(events)
        assert.strictEqual(speech!.at, 300)
        assert.isFalse(speech!.truncated)
        // It is decided 500 ms after the voice stopped at 600.
        assert.deepStrictEqual(speech!.frame.samples, audio.samples.slice(300 * 16, 1100 * 16))
        const started = events[0]!
        assert.strictEqual(started._tag, "SpeechStarted")
        if (started._tag === "SpeechStarted") {
          assert.strictEqual(started.padding.at, 300)
          assert.deepStrictEqual(started.padding.samples, audio.samples.slice(300 * 16, 460 * 16))
        }
      }))

    it.effect("has less before its start where the audio has less", () =>
      Effect.gen(function*() {
        const [speech] = speechOf(yield* hear([script(0, ...times(5, 1))]))
        assert.strictEqual(speech!.at, 0)
      }))

    it.effect("is cut at the longest buffer, and says so", () =>
      Effect.gen(function*() {
        const audio = script(...times(10, 0.1), ...times(100, 1), ...times(30, 0), ...times(5, 1))
        const [speech, next] = speechOf(
          yield* hear([audio], { prefixPadding: "100 millis", maxBufferedSpeech: "1 second" })
        )
        assert.isTrue(speech!.truncated)
        assert.strictEqual(Audio.durationMs(speech!.frame), 1000)
        assert.deepStrictEqual(speech!.frame.samples, audio.samples.slice(100 * 16, 1100 * 16))
        assert.strictEqual(next!.at, 2700)
        assert.isFalse(next!.truncated)
      }))

    it.effect("is whole where only the silence after it was cut", () =>
      Effect.gen(function*() {
        const audio = script(...times(10, 1), ...times(30, 0))
        const [speech] = speechOf(yield* hear([audio], { maxBufferedSpeech: "300 millis" }))
        assert.strictEqual(Audio.durationMs(speech!.frame), 300)
        assert.isFalse(speech!.truncated)
      }))

    it.effect("may be kept not at all", () =>
      Effect.gen(function*() {
        const [speech] = speechOf(yield* hear([script(...times(10, 1))], { maxBufferedSpeech: 0 }))
        assert.strictEqual(speech!.frame.samples.length, 0)
        assert.isTrue(speech!.truncated)
      }))

    it.effect("never repeats the voice of the speech before", () =>
      Effect.gen(function*() {
        const audio = script(...times(10, 1), ...times(5, 0), ...times(10, 1))
        const [, second] = speechOf(yield* hear([audio], { minSilence: "100 millis" }))
        assert.strictEqual(second!.at, 200)
      }))

    it.effect("owns its audio", () =>
      Effect.scoped(Effect.gen(function*() {
        const { push } = yield* scripted.detector({ minSilence: 20 })
        const [first] = speechOf(yield* push([script(...times(5, 1), 0)]))
        const before = first!.frame.samples.slice()
        yield* push([script(...times(100, 0.7), 0)])
        assert.deepStrictEqual(first!.frame.samples, before)
        assert.strictEqual(first!.frame.samples.buffer.byteLength, before.byteLength)
      })))
  })

  describe("time", () => {
    const at = (at: number, frame: Audio.Frame): Audio.Frame => ({ ...frame, at })

    it.effect("counts on from the first frame", () =>
      Effect.gen(function*() {
        const events = yield* hear([at(5000, script(0, 1, 1)), script(1, 0)])
        assert.deepStrictEqual(lines(events), ["SpeechStarted 5020", "VoicePaused 5080", "SpeechEnded 5080"])
      }))

    it.effect("does not mind timestamps rounded to milliseconds", () =>
      Effect.gen(function*() {
        const frames = Array.from({ length: 200 }, (_, i) => {
          const whole = script(...times(20, i < 50 || i >= 150 ? 0 : 1))
          return { ...whole, samples: whole.samples.slice(0, 171), at: Math.round(i * 171 / 16) }
        })
        assert.deepStrictEqual(lines(yield* hear(frames)), [
          "SpeechStarted 520",
          "VoicePaused 1620",
          "SpeechEnded 1620"
        ])
      }))

    it.effect("passes in a gap, which is silence", () =>
      Effect.gen(function*() {
        const events = yield* hear([at(0, script(...times(5, 1))), at(400, script(...times(5, 1)))])
        assert.deepStrictEqual(lines(events), [
          "SpeechStarted 0",
          "VoicePaused 100",
          "VoiceResumed 400",
          "SpeechEnded 500"
        ])
        const ended = events.at(-1)!
        assert.strictEqual(ended._tag, "SpeechEnded")
        if (ended._tag === "SpeechEnded") {
          const { samples } = ended.speech.frame
          assert.strictEqual(samples.length, 500 * 16)
          assert.isTrue(samples.subarray(100 * 16, 400 * 16).every((sample) => sample === 0))
          assert.isTrue(samples.subarray(400 * 16).every((sample) => sample !== 0))
        }
      }))

    it.effect("ends a speech in a gap as long as the minimum silence", () =>
      Effect.gen(function*() {
        const events = yield* hear([at(0, script(...times(5, 1))), at(600, script(...times(5, 1)))])
        assert.deepStrictEqual(lines(events), [
          "SpeechStarted 0",
          "VoicePaused 100",
          "SpeechEnded 100",
          "SpeechStarted 600",
          "SpeechEnded 700"
        ])
      }))

    it.effect("keeps the grid of windows over a gap, and fills up the windows at its edges", () =>
      Effect.gen(function*() {
        const half = { ...script(1), samples: script(1).samples.slice(0, 160) }
        const events = yield* hear([at(0, script(...times(3, 1))), at(60, half), at(310, script(...times(5, 1)))])
        assert.deepStrictEqual(lines(events), [
          "SpeechStarted 0",
          "VoicePaused 80",
          "VoiceResumed 300",
          "SpeechEnded 410"
        ])
      }))

    it.effect("keeps what a resampler still held before a gap, and does not drift over many", () =>
      Effect.gen(function*() {
        const wide = (frame: Audio.Frame): Audio.Frame => ({
          samples: Int16Array.from({ length: frame.samples.length * 3 }, (_, i) => frame.samples[Math.floor(i / 3)]!),
          sampleRate: 48_000,
          channels: 1
        })
        const loud = wide(script(...times(5, 0.9)))
        const frames = Array.from({ length: 50 }, (_, i) => at(i * 103, loud))
        const ended = (yield* hear(frames)).at(-1)!
        assert.strictEqual(ended._tag, "SpeechEnded")
        if (ended._tag === "SpeechEnded") {
          const { samples } = ended.speech.frame
          assert.strictEqual(samples.length, (49 * 103 + 100) * 16)
          for (let i = 0; i < 49; i++) {
            const gap = samples.subarray((i * 103 + 100) * 16, (i + 1) * 103 * 16)
            assert.isTrue(gap.every((sample) => sample === 0))
            assert.isAbove(samples[(i * 103 + 100) * 16 - 2]!, 20_000)
            assert.isAbove(samples[(i + 1) * 103 * 16 + 1]!, 20_000)
          }
        }
      }))

    it.effect("passes at once in a gap of a year", () =>
      Effect.gen(function*() {
        const year = 365 * 86_400_000
        const events = yield* hear([at(0, script(...times(5, 1))), at(year, script(...times(5, 1)))])
        assert.deepStrictEqual(lines(events).slice(2), [
          "SpeechEnded 100",
          `SpeechStarted ${year}`,
          `SpeechEnded ${year + 100}`
        ])
      }))

    it.effect("goes on after the end of a stream, with audio of its own", () =>
      Effect.scoped(Effect.gen(function*() {
        const { end, push } = yield* scripted.detector()
        yield* push([at(1000, script(...times(5, 1)))])
        assert.deepStrictEqual(lines(yield* end), ["SpeechEnded 1100"])
        const [started] = yield* push([script(...times(5, 1))])
        assert.strictEqual(started?.at, 1100)
        assert.strictEqual(started?._tag === "SpeechStarted" ? started.padding.at : -1, 1100)
        yield* end
        assert.deepStrictEqual(lines(yield* push([at(9000, script(...times(5, 1)))])), ["SpeechStarted 9000"])
      })))
  })

  describe("make", () => {
    const failure = (effect: Effect.Effect<unknown, Vad.VadError>) =>
      Effect.map(Effect.flip(effect), ({ reason }) => reason)

    it.effect("names the option that is out of its range", () =>
      Effect.gen(function*() {
        const cases: ReadonlyArray<readonly [keyof Vad.Options, Vad.Options]> = [
          ["activation", { activation: 1.1 }],
          ["activation", { activation: Number.NaN }],
          ["deactivation", { deactivation: -0.1 }],
          ["deactivation", { activation: 0.4, deactivation: 0.5 }],
          ["minSpeech", { minSpeech: "-1 millis" }],
          ["minSilence", { minSilence: "Infinity" }],
          ["prefixPadding", { prefixPadding: Number.NaN }],
          ["maxBufferedSpeech", { maxBufferedSpeech: -1 }]
        ]
        for (const [option, options] of cases) {
          const reason = yield* failure(hear([], options))
          assert.strictEqual(reason._tag, "InvalidOptions")
          assert.strictEqual(reason._tag === "InvalidOptions" ? reason.problems[0].option : "", option)
        }
      }))

    it.effect("names the part of the model that cannot be", () =>
      Effect.gen(function*() {
        const never = Effect.die("the scorer is not asked for")
        for (
          const [option, model] of [
            ["sampleRate", { sampleRate: 0, windowSize }],
            ["windowSize", { sampleRate: 16_000, windowSize: 1.5 }]
          ] as const
        ) {
          const reason = yield* failure(hear([], {}, Vad.make({ name: "wrong", scorer: never, ...model })))
          assert.strictEqual(reason._tag === "InvalidOptions" ? reason.problems[0].option : "", option)
        }
      }))

    it.effect("takes what a detector leaves open from its defaults", () =>
      Effect.gen(function*() {
        const vad = Vad.make({
          name: "tuned",
          sampleRate: 16_000,
          windowSize,
          scorer: Effect.succeed((window: Float32Array) => window[0]!),
          defaults: { minSilence: "60 millis", minSpeech: 0 }
        })
        const audio = [script(1, 0, 0, 0, 1, 0, 0, 1)]
        assert.strictEqual(sentence(yield* hear(audio, {}, vad)), "SPESPRE")
        assert.strictEqual(sentence(yield* hear(audio, { minSilence: "100 millis" }, vad)), "SPRPRE")
      }))

    it.effect("fails where the scorer gives no probability", () =>
      Effect.gen(function*() {
        for (const wrong of [Number.NaN, 1.5, -0.5]) {
          const model = { name: "wrong", sampleRate: 16_000, windowSize }
          const each = Vad.make({ ...model, scorer: Effect.succeed(() => wrong) })
          const batch = Vad.make({
            ...model,
            scorer: Effect.succeed({ score: () => Effect.succeed([wrong]), reset: () => {} })
          })
          for (const vad of [each, batch]) {
            assert.strictEqual((yield* failure(hear([script(1)], {}, vad)))._tag, "InferenceFailed")
          }
        }
      }))

    it.effect("fails where the scorer throws, or answers too little", () =>
      Effect.gen(function*() {
        const model = { name: "wrong", sampleRate: 16_000, windowSize }
        const throwing = Vad.make({
          ...model,
          scorer: Effect.succeed(() => {
            throw new TypeError("kaboom: secret")
          })
        })
        const reason = yield* failure(hear([script(1)], {}, throwing))
        assert.strictEqual(reason._tag, "InferenceFailed")
        assert.include(reason.message, "TypeError")
        assert.notInclude(reason.message, "secret")
        const silent = Vad.make({
          ...model,
          scorer: Effect.succeed({ score: () => Effect.succeed([]), reset: () => {} })
        })
        assert.strictEqual((yield* failure(hear([script(1)], {}, silent)))._tag, "InferenceFailed")
      }))

    /** Batches that fail, hang, or answer with the script, as `next` says. */
    const troubled = () => {
      const state: { next: "answer" | "fail" | "hang" } = { next: "answer" }
      const vad = Vad.make({
        name: "troubled",
        sampleRate: 16_000,
        windowSize,
        scorer: Effect.succeed({
          score: (windows) => {
            if (state.next === "hang") return Effect.never
            return state.next === "answer"
              ? Effect.succeed(windows.map((window) => Math.max(...window)))
              : Effect.fail(new Vad.VadError({ reason: new Vad.InferenceFailed({ detail: "on purpose" }) }))
          },
          reset: () => {}
        }),
        defaults: { minSpeech: 0, minSilence: "100 millis" }
      })
      return { state, vad }
    }

    it.effect.each(["fail", "hang"] as const)(
      "keeps the time of the stream where windows are left without a score: %s",
      (trouble) =>
        Effect.gen(function*() {
          const { state, vad } = troubled()
          const { end, push } = yield* vad.detector()
          const lose = Effect.fnUntraced(function*(frame: Audio.Frame) {
            state.next = trouble
            const fiber = yield* Effect.forkChild(Effect.exit(push([frame])), { startImmediately: true })
            yield* Fiber.interrupt(fiber)
            state.next = "answer"
          })
          yield* lose(script(...times(3, 0)))
          const events = [...yield* push([script(1, 1)])]
          yield* lose(script(...times(4, 1)))
          events.push(...yield* push([script(1, ...times(5, 0))]))
          yield* lose(script(...times(40, 0)))
          events.push(...yield* push([script(1)]), ...yield* end)
          assert.deepStrictEqual(lines(events), [
            "SpeechStarted 60",
            "VoicePaused 200",
            "SpeechEnded 200",
            "SpeechStarted 1100",
            "SpeechEnded 1120"
          ])
        }).pipe(Effect.scoped)
    )

    it.effect("gives what it had found before it failed, and closes the speech when it is asked again", () =>
      Effect.gen(function*() {
        const { state, vad } = troubled()
        const { end, push } = yield* vad.detector({
          // A long push is scored in batches: the second one fails.
          onScore: ({ at }) => {
            if (at === 640) state.next = "fail"
          }
        })
        yield* Effect.flip(push([script(...times(50, 1))]))
        state.next = "answer"
        assert.deepStrictEqual(lines(yield* push([script(1)])), ["SpeechStarted 0"])
        state.next = "fail"
        yield* push([{ ...script(1), samples: new Int16Array(160) }])
        yield* Effect.flip(end)
        assert.deepStrictEqual(lines(yield* end), ["SpeechEnded 1020"])
      }).pipe(Effect.scoped))

    it.effect("fails where a frame has an impossible format", () =>
      Effect.gen(function*() {
        const reason = yield* failure(hear([{ ...script(1), sampleRate: 0 }]))
        assert.strictEqual(reason._tag === "InvalidOptions" ? reason.problems[0].option : "", "sampleRate")
      }))

    it.effect("acquires a scorer for each detector, in its scope", () =>
      Effect.gen(function*() {
        let open = 0
        const vad = Vad.make({
          name: "counted",
          sampleRate: 16_000,
          windowSize,
          scorer: Effect.acquireRelease(
            Effect.sync(() => {
              open++
              return () => 0
            }),
            () => Effect.sync(() => open--)
          )
        })
        yield* Effect.scoped(Effect.gen(function*() {
          yield* vad.detector()
          yield* vad.detector()
          assert.strictEqual(open, 2)
        }))
        assert.strictEqual(open, 0)
        yield* hear([script(1)], {}, vad)
        assert.strictEqual(open, 0)
      }))

    it.effect("resets a scorer's memory at the end and after a long gap, not after a short one", () =>
      Effect.scoped(Effect.gen(function*() {
        const log: Array<number | "reset"> = []
        const vad = Vad.make({
          name: "logged",
          sampleRate: 16_000,
          windowSize,
          scorer: Effect.succeed({
            score: (windows) =>
              Effect.sync(() => {
                log.push(windows.length)
                return windows.map(() => 0)
              }),
            reset: () => log.push("reset")
          })
        })
        const { end, push } = yield* vad.detector()
        yield* push([{ ...script(0, 0), at: 0 }, { ...script(0), at: 500 }, { ...script(0), at: 3000 }])
        assert.deepStrictEqual(log, [3, "reset", 1])
        yield* end
        assert.deepStrictEqual(log, [3, "reset", 1, "reset"])
        log.length = 0
        yield* push([script(...times(70, 0))])
        assert.deepStrictEqual(log, [32, 32, 6])
      })))
  })

  describe("detect", () => {
    const audio = Stream.make(script(0, ...times(5, 1)))
    const expected = ["SpeechStarted 20", "SpeechEnded 120"]

    it.effect("finds speech with the Vad of the context, called either way", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(lines(yield* Stream.runCollect(Vad.detect(audio))), expected)
        assert.deepStrictEqual(lines(yield* audio.pipe(Vad.detect(), Stream.runCollect)), expected)
        assert.deepStrictEqual(yield* audio.pipe(Vad.detect({ minSpeech: "1 second" }), Stream.runCollect), [])
      }).pipe(Effect.provideService(Vad.Vad, scripted)))

    it.effect("fails as the audio fails", () =>
      Effect.gen(function*() {
        const broken = Stream.concat(audio, Stream.fail("lost" as const))
        assert.strictEqual(yield* Effect.flip(Stream.runDrain(scripted.detect(broken))), "lost")
      }))
  })
})

describe("EnergyVad", () => {
  const tone = (amplitude: number, ms: number, sampleRate = 16_000, channels = 1): Audio.Frame => ({
    samples: Int16Array.from(
      { length: ms * sampleRate / 1000 * channels },
      (_, i) => Math.round(amplitude * 32_767 * Math.sin(2 * Math.PI * 440 * Math.floor(i / channels) / sampleRate))
    ),
    sampleRate,
    channels
  })
  const dBFS = (level: number) => Math.SQRT2 * 10 ** (level / 20)
  const hearEnergy = (audio: ReadonlyArray<Audio.Frame>, options?: EnergyVad.Options) =>
    Stream.fromIterable(audio).pipe(Vad.detect(), Stream.runCollect, Effect.provide(EnergyVad.layer(options)))

  it.effect("measures the loudness of normalised samples", () =>
    Effect.gen(function*() {
      const call = (level: number) => [tone(0, 100), tone(dBFS(level), 200), tone(0, 600)]
      assert.strictEqual(sentence(yield* hearEnergy(call(-44.5))), "SPE")
      assert.strictEqual(sentence(yield* hearEnergy(call(-45.5))), "")
      assert.strictEqual(sentence(yield* hearEnergy(call(-19.5), { threshold: -20 })), "SPE")
      assert.strictEqual(sentence(yield* hearEnergy(call(-20.5), { threshold: -20 })), "")
      assert.strictEqual(sentence(yield* hearEnergy(call(-19.5), { threshold: { rms: 0.1 } })), "SPE")
      assert.strictEqual(sentence(yield* hearEnergy(call(-20.5), { threshold: { rms: 0.1 } })), "")
      const fullScale = { ...tone(0, 200), samples: new Int16Array(3200).fill(-32_768) }
      assert.strictEqual(sentence(yield* hearEnergy([fullScale])), "SE")
    }))

  it.effect("never hears silence, whatever the threshold", () =>
    Effect.gen(function*() {
      const silence = [tone(0, 1000)]
      for (const threshold of [0, -45, -200, { rms: 1 }, { rms: 1e-12 }]) {
        assert.deepStrictEqual(yield* hearEnergy(silence, { threshold, activation: 0.001 }), [])
      }
    }))

  it.effect("gives the same boundaries for 8 kHz and for 48 kHz stereo", () =>
    Effect.gen(function*() {
      const call = (sampleRate: number, channels: number) =>
        [tone(0, 300), tone(0.3, 700), tone(0, 700), tone(0.1, 300), tone(0, 600)].map((part, i) =>
          tone([0, 0.3, 0, 0.1, 0][i]!, Audio.durationMs(part), sampleRate, channels)
        )
      for (const rate of [8000, 16_000] as const) {
        const expected = yield* hearEnergy(call(16_000, 1), { sampleRate: rate })
        assert.strictEqual(sentence(expected), "SPESPE")
        for (const audio of [call(8000, 1), call(48_000, 2), call(44_100, 1)]) {
          const events = yield* hearEnergy(audio, { sampleRate: rate })
          assert.strictEqual(sentence(events), sentence(expected))
          events.forEach((event, i) => assert.approximately(event.at, expected[i]!.at, windowMs))
        }
      }
    }))

  it.effect("puts boundaries on 20 ms", () =>
    Effect.gen(function*() {
      const events = yield* hearEnergy([tone(0, 500), tone(0.5, 2000), tone(0, 1000)])
      assert.deepStrictEqual(lines(events), ["SpeechStarted 500", "VoicePaused 2500", "SpeechEnded 2500"])
    }))

  it.effect("names the option that is out of its range", () =>
    Effect.gen(function*() {
      const cases: ReadonlyArray<readonly [string, EnergyVad.Options]> = [
        ["threshold", { threshold: 3 }],
        ["threshold", { threshold: { rms: 0 } }],
        ["threshold", { threshold: { rms: 1.5 } }],
        ["windowSize", { windowSize: 0 }],
        ["activation", { activation: 7 }],
        ["minSilence", { minSilence: -1 }]
      ]
      for (const [option, options] of cases) {
        const { reason } = yield* Effect.flip(Layer.build(EnergyVad.layer(options)))
        assert.strictEqual(reason._tag === "InvalidOptions" ? reason.problems[0].option : "", option)
      }
    }))

  it.effect("hears 40 streams as if each were alone", () =>
    Effect.gen(function*() {
      const vad = yield* Vad.Vad
      const streams = Array.from({ length: 40 }, (_, i) => shatter(babble(random(i)), random(i + 1000)))
      const alone = yield* Effect.forEach(streams, (frames) => hear(frames, {}, vad))
      const together = yield* Effect.forEach(streams, (frames) =>
        vad.detect(Stream.rechunk(Stream.fromIterable(frames), 1)).pipe(
          Stream.tap(() =>
            Effect.yieldNow
          ),
          Stream.runCollect
        ), { concurrency: "unbounded" })
      assert.deepStrictEqual(together.map(digested), alone.map(digested))
    }).pipe(Effect.provide(EnergyVad.layer())))

  it.effect("takes its options from the configuration", () =>
    Effect.gen(function*() {
      const configured = EnergyVad.layerConfig({
        threshold: Config.Finite("LOUDNESS"),
        minSilence: Config.Duration("SILENCE")
      })
      const provide = (env: Record<string, string>) =>
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
      const call = [tone(dBFS(-24), 200), tone(0, 100), tone(dBFS(-24), 200), tone(dBFS(-26), 600)]
      const events = yield* Stream.fromIterable(call).pipe(
        Vad.detect(),
        Stream.runCollect,
        Effect.provide(configured),
        provide({ LOUDNESS: "-25", SILENCE: "80 millis" })
      )
      assert.strictEqual(sentence(events), "SPESE")
      const error = yield* Effect.flip(
        provide({ LOUDNESS: "9", SILENCE: "1 second" })(Effect.scoped(Layer.build(configured)))
      )
      assert.include(error.message, "threshold")
    }))

  contract("EnergyVad", EnergyVad.layer(), recording("weather_question.wav"))
})
