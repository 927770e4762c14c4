import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Fiber, Stream } from "effect"
import { Audio, Failure, Llm, Stt, Tts, Vad } from "effect-voice"
import * as Testing from "effect-voice/testing"
import * as Prompt from "effect/ai/Prompt"
import { TestClock } from "effect/testing"

/** Runs a stream for a while and tells what came when, and how it ended. */
const watch = <A, E, R>(stream: Stream.Stream<A, E, R>, forMs = 20_000) =>
  Effect.gen(function*() {
    const seen: Array<readonly [number, A]> = []
    const fiber = yield* stream.pipe(
      Stream.runForEach((value) => Effect.map(Clock.currentTimeMillis, (at) => void seen.push([at, value]))),
      Effect.exit,
      Effect.flatMap((exit) => Effect.map(Clock.currentTimeMillis, (at) => ({ exit, at }))),
      Effect.forkChild
    )
    // Let it come to its first wait: the clock must not run ahead of it.
    for (let i = 0; i < 20; i++) yield* Effect.yieldNow
    yield* TestClock.adjust(forMs)
    const result = fiber.pollUnsafe()
    if (result === undefined) yield* Fiber.interrupt(fiber)
    const end = result !== undefined && Exit.isSuccess(result) ? result.value : undefined
    return {
      seen,
      endedAt: end?.at,
      failure: end !== undefined && Exit.isFailure(end.exit) ? Cause.squash(end.exit.cause) : undefined
    }
  })

const request = (text: string): Llm.Request => ({
  prompt: Prompt.make([{ role: "user", content: [{ type: "text", text }] }]),
  tools: []
})

const text = (delta: Llm.Delta) => delta._tag === "Text" ? delta.text : delta._tag

describe("the scripted model", () => {
  const ask = (script: Testing.LlmScript, options?: Testing.LlmOptions) =>
    Effect.flatMap(Llm.Llm, (llm) => watch(Stream.map(llm.reply(request("Hi")), text))).pipe(
      Effect.provide(Testing.layerLlm(script, options))
    )

  it.effect("spreads the words from the first token to the total", () =>
    Effect.gen(function*() {
      const { endedAt, seen } = yield* ask([{ text: "I am very well.", firstToken: 100, total: 400 }])
      assert.deepStrictEqual(seen, [[100, "I "], [200, "am "], [300, "very "], [400, "well."], [400, "Finish"]])
      assert.strictEqual(endedAt, 400)
    }))

  it.effect("has 100 and 300 as its times, and gives one word with the first token", () =>
    Effect.gen(function*() {
      const { endedAt, seen } = yield* ask(["Yes."])
      assert.deepStrictEqual(seen, [[100, "Yes."], [300, "Finish"]])
      assert.strictEqual(endedAt, 300)
    }))

  it.effect("calls tools at the end, with ids of its own", () =>
    Effect.gen(function*() {
      const seen = yield* Effect.flatMap(Llm.Llm, (llm) => watch(llm.reply(request("Hi")))).pipe(
        Effect.provide(
          Testing.layerLlm([{ text: "Let me look.", tools: [{ name: "look", params: { at: 1 } }, { name: "see" }] }], {
            pieces: 1
          })
        )
      )
      assert.deepStrictEqual(seen.seen, [
        [100, { _tag: "Text", text: "Let me look." }],
        [300, { _tag: "ToolCall", id: "call-1", name: "look", params: { at: 1 } }],
        [300, { _tag: "ToolCall", id: "call-2", name: "see", params: {} }],
        [300, { _tag: "Finish", reason: "tool-calls" }]
      ])
    }))

  it.effect("fails before the first word, or after some", () =>
    Effect.gen(function*() {
      const first = yield* ask([{ text: "a b c", fail: new Failure.Rejected({ status: 503 }) }])
      assert.deepStrictEqual(first.seen, [])
      assert.instanceOf(first.failure, Llm.LlmError)
      assert.isTrue((first.failure as Llm.LlmError).isRetryable)
      assert.strictEqual(first.endedAt, 100)
      const later = yield* ask([{ text: "a b c", fail: new Failure.Rejected({ status: 400 }), after: 2 }])
      assert.deepStrictEqual(later.seen.map(([, word]) => word), ["a ", "b "])
      assert.isFalse((later.failure as Llm.LlmError).isRetryable)
    }))

  it.effect("hangs, and ends empty", () =>
    Effect.gen(function*() {
      const hung = yield* ask([{ hang: true }])
      assert.deepStrictEqual([hung.seen, hung.endedAt], [[], undefined])
      const empty = yield* ask([{ text: "" }])
      assert.deepStrictEqual([empty.seen.length, empty.failure], [1, undefined])
    }))

  it.effect("records what it was asked and lets a function decide", () =>
    Effect.gen(function*() {
      const { calls, llm } = yield* Testing.llm(({ index, text }) => `${index}: ${text}`, { pieces: 1 })
      const first = yield* watch(Stream.map(llm.reply(request("Hi")), text), 300)
      const second = yield* watch(Stream.map(llm.reply(request("Bye")), text), 300)
      assert.deepStrictEqual([first.seen[0]?.[1], second.seen[0]?.[1]], ["0: Hi", "1: Bye"])
      const requests = yield* calls.requests
      assert.deepStrictEqual(requests.map(({ at, step, text }) => [at, step, text]), [[0, 0, "Hi"], [300, 0, "Bye"]])
    }))
})

