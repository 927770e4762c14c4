/** Agents with a recogniser of their own. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Agent, Audio, Stt } from "effect-voice"
import * as Testing from "effect-voice/testing"

/** A recogniser that says who it is, and how much speech it was given, when it is asked. */
const ears = (name: string, options: { readonly delay?: number; readonly interims?: boolean } = {}) => {
  const opened: Array<string> = []
  const stt = Stt.make({
    name,
    wants: "speech",
    interims: options.interims === true,
    transcribe: (audio) =>
      Stream.suspend(() => {
        opened.push(name)
        let ms = 0
        return audio.pipe(
          Stream.mapEffect((input) => {
            if (!("_tag" in input)) {
              ms += Audio.durationMs(input)
              return Effect.succeed([])
            }
            const heard = Math.round(ms / 100)
            ms = 0
            return Effect.delay(Effect.succeed([{ text: `${name} heard ${heard}`, final: true }]), options.delay ?? 100)
          }),
          Stream.flattenIterable
        )
      })
  })
  return { opened, stt }
}

const hold = (
  first: Agent.Options["stt"],
  second: Agent.Options["stt"],
  user: ReadonlyArray<Testing.UserAction>,
  at: number,
  options: Testing.Scenario["options"] = {}
) =>
  Testing.scenario({
    agent: Agent.make({ name: "one", instructions: "", stt: first }),
    at: [{
      at,
      do: (session) => session.handoff(Agent.make({ name: "two", instructions: "", stt: second }))
    }],
    user,
    room: { frames: 20 },
    llm: ["Fine.", "Fine.", "Fine."],
    options,
    until: 20_000
  })

const transcripts = (timeline: Testing.Timeline) => timeline.of("UserTranscript").map(({ text }) => text)

describe("an agent with a recogniser of its own", () => {
  it.effect("is heard by it from the hand-off on, and by the pipeline's where the next has none", () =>
    Effect.gen(function*() {
      const german = ears("german")
      const timeline = yield* hold(german.stt, undefined, [
        Testing.say(1000, 2000, "Guten Tag."),
        Testing.say(8000, 9000, "Good morning.")
      ], 6000)
      assert.match(transcripts(timeline)[0]!, /^german heard 20$/)
      assert.strictEqual(transcripts(timeline)[1], "Good morning.")
      assert.deepStrictEqual(german.opened, ["german"])
    }))

  it.effect("hears what is being said at the hand-off to its end by the one that has begun to hear it", () =>
    Effect.gen(function*() {
      const [german, french] = [ears("german", { delay: 900 }), ears("french")]
      const timeline = yield* hold(german.stt, french.stt, [
        Testing.say(1000, 3000, "Ich hätte gern einen Tisch."),
        Testing.say(8000, 9000, "Bonjour.")
      ], 2000)
      const [first, second] = transcripts(timeline)
      assert.strictEqual(first, "german heard 30")
      assert.strictEqual(second, "french heard 20")
      assert.strictEqual(timeline.of("UserSpeechCommitted").length, 2)
    }))

  it.effect("opens nothing where the next has the same, or the pipeline hears nobody", () =>
    Effect.gen(function*() {
      const german = ears("german")
      yield* hold(german.stt, german.stt, [Testing.say(1000, 2000, "Hallo."), Testing.say(8000, 9000, "Hallo.")], 6000)
      assert.deepStrictEqual(german.opened, ["german"])
      const deaf = ears("deaf")
      yield* hold(deaf.stt, deaf.stt, [Testing.say(1000, 2000, "Hallo.")], 6000, { stt: false })
      assert.deepStrictEqual(deaf.opened, [])
    }))

  it.effect("changes while nobody has come yet, and at the end of the call", () =>
    Effect.gen(function*() {
      const [german, french] = [ears("german"), ears("french")]
      const early = yield* hold(german.stt, french.stt, [Testing.say(1000, 2000, "Bonjour.")], 10)
      assert.match(transcripts(early)[0]!, /^french/)
      const late = yield* hold(german.stt, french.stt, [Testing.say(1000, 2000, "Hallo."), Testing.leave(2600)], 2590)
      assert.match(transcripts(late)[0]!, /^german/)
      assert.strictEqual(late.of("SessionClosed").length, 1)
    }))
})
