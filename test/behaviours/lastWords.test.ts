/** What the caller says last is in the history, however the session ends. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Stream } from "effect"
import { Agent, Failure, Pipeline, Session, Stt } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"

const spoken = "Please book it, and goodbye."
/** Its voice ends at 2,500, its final transcript comes at 2,700. */
const asked = Testing.say(500, 2500, spoken)

type End = "leaves" | "close" | "hangUp" | "room" | "drain"
const ends: ReadonlyArray<End> = ["leaves", "close", "hangUp", "room", "drain"]

const ending = (end: End): Testing.Step<never>["do"] => (session, caller) => {
  switch (end) {
    case "leaves":
      return caller.leaves
    case "close":
      return session.close()
    case "drain":
      return session.close({ drain: true })
    case "hangUp":
      return session.hangUp()
    case "room":
      return caller.room.disconnect("room_closed")
  }
}

const hold = (end: End, at: number, script: {
  readonly exits?: number
  readonly tooLate?: boolean
  readonly user?: ReadonlyArray<Testing.UserAction>
  readonly stt?: Testing.SttOptions
  readonly ears?: Stt.Stt["Service"]
  readonly options?: Pipeline.Options
} = {}) =>
  Effect.gen(function*() {
    const seen: Array<string> = []
    const timeline = yield* Testing.scenario({
      agent: Agent.make({
        instructions: "",
        onExit: Session.Session.use((session) =>
          Effect.gen(function*() {
            for (const item of (yield* session.history).items) if (item._tag === "Message") seen.push(item.text)
            yield* Effect.sleep(script.exits ?? 0)
          })
        )
      }),
      user: script.user ?? [asked],
      at: [{ at, do: ending(end) }],
      llm: [{ text: "Booked." }],
      ...(script.stt === undefined ? {} : { stt: script.stt }),
      ...(script.options === undefined ? {} : { options: script.options }),
      ...(script.ears === undefined ? {} : { layer: Layer.succeed(Stt.Stt, script.ears) })
    })
    // A final transcript that comes when its interim one was kept is in no turn as a whole.
    if (script.tooLate !== true) assert.deepStrictEqual(Testing.invariants(timeline), [])
    assert.deepStrictEqual(timeline.failures, [])
    assert.strictEqual(timeline.left, "")
    const said = timeline.messages.filter((message) => message.startsWith("user: "))
    return { seen, said, timeline, closedAt: timeline.of("SessionClosed")[0]!.at }
  })

/** A recogniser that is fed and does as it is told at the end. */
const ears = (transcribe: Stt.Stt["Service"]["transcribe"]) =>
  Stt.Stt.of({ name: "ears", interims: false, resilient: true, transcribe })