describe("the scripted synthesiser", () => {
  const speak = (script: Testing.TtsScript, pieces: Stream.Stream<string>, options?: Testing.TtsOptions) =>
    Effect.flatMap(Tts.Tts, (tts) => watch(tts.speak(pieces))).pipe(Effect.provide(Testing.layerTts(script, options)))
  const length = (seen: ReadonlyArray<readonly [number, Tts.Chunk]>) =>
    seen.reduce((sum, [, { frame }]) => sum + Audio.durationMs(frame), 0)
  const words = (seen: ReadonlyArray<readonly [number, Tts.Chunk]>) =>
    seen.flatMap(([, chunk]) => chunk.alignment ?? [])

  it.effect("counts the first byte from the first text and lasts as long as it is told", () =>
    Effect.gen(function*() {
      const late = Stream.fromEffect(Effect.delay(Effect.succeed("Good morning."), 1000))
      const { endedAt, seen } = yield* speak({ duration: 2000, firstByte: 200 }, late)
      assert.deepStrictEqual([seen[0]?.[0], endedAt, length(seen)], [1200, 1200, 2000])
      assert.strictEqual(seen[0]?.[1].frame.sampleRate, 24_000)
      assert.deepStrictEqual(words(seen), [{ text: "Good ", start: 0, end: 769 }, {
        text: "morning.",
        start: 769,
        end: 2000
      }])
    }))

  it.effect("speaks 60 ms a character, piece by piece as the text comes", () =>
    Effect.gen(function*() {
      const pieces = Stream.make("One. ", "Two. ").pipe(
        Stream.concat(Stream.fromEffect(Effect.delay(Effect.succeed("Three."), 1000)))
      )
      const { seen } = yield* speak({ alignment: "piece" }, pieces)
      assert.deepStrictEqual(seen.map(([at, { alignment, frame }]) => [at, Audio.durationMs(frame), alignment?.[0]]), [
        [200, 300, { text: "One. ", start: 0, end: 300 }],
        [200, 300, { text: "Two. ", start: 300, end: 600 }],
        [1000, 360, { text: "Three.", start: 600, end: 960 }]
      ])
    }))

  it.effect("keeps to its duration when text comes late, whatever its length", () =>
    Effect.gen(function*() {
      for (const duration of [100, 700, 5000]) {
        const pieces = Stream.make("One two. ").pipe(
          Stream.concat(Stream.fromEffect(Effect.delay(Effect.succeed("Three four."), 1000)))
        )
        const { seen } = yield* speak({ duration }, pieces)
        assert.strictEqual(length(seen), duration)
        assert.strictEqual(words(seen).map((word) => word.text).join(""), "One two. Three four.")
      }
    }))

  it.effect("cuts chunks and aligns each word once, also when it is audible", () =>
    Effect.gen(function*() {
      const { seen } = yield* speak({ duration: 1000, chunk: 20, audio: "audible" }, Stream.make("Hello there."), {
        sampleRate: 48_000
      })
      assert.strictEqual(seen.length, 50)
      assert.strictEqual(words(seen).map((word) => word.text).join(""), "Hello there.")
      assert.strictEqual(Testing.readSpeech(Audio.concat(seen.map(([, chunk]) => chunk.frame))).text, "Hello there.")
    }))

  it.effect("says nothing to no text", () =>
    Effect.gen(function*() {
      const { endedAt, seen } = yield* speak({}, Stream.make("", ""))
      assert.deepStrictEqual([seen, endedAt], [[], 0])
    }))

  it.effect("fails, hangs and ends empty", () =>
    Effect.gen(function*() {
      const first = yield* speak({ fail: true, firstByte: 50 }, Stream.make("a"))
      assert.deepStrictEqual([first.seen, first.endedAt], [[], 50])
      assert.instanceOf(first.failure, Tts.TtsError)
      const later = yield* speak({ fail: true, after: 1 }, Stream.make("a", "b"))
      assert.strictEqual(later.seen.length, 1)
      assert.instanceOf(later.failure, Tts.TtsError)
      const hung = yield* speak({ hang: true, after: 1 }, Stream.make("a"))
      assert.deepStrictEqual([hung.seen.length, hung.endedAt], [1, undefined])
      const empty = yield* speak({ empty: true }, Stream.make("a"))
      assert.deepStrictEqual([empty.seen, empty.endedAt, empty.failure], [[], 60_200, undefined])
    }))

  it.effect("takes its speeches from a list and records its text", () =>
    Effect.gen(function*() {
      const { calls, tts } = yield* Testing.tts([{ fail: true }, { duration: 100 }])
      const first = yield* watch(tts.speak(Stream.make("a")), 1000)
      const second = yield* watch(tts.speak(Stream.make("b", "c"), { voice: "anna" }), 1000)
      const third = yield* watch(tts.speak(Stream.make("d")), 1000)
      assert.deepStrictEqual([first.failure === undefined, length(second.seen), length(third.seen)], [false, 100, 100])
      assert.deepStrictEqual(yield* calls.calls, [
        { at: 0, pieces: ["a"], voice: undefined, firstOutputAt: undefined, endedAt: 200, outcome: "failed" },
        { at: 1000, pieces: ["b", "c"], voice: "anna", firstOutputAt: 1200, endedAt: 1200, outcome: "completed" },
        { at: 2000, pieces: ["d"], voice: undefined, firstOutputAt: 2200, endedAt: 2200, outcome: "completed" }
      ])
    }))
})

