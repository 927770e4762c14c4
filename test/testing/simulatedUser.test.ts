import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Agent, Failure, Llm, Session } from "effect-voice"
import * as Testing from "effect-voice/testing"

type Answer = string | ReadonlyArray<Llm.Delta>

const call = (name: string, params: unknown): Llm.Delta => ({ _tag: "ToolCall", id: name, name, params })
const hangUp = (achieved: boolean): Llm.Delta => call("hang_up", { achieved, reason: "It is done." })
const text = (text: string): Llm.Delta => ({ _tag: "Text", text })

/** A model that plays a user by heart, and what it was told each time. */
const playing = (answers: ReadonlyArray<Answer>) => {
  const heard: Array<string> = []
  const llm = Llm.make({
    name: "user",
    reply: ({ prompt }) => {
      const last = prompt.content.at(-1)!
      heard.push(last.role === "user" ? last.content.map((part) => part.type === "text" ? part.text : "").join("") : "")
      const answer = answers[heard.length - 1] ?? ""
      const deltas: ReadonlyArray<Llm.Delta> = typeof answer === "string" ? [text(answer)] : answer
      return Stream.fromIterable<Llm.Delta>([...deltas, { _tag: "Finish" }])
    }
  })
  return { heard, model: Layer.succeed(Llm.Llm, llm) }
}

const instructions = "You want a room for two nights."