describe("words whose transcript is still to come when the session ends", () => {
  for (const end of ends) {
    for (const interims of [false, true]) {
      for (const exits of [0, 3000]) {
        it.effect.each([2450, 2550, 2650, 2699])(
          `are in the history once, before onExit (${end}, interims ${interims}, onExit of ${exits} ms, at %d)`,
          (at) =>
            Effect.gen(function*() {
              const { said, seen, timeline } = yield* hold(end, at, { exits, stt: { interims } })
              // A microphone that is closed in mid-speech gives what was said until then.
              const whole = at > 2500 || end === "drain" || end === "hangUp"
              if (whole) {
                assert.deepStrictEqual(said, [`user: ${spoken}`])
                assert.strictEqual(seen[0], spoken)
              } else {
                assert.strictEqual(said.length, 1)
                assert.match(said[0]!, /^user: Please book it/)
                assert.strictEqual(`user: ${seen[0]}`, said[0])
              }
              if (end !== "drain") assert.isAtMost(timeline.of("SessionClosed")[0]!.at, at + 400 + exits)
            })
        )
      }
    }
  }

  it.effect.each(ends)(
    "are waited for for two seconds and no longer, where the recogniser never answers (%s)",
    (end) =>
      Effect.gen(function*() {
        for (const at of [1500, 2550]) {
          for (const interims of [false, true]) {
            const { closedAt, said } = yield* hold(end, at, {
              stt: { interims, faults: { hang: true, afterTime: interims ? 1400 : 0 } }
            })
            assert.strictEqual(closedAt, at + 2000)
            assert.strictEqual(said.length, interims ? 1 : 0)
          }
        }
      })
  )

  it.effect.each(ends)("are waited for as long as the options say (%s)", (end) =>
    Effect.gen(function*() {
      const stt = { faults: { hang: true } }
      for (const lastWordsTimeout of [0, 700]) {
        const { closedAt } = yield* hold(end, 2550, { stt, options: { lastWordsTimeout } })
        assert.strictEqual(closedAt, 2550 + lastWordsTimeout)
      }
      const { closedAt } = yield* hold(end, 2550, { stt, options: { closeTimeout: 300 } })
      assert.strictEqual(closedAt, 2850)
    }))

  it.effect.each(["leaves", "close", "hangUp", "room"] as const)(
    "%s: not at all, where nothing is owed",
    (end) =>
      Effect.gen(function*() {
        for (const stt of [{}, { faults: { hang: true, after: 1 } }]) {
          for (const at of [400, 2701, 2900, 8000]) {
            assert.strictEqual((yield* hold(end, at, { stt })).closedAt, at)
          }
        }
        assert.strictEqual((yield* hold(end, 2000, { options: { stt: false } })).closedAt, 2000)
        // A cough that is long over owes no words.
        const cough = { user: [Testing.cough(500, 900)], stt: { faults: { hang: true } } }
        assert.strictEqual((yield* hold(end, 20_000, cough)).closedAt, 20_000)
      })
  )

  it.effect.each(["leaves", "close", "hangUp", "room"] as const)(
    "end at once with a recogniser that fails, or ends (%s)",
    (end) =>
      Effect.gen(function*() {
        const lost = new Stt.SttError({ provider: "ears", reason: new Failure.Disconnected({}) })
        for (const last of [Stream.fail(lost), Stream.empty]) {
          const { closedAt } = yield* hold(end, 2550, {
            ears: ears((audio) => Stream.concat(Stream.drain(audio), last))
          })
          assert.strictEqual(closedAt, 2550)
        }
        // One that has been lost before, and waits to be opened again.
        const dead = yield* hold(end, 2550, { ears: ears(() => Stream.fail(lost)), options: { apology: false } })
        assert.isAtMost(dead.closedAt, 2550)
      })
  )

  it.effect("are all there, where the recogniser gives them sentence by sentence", () =>
    Effect.gen(function*() {
      const { said } = yield* hold("leaves", 2550, {
        ears: ears((audio) => {
          let finalized = false
          return Stream.flatMap(audio, (input): Stream.Stream<Stt.Transcript> => {
            if ("samples" in input || finalized) return Stream.empty
            finalized = true
            return Stream.concat(
              Stream.make({ text: "Please book it.", final: true, end: 1000 }),
              Stream.fromEffect(Effect.delay(Effect.succeed({ text: "Goodbye.", final: true, end: 2000 }), 300))
            )
          })
        })
      })
      assert.deepStrictEqual(said, ["user: Please book it. Goodbye."])
    }))

  it.effect.each(ends)(
    "are waited for where those of the voice before come first, late (%s)",
    (end) =>
      Effect.gen(function*() {
        for (const interims of [false, true]) {
          for (const at of [2850, 2950]) {
            const user = [
              Testing.say(500, 1500, "Please book it", { finalDelay: 1500 }),
              Testing.say(2200, 2800, "and goodbye.", { finalDelay: 400 })
            ]
            const { said } = yield* hold(end, at, { user, stt: { interims } })
            const all = said.map((one) => one.slice("user: ".length)).join(" ")
            assert.strictEqual(all, "Please book it and goodbye.", `${interims} ${at}`)
          }
        }
      })
  )

  it.effect.each(ends)(
    "are waited for, too, where the turn before them has just been committed (%s)",
    (end) =>
      Effect.gen(function*() {
        // The first transcript comes at 2,700, in the second voice; with it the turn is committed at 3,700.
        const user = [Testing.say(500, 1500, "Please book it."), Testing.say(2200, 3200, "Goodbye.")]
        const { said, seen } = yield* hold(end, 4000, {
          user,
          stt: { finalDelay: 1200 },
          options: { turn: { endpointing: { maxDelay: 500 } } }
        })
        assert.deepStrictEqual(said, ["user: Please book it.", "user: Goodbye."])
        assert.includeMembers(seen, ["Goodbye."])
      })
  )

  it.effect("are kept as the recogniser has them so far, and only what is new of a final transcript that is later still", () =>
    Effect.gen(function*() {
      for (const [final, kept] of [["Please book", []], ["Please book it now", ["user: it now"]]] as const) {
        const { said } = yield* hold("leaves", 2550, {
          exits: 4000,
          tooLate: true,
          user: [Testing.say(500, 2500, spoken, {
            transcripts: [{ at: 1000, text: "Please book", final: false }, { at: 5000, text: final }]
          })]
        })
        assert.deepStrictEqual(said, ["user: Please book", ...kept])
      }
    }))

  it.effect.each(["leaves", "close"] as const)(
    "are recognised by what takes single utterances (%s)",
    (end) =>
      Effect.gen(function*() {
        for (const at of [1900, 2600]) {
          const timeline = yield* Testing.scenario({
            room: { frames: 20 },
            user: [Testing.say(500, 2500, "one two three four five")],
            at: [{ at, do: ending(end) }],
            layer: Layer.merge(
              EnergyVad.layer(),
              Layer.sync(Stt.Stt, () =>
                Stt.fromRecognizer({
                  name: "one-shot",
                  recognize: (speech) => Effect.delay(Effect.sync(() => Testing.readSpeech(speech)), 600)
                }))
            )
          })
          assert.strictEqual(timeline.messages.length, 1)
          assert.match(timeline.messages[0]!, at > 2500 ? /^user: one two three four five$/ : /^user: one two three/)
          assert.closeTo(timeline.of("SessionClosed")[0]!.at, at + 600, 1)
        }
      })
  )

  it.effect("are not waited for where the conversation is interrupted", () =>
    Effect.gen(function*() {
      for (const at of [1500, 2550]) {
        const closed: Array<number> = []
        yield* Testing.inVirtualTime(
          Effect.gen(function*() {
            const caller = yield* Testing.Caller
            const running = yield* Effect.forkChild(
              Pipeline.run(Agent.make({ instructions: "" }), {
                onEvent: (event) => {
                  if (event._tag === "SessionClosed") closed.push(event.at)
                }
              }),
              { startImmediately: true }
            )
            yield* Effect.forkChild(caller.speaks(500, 2500, spoken))
            yield* Effect.sleep(at)
            yield* Fiber.interrupt(running)
            closed.push(yield* Effect.clockWith((clock) => clock.currentTimeMillis))
          }).pipe(Effect.provide(Testing.layer({})))
        )
        assert.deepStrictEqual(closed, [at, at])
      }
    }))
})

