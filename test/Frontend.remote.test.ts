import { assert, describe, it } from "@effect/vitest"
import { AgentSession as pb } from "@livekit/protocol"
import { Effect, Layer, Schema } from "effect"
import { Agent, Room } from "effect-voice"
import * as Frontend from "effect-voice/Frontend"
// Loaded with the first request, which would take longer than virtual time on a busy machine.
import { version } from "effect-voice/internal/worker/version"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const topic = "lk.agent.session"

type Body = NonNullable<NonNullable<ConstructorParameters<typeof pb.SessionRequest>[0]>["request"]>

const request = (requestId: string, body: Body) =>
  new pb.AgentSessionMessage({ message: { case: "request", value: { requestId, request: body } } }).toBinary()

/** A session about which someone asks; what came back. */
const asked = <R = never>(
  script: Testing.Scenario<R>,
  requests: ReadonlyArray<readonly [at: number, body: Body | Uint8Array, as?: string]>,
  options?: Frontend.Options
) =>
  Effect.gen(function*() {
    let sent: ReadonlyArray<Testing.Sent> = []
    const layer = Layer.effect(
      Room.Room,
      Effect.map(Room.Room, (room) => ({ ...room, attach: (session) => Frontend.attach(session, options) }))
    )
    const timeline = yield* Testing.scenario({
      ...script,
      layer,
      at: [
        ...(script.at ?? []),
        { at: 0, do: (_, caller) => caller.room.join({ identity: "looker" }) },
        ...requests.map(([at, body, identity = "caller"], i): Testing.Step<never> => ({
          at,
          do: (_, caller) =>
            caller.room.sendBytes({
              identity,
              topic,
              bytes: body instanceof Uint8Array ? body : request(`request-${i}`, body)
            })
        })),
        {
          at: 20_000,
          do: (_, caller) => Effect.map(caller.room.sent, (all) => void (sent = all))
        }
      ],
      until: 20_500
    })
    const messages = sent.flatMap((message) =>
      message._tag === "Bytes" && message.topic === topic
        ? [{ to: message.to, message: pb.AgentSessionMessage.fromBinary(message.bytes).message }]
        : []
    )
    const responses = messages.flatMap(({ message, to }) =>
      message.case === "response" ? [{ to, ...message.value }] : []
    )
    const events = messages.flatMap(({ message, to }) =>
      message.case === "event" ? [{ to, event: message.value.event }] : []
    )
    return { timeline, responses, events }
  })

const textOf = (item: pb.ChatContext_ChatItem | undefined) =>
  item?.item.case === "message"
    ? `${pb.ChatRole[item.item.value.role]}: ${String(item.item.value.content[0]?.payload.value)}`
    : item?.item.case

const Weather = Tool.make("weather", { success: Schema.String, parameters: Schema.Struct({ city: Schema.String }) })
const Tools = Toolkit.make(Weather)