const utterance = (text: string, ms: number, hearing: Testing.Hearing = {}): Testing.Utterance => ({
  text,
  ms,
  ...hearing
})

const started = (at: number, said: Testing.Utterance) => Testing.marked(at, { _tag: "VoiceStarted", utterance: said })
const stopped = (at: number, said: string) => Testing.marked(at, { _tag: "VoiceStopped", said })

/** Each input at its time; the audio ends with the last one unless it goes on. */
const at = (inputs: ReadonlyArray<readonly [number, Stt.Input]>, goesOn = true): Stream.Stream<Stt.Input> =>
  Stream.fromIterable(inputs).pipe(
    Stream.mapEffect(([at, input]) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.delay(Effect.succeed(input), Math.max(0, at - now)))
    ),
    (inputs) => goesOn ? Stream.concat(inputs, Stream.never) : inputs
  )

const says = (from: number, to: number, text: string, hearing?: Testing.Hearing) =>
  [[from, started(from, utterance(text, to - from, hearing))], [to, stopped(to, text)]] as const

describe("the scripted recogniser", () => {
  const hear = (options: Testing.SttOptions, inputs: ReadonlyArray<readonly [number, Stt.Input]>, goesOn = true) =>
    Effect.flatMap(Stt.Stt, (stt) => watch(stt.transcribe(at(inputs, goesOn)))).pipe(
      Effect.provide(Testing.layerStt(options))
    )
  const brief = (seen: ReadonlyArray<readonly [number, Stt.Transcript]>) =>
    seen.map(([at, { final, text }]) => `${at} ${final ? "" : "~"}${text}`)

  it.effect("gives the final transcript 200 ms after the voice", () =>
    Effect.gen(function*() {
      const { seen } = yield* hear({}, says(500, 2500, "Hello, how are you?"))
      assert.deepStrictEqual(seen, [[2700, { text: "Hello, how are you?", final: true, confidence: 0.9 }]])
    }))

  it.effect("gives interims word by word, and times when it is told to", () =>
    Effect.gen(function*() {
      const options = { interims: true, times: true, language: "en" }
      const { seen } = yield* hear(options, says(1000, 2000, "Well hi now"))
      assert.deepStrictEqual(brief(seen), ["1455 ~Well", "1727 ~Well hi", "2200 Well hi now"])
      const last = seen.at(-1)![1]
      assert.deepStrictEqual([last.start, last.end, last.language], [0, 1000, "en"])
      assert.deepStrictEqual(last.words, [
        { text: "Well", start: 0, end: 455 },
        { text: "hi", start: 455, end: 727 },
        { text: "now", start: 727, end: 1000 }
      ])
    }))

  it.effect("hears only the words that were complete when the voice was cut off", () =>
    Effect.gen(function*() {
      const { seen } = yield* hear({ interims: true }, [
        [0, started(0, utterance("one two three", 1300))],
        [900, stopped(900, "one two")]
      ])
      assert.deepStrictEqual(brief(seen), ["400 ~one", "800 ~one two", "1100 one two"])
    }))

  it.effect("hears an utterance as it asks to be heard", () =>
    Effect.gen(function*() {
      const { seen } = yield* hear({}, [
        ...says(0, 500, "Hello", { heard: "" }),
        ...says(1000, 1500, ""),
        ...says(2000, 2500, "Hi", { finalDelay: 900, confidence: 0.2 }),
        ...says(4000, 5000, "Stop", { finalDelay: -300 }),
        ...says(6000, 7000, "x", {
          transcripts: [{ at: 300, text: "a", final: false }, { at: 400, text: "a b" }, { at: 1500, text: "c" }]
        })
      ])
      assert.deepStrictEqual(brief(seen), ["700 ", "3400 Hi", "4700 Stop", "6300 ~a", "6400 a b", "7500 c"])
      assert.strictEqual(seen[1]?.[1].confidence, 0.2)
    }))

  it.effect("hears from a list, whatever was said", () =>
    Effect.gen(function*() {
      const { seen } = yield* hear({ transcripts: ["yes"] }, [...says(0, 500, "Hello"), ...says(1000, 1500, "no")])
      assert.deepStrictEqual(brief(seen), ["700 yes", "1700 no"])
    }))

  it.effect("gives what was said so far when it is asked to, and the rest later", () =>
    Effect.gen(function*() {
      const { seen } = yield* hear({}, [
        [0, started(0, utterance("one two three", 1300))],
        [850, Stt.Finalize],
        [1300, stopped(1300, "one two three")],
        [1400, Stt.Finalize]
      ])
      assert.deepStrictEqual(brief(seen), ["1050 one two", "1500 three"])
    }))

  it.effect("ends with the audio, when everything was transcribed", () =>
    Effect.gen(function*() {
      const whole = yield* hear({}, says(0, 500, "Hello"), false)
      assert.deepStrictEqual([brief(whole.seen), whole.endedAt], [["700 Hello"], 700])
      const cut = yield* hear({}, [
        [20_000, started(20_000, utterance("one two", 700))],
        [20_450, Testing.marked(20_450, { _tag: "Moment" })]
      ], false)
      assert.deepStrictEqual([brief(cut.seen), cut.endedAt], [["20650 one"], 20_650])
    }))

  it.effect("reads real audio back, and follows it by the final delay", () =>
    Effect.gen(function*() {
      const said = Testing.speech("Hello there, you.", { duration: 2000 })
      const silence = Audio.silence(1000, Audio.speech)
      const frames = Audio.concat([silence, said, silence])
      const inputs = Array.from({ length: 200 }, (_, i): readonly [number, Stt.Input] => [
        (i + 1) * 20,
        { ...Audio.slice(frames, i * 20, (i + 1) * 20), at: i * 20 }
      ])
      const { seen } = yield* hear({ times: true }, inputs)
      assert.deepStrictEqual(brief(seen), ["3200 Hello there, you."])
      assert.deepStrictEqual([seen[0]?.[1].start, seen[0]?.[1].end], [1000, 3000])
    }))

  it.effect("fails on opening, then works", () =>
    Effect.gen(function*() {
      const { calls, stt } = yield* Testing.stt({ faults: [{ fail: new Failure.Rejected({ status: 401 }) }] })
      const first = yield* watch(stt.transcribe(at(says(0, 500, "a"))), 100)
      assert.isFalse((first.failure as Stt.SttError).isRetryable)
      assert.strictEqual(first.endedAt, 0)
      const second = yield* watch(stt.transcribe(at(says(1000, 1500, "b"))), 5000)
      assert.deepStrictEqual(brief(second.seen), ["1700 b"])
      assert.deepStrictEqual((yield* calls.connections).map(({ closedAt, openedAt }) => [openedAt, closedAt]), [
        [0, 0],
        [100, 5100]
      ])
    }))

  it.effect("fails, ends and hangs after a number of transcripts or a time", () =>
    Effect.gen(function*() {
      const both = [...says(0, 500, "a"), ...says(1000, 1500, "b")]
      const failed = yield* hear({ faults: { fail: true, after: 1 } }, both)
      assert.deepStrictEqual([brief(failed.seen), failed.endedAt], [["700 a"], 700])
      assert.instanceOf(failed.failure, Stt.SttError)
    }))

  it.effect("ends early", () =>
    Effect.gen(function*() {
      const ended = yield* hear({ faults: { end: true, afterTime: 300 } }, says(0, 500, "a"))
      assert.deepStrictEqual([ended.seen, ended.endedAt, ended.failure], [[], 300, undefined])
    }))

  it.effect("hangs, and is slow", () =>
    Effect.gen(function*() {
      const { stt } = yield* Testing.stt({ faults: [{ hang: true }, { finalDelay: 4000 }] })
      const hung = yield* watch(stt.transcribe(at(says(0, 500, "a"))), 6000)
      assert.deepStrictEqual([hung.seen, hung.endedAt], [[], undefined])
      const slow = yield* watch(stt.transcribe(at(says(6000, 6500, "b"))), 6000)
      assert.deepStrictEqual(brief(slow.seen), ["10500 b"])
    }))
})

