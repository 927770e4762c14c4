import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, type Session, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

const press = (at: number, keys: string): ReadonlyArray<Testing.UserAction> =>
  [...keys].map((key, i) => Testing.press(at + i * 200, key))

/** Collects keys from one second on, and tells when it had them. */
const collect = (
  options: Session.KeysOptions,
  user: ReadonlyArray<Testing.UserAction>,
  more: Partial<Testing.Scenario> = {}
) =>
  Effect.gen(function*() {
    const got: Array<readonly [number, string]> = []
    const hooked: Array<string> = []
    const timeline = yield* Testing.scenario({
      room: { kind: "sip" },
      user,
      at: [{
        at: 1000,
        do: (session) =>
          Effect.flatMap(session.keys(options), (keys) =>
            Effect.clockWith((clock) => Effect.sync(() => got.push([clock.currentTimeMillisUnsafe(), keys]))))
      }],
      options: {
        onKey: (key) =>
          Effect.sync(() => void hooked.push(key))
      },
      ...more
    })
    return { got, hooked, timeline }
  })

describe("keys that belong together", () => {
  it.effect("are complete with the last that may be, with the end key, and when no other comes", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* collect({ most: 4 }, press(2000, "12345"))).got, [[2600, "1234"]])
      assert.deepStrictEqual((yield* collect({}, press(2000, "12#4"))).got, [[2400, "12"]])
      assert.deepStrictEqual((yield* collect({}, press(2000, "12"))).got, [[5200, "12"]])
      assert.deepStrictEqual((yield* collect({ endKey: false, most: 2 }, press(2000, "1#"))).got, [[2200, "1#"]])
      assert.deepStrictEqual((yield* collect({}, press(2000, "#"))).got, [[2000, ""]])
      assert.deepStrictEqual((yield* collect({ first: "4 seconds" }, [])).got, [[5000, ""]])
    }))

  it.effect("go to whoever collects them, and to onKey again afterwards", () =>
    Effect.gen(function*() {
      const { got, hooked, timeline } = yield* collect({ most: 2 }, [
        ...press(500, "9"),
        ...press(2000, "12"),
        ...press(5000, "0")
      ])
      assert.deepStrictEqual(got, [[2200, "12"]])
      assert.deepStrictEqual(hooked, ["9", "0"])
      assert.deepStrictEqual(timeline.of("UserPressedKey").map(({ key }) => key), ["9", "1", "2", "0"])
    }))

  it.effect("are told to nobody else if they are secret", () =>
    Effect.gen(function*() {
      const { got, timeline } = yield* collect({ most: 4, secret: true }, [...press(2000, "1234"), ...press(5000, "0")])
      assert.deepStrictEqual(got, [[2600, "1234"]])
      assert.deepStrictEqual(timeline.of("UserPressedKey").map(({ key }) => key), ["0"])
      assert.notMatch(timeline.print(), /1234/)
    }))

  it.effect("have time from when the agent has said what to press, and interrupt it", () =>
    Effect.gen(function*() {
      const say = (options?: Session.SayOptions) => ({
        at: 900,
        do: (session: Session.Session["Service"]) => session.say("Please enter the number of your booking.", options)
      })
      const asked = (user: ReadonlyArray<Testing.UserAction>, options?: Session.SayOptions) => {
        const got: Array<readonly [number, string]> = []
        const keys = {
          at: 1000,
          do: (session: Session.Session["Service"]) =>
            Effect.flatMap(session.keys({ first: "5 seconds", most: 2 }), (keys) =>
              Effect.clockWith((clock) => Effect.sync(() => got.push([clock.currentTimeMillisUnsafe(), keys]))))
        }
        return Effect.map(
          Testing.scenario({ room: { kind: "sip" }, user, at: [say(options), keys], tts: { duration: 8000 } }),
          (timeline) => ({ got, timeline })
        )
      }
      const never = yield* asked([])
      const [silent] = never.timeline.of("AgentStoppedSpeaking")
      assert.deepStrictEqual(never.got, [[silent!.at + 5000, ""]])
      const known = yield* asked(press(3000, "42"))
      assert.deepStrictEqual(known.got, [[3200, "42"]])
      assert.deepStrictEqual(
        known.timeline.of("AgentStoppedSpeaking").map(({ at, interrupted }) => [at, interrupted]),
        [
          [3000, true]
        ]
      )
      const whole = yield* asked(press(3000, "42"), { protected: true })
      assert.deepStrictEqual(
        whole.timeline.of("AgentStoppedSpeaking").map(({ interrupted }) =>
          interrupted
        ),
        [false]
      )
    }))

  it.effect("take no time of a tool's, fill no silence, and what comes of them is told at once", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        room: { kind: "sip" },
        agent: Agent.make({
          instructions: "",
          tools: Tools.functions({
            ask_pin: {
              run: async (_, { session }) => {
                await session.say("Please enter your PIN, and then the hash key.")
                const pin = await session.keys({ secret: true, first: "30 seconds" })
                return pin === "1234" ? "right" : "wrong"
              }
            }
          })
        }),
        user: [Testing.say(1000, 2000, "My balance, please."), ...press(20_000, "1234#")],
        llm: [{ tools: [{ name: "ask_pin" }] }, "It is ten euros."],
        tts: { duration: 3000 },
        options: { toolTimeout: "5 seconds" }
      })
      assert.deepStrictEqual(timeline.messages, [
        "user: My balance, please.",
        "call: ask_pin",
        "assistant: Please enter your PIN, and then the hash key.",
        "output: ask_pin",
        "assistant: It is ten euros."
      ])
      // 300 ms for the model, 200 for the voice.
      assert.strictEqual(timeline.of("AgentStartedSpeaking").at(-1)!.at, 20_800 + 500)
      assert.notMatch(timeline.print(), /1234/)
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect("end with the session, and with wrong options do not begin", () =>
    Effect.gen(function*() {
      let failure: unknown
      const { got } = yield* collect({}, press(2000, "12"), {
        at: [
          { at: 2500, do: (session) => session.close() },
          {
            at: 500,
            do: (session) =>
              Effect.catch(
                session.keys({ most: 0, endKey: "12" }),
                (error) => Effect.sync(() => void (failure = error))
              )
          }
        ]
      })
      assert.deepStrictEqual(got, [])
      assert.deepInclude(failure, { _tag: "SessionError", reason: "InvalidOption" })
      assert.match(String((failure as Error).message), /most.*endKey/s)
    }))
})
