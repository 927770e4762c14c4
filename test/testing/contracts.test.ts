/** The contracts of providers, held against providers that break them: each says which rule, and what is wrong. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Stream } from "effect"
import { Agent, Audio, Llm, Stt, Tts } from "effect-voice"
import * as Testing from "effect-voice/testing"

const speech = [Audio.silence(1000, Audio.speech)]

type Listen = <E, R>(audio: Stream.Stream<Stt.Input, E, R>) => Stream.Stream<Stt.Transcript, E, R>

const word = (start: number, end: number): Stt.Transcript => ({ text: "hello", final: true, start, end })

const good: Listen = (audio) => audio.pipe(Stream.filter((input) => "_tag" in input), Stream.map(() => word(0, 900)))

const ears = (transcribe: Listen) => Stt.make({ name: "ours", transcribe })

const speaks = (
  change: (frame: Audio.Frame, piece: string) => Tts.Chunk
): Pick<Parameters<typeof Tts.make>[0], "speak"> => ({
  speak: (text) =>
    Stream.flatMap(
      text,
      (piece) =>
        piece.trim() === ""
          ? Stream.empty
          : Stream.succeed(change(Audio.silence(piece.length * 60, Audio.speech), piece))
    )
})

const voice = (own: Pick<Parameters<typeof Tts.make>[0], "speak">) =>
  Tts.make({ name: "ours", sampleRate: 16_000, channels: 1, ...own })

const mind = (...deltas: ReadonlyArray<Llm.Delta>) =>
  Llm.make({ name: "ours", reply: () => Stream.fromIterable(deltas) })

const broken = <S>(checks: ReadonlyArray<Testing.ProviderCheck<S>>, service: S) =>
  Effect.map(
    Effect.forEach(checks, ({ holds, sentence }) =>
      Effect.map(Effect.exit(Effect.scoped(holds(service))), (exit) =>
        Exit.isSuccess(exit)
          ? []
          : [`${sentence}: ${String((Cause.squash(exit.cause) as Error).message).split("\n")[0]}`])),
    (all) =>
      all.flat()
  )

const stt = (transcribe: Listen) => broken(Testing.sttContract({ speech, timeout: "100 millis" }), ears(transcribe))
const tts = (own: Parameters<typeof voice>[0]) => broken(Testing.ttsContract({ timeout: "100 millis" }), voice(own))

describe("a recogniser's contract", () => {
  it.effect("is kept by one that hears", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* stt(good), [])
    }))

  it.effect.each<readonly [fault: string, told: RegExp, transcribe: Listen]>([
    ["goes on for ever", /must end when the audio has ended/, (audio) => Stream.concat(good(audio), Stream.never)],
    [
      "swallows the failure of its audio",
      /failure of the audio/,
      (audio) => Stream.catch(good(audio), () => Stream.empty)
    ],
    [
      "hears beyond the audio",
      /must end within the audio \(1000 ms\), not at 5000 ms/,
      (audio) => Stream.map(good(audio), () => word(0, 5000))
    ],
    [
      "takes each rate for 16 kHz",
      /audio of 48 kHz \(1000 ms\) must not be read as another rate: a transcript of it ends at 3000 ms.*format of Stt.make/,
      (audio) =>
        Stream.mapAccum(
          audio,
          () => 0,
          (ms: number, input): readonly [number, ReadonlyArray<Stt.Transcript>] =>
            "_tag" in input ? [ms, [word(0, ms)]] : [ms + input.samples.length / 16, []]
        )
    ],
    ["hears nothing", /must have a final transcript/, (audio) => Stream.filter(good(audio), () => false)],
    [
      "hears the end before the beginning",
      /must come in order/,
      (audio) => Stream.flatMap(good(audio), () => Stream.make(word(500, 900), word(100, 400)))
    ],
    [
      "keeps the audio of whoever has gone",
      /must be let go when the stream is interrupted/,
      (audio) => Stream.unwrap(Effect.as(Effect.forkDetach(Effect.ignore(Stream.runDrain(audio))), Stream.never))
    ]
  ])("is broken by one that %s, in words that say so", ([, told, transcribe]) =>
    Effect.gen(function*() {
      const found = yield* stt(transcribe)
      assert.isAtLeast(found.length, 1)
      assert.match(found.join("\n"), told)
    }))
})

describe("a contract that is told when nobody is connected", () => {
  /** A provider whose connections are closed by one of the ways in which a stream may end, or by each. */
  const connecting = (closes: (exit: Exit.Exit<unknown, unknown>) => boolean) => {
    let open = 0
    const closed = Effect.suspend(() => open === 0 ? Effect.void : Effect.never)
    const during = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
      Stream.suspend(() => {
        open++
        return Stream.onExit(stream, (exit) => Effect.sync(() => void (closes(exit) && open--)))
      })
    const options = { timeout: "100 millis", closed } as const
    return Effect.all([
      broken(Testing.sttContract({ speech, ...options }), ears((audio) => during(good(audio)))),
      broken(
        Testing.ttsContract(options),
        voice({ speak: (text) => during(speaks((frame) => ({ frame })).speak(text)) })
      ),
      broken(
        Testing.llmContract(options),
        Llm.make({ name: "ours", reply: () => during(Stream.make({ _tag: "Text", text: "Hi." }, { _tag: "Finish" })) })
      )
    ])
  }

  it.effect("is kept by providers that close theirs", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* connecting(() => true), [[], [], []])
    }))

  it.effect("is broken by those that leave one open", () =>
    Effect.gen(function*() {
      const told = /the connection of a stream must be closed when the stream ends, fails or is interrupted/
      const never = yield* connecting(() => false)
      for (const found of never) assert.match(found.join("\n"), told)
      // One that is interrupted is left open: of a recogniser and a voice whose stream is cut off, that is seen.
      const [stt, tts] = yield* connecting((exit) => !Exit.hasInterrupts(exit))
      assert.match(stt.join("\n"), /lets go of the audio when it is interrupted: the connection of a stream must/)
      assert.match(tts.join("\n"), /lets go of it when it is interrupted: the connection of a stream must/)
    }))
})