describe("requests about a session", () => {
  it.effect("go on being answered when one of them breaks", () =>
    Effect.gen(function*() {
      const { responses } = yield* asked(
        { agent: Agent.make({ instructions: "" }), user: [] },
        [
          [100, { case: "ping", value: {} }, "looker"],
          [200, { case: "ping", value: {} }]
        ],
        {
          access: () => {
            throw new TypeError("nobody knows")
          }
        }
      )
      assert.deepStrictEqual(responses.map(({ requestId }) => requestId), ["request-1"])
    }))

  it.effect("to run more than anyone types are refused, and the one who asked is told", () =>
    Effect.gen(function*() {
      const { responses, timeline } = yield* asked(
        { agent: Agent.make({ instructions: "" }), user: [], llm: () => "Yes." },
        [
          [100, { case: "runInput", value: { text: "x".repeat(16_385) } }],
          ...Array.from({ length: 21 }, (_, i) => [200 + i, { case: "runInput", value: { text: `${i}` } }] as const)
        ],
        { runTimeout: "5 seconds" }
      )
      const errors = new Map(responses.map(({ error, requestId }) => [requestId, error]))
      assert.strictEqual(errors.get("request-0"), "runInput: longer than 16384 characters")
      assert.strictEqual(
        responses.filter(({ error }) => error === "runInput: more than 20 texts in 10 seconds").length,
        1
      )
      assert.isTrue(timeline.messages.every((message) => message.length < 100))
    }))

  it.effect("are answered, each by its id, to the one who asked", () =>
    Effect.gen(function*() {
      const script: Testing.Scenario<Tool.HandlersFor<{ readonly weather: typeof Weather }>> = {
        agent: Agent.make({ name: "desk", instructions: "A secret.", tools: Tools }),
        user: [Testing.say(500, 2500, "How is the weather in Paris?")],
        llm: [{ tools: [{ name: "weather", params: { city: "Paris" } }] }, "It is fine."]
      }
      const { events, responses } = yield* asked(script, [
        [9000, { case: "ping", value: {} }],
        [9000, { case: "getChatHistory", value: {} }],
        [9000, { case: "getAgentInfo", value: {} }],
        [9000, { case: "getSessionState", value: {} }],
        [9000, { case: "getRtcStats", value: {} }],
        [9000, { case: "getSessionUsage", value: {} }],
        [9000, { case: "getFrameworkInfo", value: {} }],
        [9000, { case: "finalizeSimulation", value: {} }],
        [9000, { case: "updateIo", value: { output: { audioEnabled: false } } }],
        [9100, new Uint8Array([255, 255, 255])]
      ]).pipe(Effect.provide(Tools.toLayer({ weather: () => Effect.succeed("sunny") })))
      const by = (i: number) => responses.find(({ requestId }) => requestId === `request-${i}`)
      const value = <C extends pb.SessionResponse["response"]["case"]>(i: number, name: C) => {
        const response = by(i)?.response
        assert.strictEqual(response?.case, name)
        return response as Extract<pb.SessionResponse["response"], { readonly case: C }> | undefined
      }
      assert.strictEqual(responses.length, 9)
      assert.isTrue(responses.every(({ to }) => to?.join() === "caller"))
      value(0, "pong")
      assert.deepStrictEqual(value(1, "getChatHistory")?.value.items.map(textOf), [
        "USER: How is the weather in Paris?",
        "functionCall",
        "functionCallOutput",
        "ASSISTANT: It is fine."
      ])
      const info = value(2, "getAgentInfo")?.value
      assert.deepStrictEqual([info?.id, info?.tools, info?.instructions], ["desk", ["weather"], undefined])
      assert.strictEqual(info?.chatCtx.length, 4)
      assert.strictEqual(value(3, "getSessionState")?.value.agentState, pb.AgentState.AS_LISTENING)
      value(4, "getRtcStats")
      assert.deepStrictEqual(value(5, "getSessionUsage")?.value.usage?.modelUsage.map(({ usage }) => usage.case), [
        "llm",
        "tts"
      ])
      assert.deepInclude(value(6, "getFrameworkInfo")?.value, { sdk: "effect-voice", sdkVersion: version })
      assert.include(by(7)?.error, "not served")
      assert.include(by(8)?.error, "updateIo")

      assert.isTrue(events.every(({ to }) => to?.join() === "caller"))
      const cases = events.map(({ event }) => event.case)
      for (const name of ["agentStateChanged", "userStateChanged", "userInputTranscribed", "conversationItemAdded"]) {
        assert.include(cases, name)
      }
      assert.deepStrictEqual(cases.filter((name) => name?.startsWith("functionTools")), [
        "functionToolsStarted",
        "functionToolsExecuted"
      ])
    }))

  it.effect("tell what tools were given and have answered only where that is asked for", () =>
    Effect.gen(function*() {
      const script: Testing.Scenario<Tool.HandlersFor<{ readonly weather: typeof Weather }>> = {
        agent: Agent.make({ instructions: "", tools: Tools }),
        user: [Testing.say(500, 2500, "How is the weather in Paris?")],
        llm: [{ tools: [{ name: "weather", params: { city: "Paris" } }] }, "It is fine."]
      }
      const ask = (options?: Frontend.Options) =>
        Effect.map(
          asked(
            script,
            [[9000, { case: "getChatHistory", value: {} }], [9000, { case: "getAgentInfo", value: {} }]],
            options
          )
            .pipe(Effect.provide(Tools.toLayer({ weather: () => Effect.succeed("sunny") }))),
          ({ events, responses }) =>
            JSON.stringify([events, responses], (_, value) => typeof value === "bigint" ? String(value) : value)
        )
      const silent = yield* ask()
      assert.include(silent, "weather")
      assert.notInclude(silent, "sunny")
      assert.notInclude(silent, "city")
      const open = yield* ask({ tools: true })
      assert.include(open, "sunny")
      assert.include(open, "city")
    }))

  it.effect("run what is typed, and are answered with what came of it", () =>
    Effect.gen(function*() {
      const { responses, timeline } = yield* asked({ llm: ["Hello to you."] }, [
        [1000, { case: "runInput", value: { text: " Hello " } }],
        [1000, { case: "ping", value: {} }]
      ])
      assert.deepStrictEqual(responses.map(({ requestId }) => requestId), ["request-1", "request-0"])
      const run = responses[1]?.response
      assert.deepStrictEqual(run?.case === "runInput" ? run.value.items.map(textOf) : [], [
        "USER: Hello",
        "ASSISTANT: Hello to you."
      ])
      assert.deepStrictEqual(timeline.messages, ["user: Hello", "assistant: Hello to you."])
    }))

  it.effect("run what is typed for no longer than they may", () =>
    Effect.gen(function*() {
      const { responses } = yield* asked(
        { llm: [{ hang: true }] },
        [[1000, { case: "runInput", value: { text: "Hello" } }]],
        { runTimeout: "2 seconds" }
      )
      const run = responses[0]?.response
      assert.deepStrictEqual(run?.case === "runInput" ? run.value.items.map(textOf) : [], ["USER: Hello"])
    }))

  it.effect("switch the microphone off and on", () =>
    Effect.gen(function*() {
      const { timeline } = yield* asked(
        { user: [Testing.say(2000, 3000, "Not this."), Testing.say(8000, 9000, "But this.")] },
        [
          [1000, { case: "updateIo", value: { input: { audioEnabled: false } } }],
          [6000, { case: "updateIo", value: { input: { audioEnabled: true } } }]
        ]
      )
      assert.strictEqual(timeline.messages[0], "user: But this.")
    }))

  it.effect("of others are answered only where they may ask, and then they are told the events too", () =>
    Effect.gen(function*() {
      const script: Testing.Scenario = { user: [Testing.say(2000, 3000, "Hello.")] }
      const ping: readonly [number, Body, string] = [1000, { case: "ping", value: {} }, "looker"]
      const refused = yield* asked(script, [ping])
      assert.deepStrictEqual(refused.responses, [])
      assert.isTrue(refused.events.every(({ to }) => to?.join() === "caller"))
      const later: any = async () => true
      const awaited = yield* asked(script, [ping], { access: later, instructions: true })
      assert.deepStrictEqual(awaited.responses, [])
      const admitted = yield* asked(script, [ping], { access: (identity) => identity === "looker", instructions: true })
      assert.deepStrictEqual(admitted.responses.map(({ to }) => to), [["looker"]])
      assert.isTrue(admitted.events.slice(-3).every(({ to }) => to?.join() === "caller,looker"))
    }))

  it.effect("of nobody: a telephone is told nothing", () =>
    Effect.gen(function*() {
      const { events } = yield* asked({
        room: { kind: "sip" },
        user: [Testing.say(2000, 3000, "Hello.")]
      }, [])
      assert.deepStrictEqual(events, [])
    }))
})