describe("words that the caller has said while the program hangs up", () => {
  it.effect.each([1500, 2050, 2300, 2490])(
    "stand before the goodbye that they heard after them (%d)",
    (at) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          user: [Testing.say(1000, 2000, "Which rooms do you have?")],
          at: [{ at, do: (session) => session.hangUp({ say: "Goodbye." }) }]
        })
        assert.deepStrictEqual(timeline.messages, ["user: Which rooms do you have?", "assistant: Goodbye."])
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      })
  )
})

describe("a session that is closed with drain", () => {
  it.effect("keeps what was said in mid-sentence, to the end of the sentence", () =>
    Effect.gen(function*() {
      const { said, timeline } = yield* hold("drain", 2000)
      assert.deepStrictEqual(said, [`user: ${spoken}`])
      assert.deepStrictEqual(timeline.of("SpeechCreated"), [])
      assert.strictEqual(timeline.of("SessionClosed")[0]!.at, 2700)
    }))

  it.effect("does not wait for a caller who talks on", () =>
    Effect.gen(function*() {
      const { closedAt, said } = yield* hold("drain", 2000, {
        user: [Testing.say(500, 20_000, "one two three four five six seven eight nine ten")]
      })
      assert.isAtMost(closedAt, 4000)
      assert.match(said[0]!, /^user: one/)
    }))

  it.effect.each([2550, 2650, 2699, 2701, 2900, 2999])(
    "answers what was said before (at %d)",
    (at) =>
      Effect.gen(function*() {
        const { said, timeline } = yield* hold("drain", at)
        assert.deepStrictEqual(said, [`user: ${spoken}`])
        assert.strictEqual(timeline.messages.at(-1), "assistant: Booked.")
        timeline.expect(["SessionClosed", timeline.playbacks.at(-1)!.end!])
      })
  )

  it.effect("does not answer what was said beside a goodbye", () =>
    Effect.gen(function*() {
      const { timeline } = yield* hold("hangUp", 2900)
      assert.deepStrictEqual(timeline.messages, [`user: ${spoken}`])
    }))
})
