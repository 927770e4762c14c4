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

  it.effect.each(["onKey", "onText"] as const)(
    "or texts that never end their hook do not pile up: the newest counts, and that is told: %s",
    (hook) =>
      Effect.gen(function*() {
        const begun: Array<string> = []
        let [running, most] = [0, 0]
        const run = (what: string, session: Session.Session["Service"]) =>
          Effect.acquireUseRelease(
            Effect.sync(() => {
              begun.push(what)
              most = Math.max(most, ++running)
            }),
            () => what === "9" ? session.hangUp({ say: "Goodbye!" }) : Effect.never,
            () => Effect.sync(() => void running--)
          )
        const flood = [..."12345678".repeat(6), "9"]
        const at = (i: number) => 1000 + i * 1000
        const timeline = yield* Testing.scenario({
          room: { kind: "sip" },
          user: flood.map((what, i) => hook === "onKey" ? Testing.press(at(i), what) : Testing.type(at(i), what)),
          options: { onKey: run, onText: ({ text }, session) => run(text, session) }
        })
        assert.deepStrictEqual(begun, flood)
        assert.deepStrictEqual([most, running], [32, 0])
        assert.deepStrictEqual(
          timeline.of("Warning").map(({ message }) => message).filter((message) => message.startsWith(hook)),
          [`${hook} does not end: 32 of it ran, and the one that had begun first was ended for a newer one`]
        )
        assert.deepStrictEqual(timeline.of("SessionClosed").map(({ reason }) => reason), ["hang_up"])
      })
  )

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

  interface Case {
    readonly options: Session.KeysOptions
    readonly user: ReadonlyArray<Testing.UserAction>
    /** What was collected, what onKey was told, and what the events tell. */
    readonly got: string
    readonly hooked?: string
    readonly told?: string
  }

  it.effect.each<readonly [name: string, given: Case]>([
    ["the end key behind the last one", {
      options: { most: 4 },
      user: press(2000, "1234#"),
      got: "1234",
      told: "1234#"
    }],
    ["the end key, a second behind the last one", {
      options: { most: 4 },
      user: [...press(2000, "1234"), ...press(3700, "#")],
      got: "1234"
    }],
    ["the end key, long behind it", {
      options: { most: 4 },
      user: [...press(2000, "1234"), ...press(6000, "#")],
      got: "1234",
      hooked: "#"
    }],
    ["the end key twice", { options: {}, user: press(2000, "12##"), got: "12", hooked: "#" }],
    ["the end key twice behind the last one", {
      options: { most: 2 },
      user: press(2000, "12##"),
      got: "12",
      hooked: "#"
    }],
    ["the end key, later than the next key may be", {
      options: { next: "1 second" },
      user: [...press(2000, "12"), ...press(4000, "#")],
      got: "12"
    }],
    ["another end key behind the last one", {
      options: { most: 4, endKey: "*" },
      user: press(2000, "1234*#"),
      got: "1234",
      hooked: "#"
    }],
    ["no end key", { options: { most: 2, endKey: false }, user: press(2000, "12#"), got: "12", hooked: "#" }],
    ["more than may be", { options: { most: 4 }, user: press(2000, "123456"), got: "1234", hooked: "56" }],
    ["more than may be of a secret", {
      options: { most: 4, secret: true },
      user: [...press(2000, "123456#"), ...press(9000, "7")],
      got: "1234",
      hooked: "7",
      told: "7"
    }],
    ["more than may be of a secret, slowly", {
      options: { most: 4, secret: true },
      user: [0, 1, 2, 3, 4, 5].map((i) => Testing.press(2000 + i * 1500, `${i + 1}`)),
      got: "1234",
      told: ""
    }],
    ["a secret that goes on after its time", {
      options: { secret: true, next: "1 second" },
      user: [...press(2000, "12"), ...press(4200, "34")],
      got: "12",
      told: ""
    }],
    ["all in one breath", {
      options: { most: 4 },
      user: [Testing.press(2000, "1234#")],
      got: "1234"
    }],
    ["more in one breath", { options: { most: 4 }, user: [Testing.press(2000, "123456")], got: "1234", hooked: "56" }],
    ["a secret in one breath, and more", {
      options: { most: 4, secret: true },
      user: [Testing.press(2000, "123456#")],
      got: "1234",
      told: ""
    }],
    ["an end key in one breath, and more", {
      options: {},
      user: [Testing.press(2000, "12#34")],
      got: "12",
      hooked: "34"
    }],
    ["keys while somebody speaks", {
      options: { most: 4 },
      user: [Testing.say(1800, 3400, "One two three four."), ...press(2000, "1234")],
      got: "1234"
    }],
    ["keys of the fourth column", { options: { most: 4 }, user: press(2000, "ABCD"), got: "ABCD" }],
    ["a star, which is a key", { options: {}, user: press(2000, "*1*2#"), got: "*1*2" }],
    ["the end key alone", { options: {}, user: press(2000, "##"), got: "", hooked: "#" }]
  ])(
    "leave nobody else what belongs to them: %s",
    ([, { got: wanted, hooked: others = "", options, told, user }]) =>
      Effect.gen(function*() {
        const { got, hooked, timeline } = yield* collect(options, user)
        assert.deepStrictEqual([got.map(([, keys]) => keys), hooked.join("")], [[wanted], others])
        if (told !== undefined) {
          assert.strictEqual(timeline.of("UserPressedKey").map(({ key }) => key).join(""), told)
        }
        if (options.secret === true) {
          assert.notMatch(
            timeline.print() + JSON.stringify([timeline.events, timeline.logs, timeline.messages]),
            /1234|"[1-6]"/
          )
        }
      })
  )

  it.effect("of one question do not answer the next", () =>
    Effect.gen(function*() {
      const got: Array<string> = []
      yield* Testing.scenario({
        room: { kind: "sip" },
        user: [...press(2000, "1234#"), ...press(3500, "56#")],
        at: [{
          at: 1000,
          do: (session) =>
            Effect.gen(function*() {
              got.push(yield* session.keys({ most: 4, secret: true }))
              got.push(yield* session.keys())
            })
        }]
      })
      assert.deepStrictEqual(got, ["1234", "56"])
    }))

  it.effect("of two who ask go to the one who asked last, and then to the other", () =>
    Effect.gen(function*() {
      const got: Array<string> = []
      const ask = (at: number, name: string): Testing.Step<never> => ({
        at,
        do: (session) =>
          Effect.map(session.keys({ most: 2, endKey: false }), (keys) => void got.push(`${name} ${keys}`))
      })
      yield* Testing.scenario({
        room: { kind: "sip" },
        user: press(2000, "1234"),
        at: [ask(1000, "first"), ask(1500, "second")]
      })
      assert.deepStrictEqual(got, ["second 12", "first 34"])
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