describe("a simulated user", () => {
  it.effect("speaks when the agent has ended, hears what it says, and hangs up", () =>
    Effect.gen(function*() {
      const { heard, model } = playing(["A room, please.", "Two.", [text("Thanks, bye."), hangUp(true)]])
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onEnter: (session) => session.say("Grand Hotel.") }),
        llm: ["For how many nights?", "Room seven is yours."],
        llmOptions: { otherwise: "Goodbye." },
        simulatedUser: { instructions, model }
      })
      assert.deepStrictEqual(heard, [
        "[The line is open.]\nGrand Hotel.",
        "For how many nights?",
        "Room seven is yours."
      ])
      assert.deepStrictEqual(timeline.messages.slice(0, 5), [
        "assistant: Grand Hotel.",
        "user: A room, please.",
        "assistant: For how many nights?",
        "user: Two.",
        "assistant: Room seven is yours."
      ])
      assert.deepStrictEqual(timeline.simulation, { turns: 3, end: "hungUp", achieved: true, reason: "It is done." })
      const [greeting] = timeline.playbacks
      const [first, , third, left] = timeline.user
      // Each 100 ms it looks whether the agent is still at work.
      assert.isAtLeast(first!.at - greeting!.end!, 700)
      assert.isBelow(first!.at - greeting!.end!, 801)
      assert.deepStrictEqual(timeline.user.map(({ _tag }) => _tag), ["Say", "Say", "Say", "Leave"])
      assert.strictEqual(left!.at, (third as { readonly to: number }).to + 700)
      assert.isTrue(timeline.quiet)
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect("opens the conversation where nobody greets them", () =>
    Effect.gen(function*() {
      const { heard, model } = playing(["Hello?", [text("Bye."), hangUp(false)]])
      const timeline = yield* Testing.scenario({
        llm: ["Hi."],
        llmOptions: { otherwise: "" },
        simulatedUser: { instructions, model }
      })
      assert.deepStrictEqual(heard, ["[The line is open.]\n[Nobody says anything.]", "Hi."])
      assert.strictEqual(timeline.user[0]!.at, 2000)
      assert.include(timeline.simulation, { end: "hungUp", achieved: false })
    }))

  it.effect("says something when the agent is silent for too long, and gives up at the third time", () =>
    Effect.gen(function*() {
      const { heard, model } = playing(["Hello?", "Are you there?", ""])
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onUserTurn: () => Effect.succeed({ reply: false }) }),
        simulatedUser: { instructions, model, patience: "5 seconds" }
      })
      assert.deepStrictEqual(heard.slice(1), ["[Nobody says anything.]", "[Nobody says anything.]"])
      assert.deepStrictEqual(timeline.simulation, { turns: 2, end: "silence" })
      const [first, second] = timeline.user as ReadonlyArray<{ readonly at: number; readonly to: number }>
      assert.strictEqual(second!.at, first!.to + 5000)
    }))

  it.effect("waits while the agent is at work, no longer than their patience", () =>
    Effect.gen(function*() {
      const { heard, model } = playing(["Book it.", "Still there?", [hangUp(true)]])
      const timeline = yield* Testing.scenario({
        llm: [{ text: "Done.", firstToken: 9000, total: 9100 }],
        llmOptions: { otherwise: "Yes, it is booked." },
        options: { turn: { preemption: { llm: false } } },
        simulatedUser: { instructions, model, patience: "5 seconds" }
      })
      assert.deepStrictEqual(heard.slice(1), ["[Nobody says anything.]", "Yes, it is booked."])
      const [first, second] = timeline.user as ReadonlyArray<{ readonly at: number; readonly to: number }>
      assert.strictEqual(second!.at, first!.to + 5000)
      assert.strictEqual(timeline.simulation?.end, "hungUp")
    }))

  it.effect("interrupts as often as they are told to, and knows how far the agent had come", () =>
    Effect.gen(function*() {
      const { heard, model } = playing(["Tell me all.", "No, wait, only the price.", [text("Bye."), hangUp(true)]])
      const timeline = yield* Testing.scenario({
        llm: ["One, two, three, four, five, six, seven, eight, nine, ten.", "Fifty euros.", "Bye."],
        tts: { duration: 10_000 },
        preset: "mechanics",
        simulatedUser: { instructions, model, interrupts: 1 }
      })
      assert.match(heard[1]!, /^One, two.*— \[The agent is still speaking\. You interrupt it now\.\]$/)
      const [reply] = timeline.playbacks
      assert.isTrue(reply!.interrupted)
      const cutIn = timeline.user[1]!.at - reply!.start
      assert.isAtLeast(cutIn, 1500)
      assert.isAtMost(cutIn, 4100)
      // What they had not heard is not told to them later, either.
      assert.notInclude(heard.join(" "), "nine")
    }))

  it.effect("interrupts nobody by default, and the same seed interrupts alike", () =>
    Effect.gen(function*() {
      const run = (interrupts?: number) =>
        Effect.map(
          Testing.scenario({
            llm: () => "One, two, three, four, five.",
            tts: { duration: 6000 },
            preset: "mechanics",
            simulatedUser: {
              instructions,
              model: playing(Array.from({ length: 9 }, () => "Go on, please.")).model,
              maxTurns: 9,
              interrupts
            }
          }),
          ({ playbacks }) => playbacks.map(({ interrupted }) => interrupted)
        )
      assert.notInclude(yield* run(), true)
      const half = yield* run(0.5)
      assert.include(half, true)
      assert.include(half, false)
      assert.deepStrictEqual(yield* run(0.5), half)
    }))

  it.effect("presses keys, and says what is said with them first", () =>
    Effect.gen(function*() {
      const { model } = playing([[text("One moment."), call("press_keys", { keys: "12 #" })], [hangUp(true)]])
      const timeline = yield* Testing.scenario({ llm: () => "Thank you.", simulatedUser: { instructions, model } })
      const [said, pressed] = timeline.user
      assert.deepInclude(pressed, { _tag: "Press", digits: "12#" })
      assert.strictEqual(pressed!.at, (said as { readonly to: number }).to)
      assert.strictEqual(timeline.of("UserPressedKey").length, 3)
    }))

  it.effect("says the words alone: no Markdown, no notes, and not for minutes", () =>
    Effect.gen(function*() {
      const { model } = playing(["**Yes**, [sighs] *please*.", "la ".repeat(1000), [hangUp(true)]])
      const timeline = yield* Testing.scenario({ llm: () => "Well.", simulatedUser: { instructions, model } })
      const said = timeline.user.flatMap((action) => action._tag === "Say" ? [action.text] : [])
      assert.strictEqual(said[0], "Yes, please.")
      assert.isAtMost(said[1]!.length, 400)
    }))

  it.effect("does not wait for the end of a model that has none", () =>
    Effect.gen(function*() {
      let asked = 0
      const llm = Llm.make({
        name: "user",
        reply: () =>
          asked++ === 0
            ? Stream.forever(Stream.make<[Llm.Delta]>({ _tag: "Text", text: "and so on " }))
            : Stream.make<[Llm.Delta, Llm.Delta]>(hangUp(true), { _tag: "Finish" })
      })
      const timeline = yield* Testing.scenario({
        llm: () => "Well.",
        simulatedUser: { instructions, model: Layer.succeed(Llm.Llm, llm) }
      })
      assert.deepInclude(timeline.simulation, { turns: 1, end: "hungUp" })
    }))

  it.effect("is heard as they are said to be", () =>
    Effect.gen(function*() {
      const { model } = playing(["Guten Tag.", [hangUp(true)]])
      const timeline = yield* Testing.scenario({
        llm: () => "Hallo.",
        simulatedUser: { instructions, model, hearing: { language: "de" } }
      })
      assert.strictEqual(timeline.of("UserTranscript")[0]?.language, "de")
    }))

  it.effect("hangs up after maxTurns", () =>
    Effect.gen(function*() {
      const { model } = playing(Array.from({ length: 99 }, () => "And then?"))
      const timeline = yield* Testing.scenario({
        llm: () => "Then.",
        simulatedUser: { instructions, model, maxTurns: 3 }
      })
      assert.deepStrictEqual(timeline.simulation, { turns: 3, end: "turns" })
      assert.strictEqual(timeline.messages.filter((message) => message.startsWith("user:")).length, 3)
    }))

  it.effect("notices that the agent hangs up, that the scenario ends, and that their model fails", () =>
    Effect.gen(function*() {
      const ending = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onUserTurn: () => Session.Session.use((session) => session.hangUp()) }),
        simulatedUser: { instructions, model: playing(["Hello?"]).model }
      })
      assert.deepStrictEqual(ending.simulation, { turns: 1, end: "agent" })

      const short = yield* Testing.scenario({
        llm: () => "Hm.",
        until: 10_000,
        simulatedUser: { instructions, model: playing(Array.from({ length: 99 }, () => "And?")).model }
      })
      assert.strictEqual(short.simulation?.end, "scenario")

      const endless = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", onEnter: (session) => session.say("A story without an end.") }),
        tts: { duration: 600_000 },
        patience: "1 minute",
        simulatedUser: { instructions, model: playing([]).model }
      })
      assert.isFalse(endless.quiet)
      assert.deepStrictEqual(endless.simulation, { turns: 0, end: "scenario" })

      const failed = yield* Testing.scenario({
        simulatedUser: {
          instructions,
          model: Layer.succeed(
            Llm.Llm,
            Llm.make({
              name: "user",
              reply: () =>
                Stream.fail(new Llm.LlmError({ provider: "user", reason: new Failure.Rejected({ status: 401 }) }))
            })
          )
        }
      })
      assert.deepStrictEqual(failed.simulation, { turns: 0, end: "failed" })
      assert.strictEqual(failed.failures.length, 1)
    }))
})