describe("a voice's contract", () => {
  it.effect("is kept by one that speaks", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* tts(speaks((frame) => ({ frame }))), [])
    }))

  it.effect("is kept by one that times words, with or without the white space between them", () =>
    Effect.gen(function*() {
      for (const between of [" ", ""]) {
        const speak: Tts.Tts["Service"]["speak"] = (text) => {
          let at = 0
          return Stream.flatMap(text, (piece) =>
            Stream.fromIterable((piece.match(/\S+/g) ?? []).map((word) => ({
              frame: Audio.silence(100, Audio.speech),
              alignment: [{ text: word + between, start: at, end: at += 100 }]
            }))))
        }
        assert.deepStrictEqual(yield* tts({ speak }), [])
      }
    }))

  it.effect("says which test it wants, where it has the wrong Clock", () =>
    Effect.gen(function*() {
      const kept = voice(speaks((frame) => ({ frame })))
      const [there] = yield* broken(Testing.ttsContract({ live: true }), kept)
      assert.match(there!, /live: true wants the real Clock: write it\.live/)
    }))

  it.live("says so with the real one, too, and so does a room's", () =>
    Effect.gen(function*() {
      const kept = voice(speaks((frame) => ({ frame })))
      const [here] = yield* broken(Testing.ttsContract(), kept)
      assert.match(here!, /wants the TestClock: write it\.effect, or live: true/)
      const { caller, room } = yield* Testing.room({ joins: false })
      const peers: any = { join: () => Effect.ignore(caller.joins), mute: () => Effect.void }
      const held = yield* Effect.forEach(Testing.roomContract(), ({ holds }) => Effect.exit(holds(room, peers)))
      assert.match(held.map(String).join("\n"), /pass: Effect\.sleep for a room in real time/)
    }))

  it.effect.each<readonly [fault: string, told: RegExp, own: Parameters<typeof voice>[0]]>([
    [
      "says another text",
      /must be what was said/,
      speaks((frame) => ({
        frame,
        alignment: [{ text: "something else", start: 0, end: 1 }]
      }))
    ],
    ["is silent", /must have audio/, { speak: (text) => Stream.drain(text) }],
    ["makes a sound of nothing", /without words must have no audio/, {
      speak: (text) => Stream.concat(Stream.drain(text), Stream.succeed({ frame: Audio.silence(100, Audio.speech) }))
    }],
    ["waits for the whole text", /heard while the text still comes/, {
      speak: (text) =>
        Stream.unwrap(
          Effect.map(Stream.runCollect(text), (pieces) =>
            pieces.join("").trim() === "" ? Stream.empty : Stream.succeed({ frame: Audio.silence(900, Audio.speech) }))
        )
    }]
  ])("is broken by one that %s, in words that say so", ([, told, own]) =>
    Effect.gen(function*() {
      const found = yield* tts(own)
      assert.isAtLeast(found.length, 1)
      assert.match(found.join("\n"), told)
    }))
})

describe("a voice of one's own in a scenario", () => {
  it.effect("is cut where the caller cuts in, and breaks no invariant: the kit does not hear what it says", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "You teach.", tts: voice(speaks((frame) => ({ frame }))) }),
        user: [Testing.say(500, 2000, "What is a fraction?"), Testing.say(7000, 8500, "Wait, a part of what?")],
        llm: ["A fraction is a part of a whole, such as one half of an apple, or three quarters of a cake.", "Of one."]
      })
      assert.match(timeline.messages[1] ?? "", /^assistant: A fraction .*—$/)
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))
})

describe("a model's contract", () => {
  const held = (llm: Llm.Llm["Service"]) => broken(Testing.llmContract({ timeout: "100 millis" }), llm)

  it.effect("is kept by one that answers, and broken by others, in words that say so", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* held(mind({ _tag: "Text", text: "Room seven." }, { _tag: "Finish" })), [])
      assert.match((yield* held(mind({ _tag: "Finish" }))).join("\n"), /must have text or calls/)
      const call: Llm.Delta = { _tag: "ToolCall", id: "1", name: "find_room", params: {} }
      assert.match((yield* held(mind(call, call))).join("\n"), /must not have one id/)
      const endless = Llm.make({ name: "ours", reply: () => Stream.never })
      assert.match((yield* held(endless)).join("\n"), /must end, and it goes on/)
    }))
})