describe("the scripted detector", () => {
  /** Feeds frames at their times, and the moments that the detector asks for. */
  const detect = (frames: ReadonlyArray<Testing.MarkedFrame>, options?: Vad.Options) =>
    Effect.gen(function*() {
      const vad = yield* Vad.Vad
      const detector = yield* vad.detector(options)
      const found: Array<string> = []
      const queue = [...frames]
      while (queue.length > 0) {
        queue.sort((a, b) => a.at - b.at)
        const frame = queue.shift()!
        const remind = (at: number) => void queue.push(Testing.marked(at, { _tag: "Moment" }))
        const reminding: Testing.Mark = "utterance" in frame.mark || frame.mark._tag === "VoiceStopped"
          ? { ...frame.mark, remind }
          : frame.mark
        for (const event of yield* detector.push([Testing.marked(frame.at, reminding)])) {
          found.push(`${frame.at} ${event._tag} ${event.at}`)
        }
      }
      return found
    }).pipe(Effect.provide(Testing.layerVad()))
  const voice = (from: number, to: number) => [started(from, utterance("x", to - from)), stopped(to, "x")]

  it.effect("reports a speech 50 ms after its start and 500 ms after its end", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* detect(voice(500, 2500)), [
        "550 SpeechStarted 500",
        "2500 VoicePaused 2500",
        "3000 SpeechEnded 2500"
      ])
    }))

  it.effect("takes its times from the options", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* detect(voice(500, 2500), { minSpeech: 300, minSilence: "1 second" }), [
        "800 SpeechStarted 500",
        "2500 VoicePaused 2500",
        "3500 SpeechEnded 2500"
      ])
    }))

  it.effect("joins voice over a short pause, parts it after a long one, and ignores a click", () =>
    Effect.gen(function*() {
      const frames = [...voice(0, 1000), ...voice(1499, 2000), ...voice(2500, 3000), ...voice(5000, 5049)]
      assert.deepStrictEqual(yield* detect(frames), [
        "50 SpeechStarted 0",
        "1000 VoicePaused 1000",
        "1499 VoiceResumed 1499",
        "2000 VoicePaused 2000",
        "2500 SpeechEnded 2000",
        "2550 SpeechStarted 2500",
        "3000 VoicePaused 3000",
        "3500 SpeechEnded 3000"
      ])
    }))

  it.effect("takes voice of exactly the least length for speech", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* detect(voice(0, 50)), [
        "50 SpeechStarted 0",
        "50 VoicePaused 50",
        "550 SpeechEnded 50"
      ])
    }))

  it.effect("closes a speech that is cut off, and can go on", () =>
    Effect.gen(function*() {
      const detector = yield* Testing.vad().detector()
      yield* detector.push([started(0, utterance("x", 5000)), Testing.marked(50, { _tag: "Moment" })])
      assert.deepStrictEqual((yield* detector.end).map((event) => event._tag), ["SpeechEnded"])
      assert.deepStrictEqual(yield* detector.end, [])
      const [first] = yield* detector.push([started(900, utterance("y", 100)), Testing.marked(950, { _tag: "Moment" })])
      assert.strictEqual(first?._tag, "SpeechStarted")
    }))

  it.effect("hears loud frames with samples, with their audio", () =>
    Effect.gen(function*() {
      const audio = Audio.concat([
        Audio.silence(1000, Audio.speech),
        Testing.speech("Hello", { duration: 400 }),
        Audio.silence(1000, Audio.speech)
      ])
      const frames = Array.from({ length: 120 }, (_, i) => ({ ...Audio.slice(audio, i * 20, i * 20 + 20), at: i * 20 }))
      const events = yield* Testing.vad({ prefixPadding: 200 }).detect(Stream.fromIterable(frames)).pipe(
        Stream.runCollect
      )
      assert.deepStrictEqual(events.map((event) => `${event._tag} ${event.at}`), [
        "SpeechStarted 1000",
        "VoicePaused 1400",
        "SpeechEnded 1400"
      ])
      const last = events[2]!
      assert.isTrue(last._tag === "SpeechEnded" && last.speech.at === 800)
      assert.strictEqual(last._tag === "SpeechEnded" && Testing.readSpeech(last.speech.frame).text, "Hello")
    }))

  it.effect("fails when it is made, or after a number of speeches", () =>
    Effect.gen(function*() {
      const fail = new Vad.InferenceFailed({ detail: "no" })
      assert.instanceOf(yield* Effect.flip(Testing.vad({ fail }).detector()), Vad.VadError)
      const detector = yield* Testing.vad({ fail, after: 1 }).detector()
      yield* detector.push([...voice(0, 500), Testing.marked(1000, { _tag: "Moment" })])
      assert.instanceOf(yield* Effect.flip(detector.push([])), Vad.VadError)
      const wrong = yield* Effect.flip(Testing.vad().detector({ activation: 2 }))
      assert.instanceOf(wrong.reason, Failure.InvalidOptions)
    }))
})
