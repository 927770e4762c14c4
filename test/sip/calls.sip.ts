/** Telephone calls by SIP: a telephone, a gateway and a LiveKit server that others wrote, and a worker of ours. */
import { assert, describe } from "@effect/vitest"
import { Deferred, Effect, Logger, Metric, Redacted, References, Stream, Tracer } from "effect"
import { Agent, type Event, Pipeline, Room, Session } from "effect-voice"
import * as Worker from "effect-voice/Worker"
import { services } from "../livekit/support/agents.ts"
import { livekit, now, roomName, until } from "../livekit/support/people.ts"
import { gateway, number, phone, unwilling } from "./line.ts"
import { calls } from "./parts.ts"

const desk = Agent.make({
  instructions: "",
  onEnter: Session.Session.use((session) => session.say("Sea View Hotel, how can I help?"))
})

let desks = 0

interface Desk {
  readonly name: string
  readonly told: ReadonlyArray<Event.Event>
  readonly keys: ReadonlyArray<string>
  /** How far the call was said to be, each once. */
  readonly statuses: ReadonlyArray<string>
  /** Keys that have come into the room. */
  readonly pressed: () => number
}

/** A worker whose agent answers; `before`: what it waits for between the room and the conversation. */
const work = (options: { readonly before?: Effect.Effect<void>; readonly onKey?: Pipeline.Options["onKey"] } = {}) =>
  Effect.gen(function*() {
    const name = `phone-${process.pid}-${++desks}`
    const told: Array<Event.Event> = []
    const keys: Array<string> = []
    const statuses: Array<string> = []
    let pressed = 0
    const definition = Worker.define({
      agentName: name,
      layer: services(["It is sunny."]),
      entry: () =>
        Effect.gen(function*() {
          const room = yield* Room.Room
          const look = Effect.map(room.participants, (all) => {
            for (const { call } of all) if (call !== undefined && call !== statuses.at(-1)) statuses.push(call)
          })
          yield* look
          yield* Effect.forkScoped(
            Stream.runForEach(room.events, ({ _tag }) => {
              if (_tag === "Dtmf") pressed++
              return look
            }),
            { startImmediately: true }
          )
          yield* options.before ?? Effect.void
          yield* Pipeline.run(desk, {
            onEvent: (event) => void told.push(event),
            onKey: (key, session) => {
              keys.push(key)
              return options.onKey?.(key, session) ?? Effect.void
            }
          })
        })
    })
    yield* Worker.make(definition, {
      url: livekit!.url,
      apiKey: Redacted.make(livekit!.key),
      apiSecret: Redacted.make(livekit!.secret),
      http: false,
      load: () => 0.1
    })
    return { name, told, keys, statuses, pressed: () => pressed } satisfies Desk
  })

const has = (desk: Desk, tag: Event.Event["_tag"]): boolean => desk.told.some(({ _tag }) => _tag === tag)

describe("a call by SIP", () => {
  calls("is answered, heard, and ended for the caller, too, when the agent hangs up", () =>
    Effect.gen(function*() {
      const agent = yield* work({ onKey: (_, session) => session.hangUp({ say: "Goodbye!" }) })
      const line = yield* gateway(agent.name)
      const caller = yield* phone
      yield* caller.dials(line.port)
      yield* caller.tells("CALL_ESTABLISHED")
      yield* until(() => has(agent, "UserSpeechCommitted"))
      yield* until(() => agent.told.filter(({ _tag }) => _tag === "AgentSpeechCommitted").length >= 2)
      yield* caller.presses("9")
      yield* line.tells("ended")
      const ended = now()
      yield* caller.tells("CALL_CLOSED")
      // The telephone's recording is far longer.
      assert.isBelow(now() - ended, 5000)
      yield* until(() => has(agent, "SessionClosed"))
      assert.deepStrictEqual(agent.keys, ["9"])
      assert.deepStrictEqual(
        agent.told.flatMap((event) => event._tag === "AgentSpeechCommitted" ? [event.text] : []),
        ["Sea View Hotel, how can I help?", "It is sunny.", "Goodbye!"]
      )
      assert.deepInclude(line.told.find(({ event }) => event === "ended"), { by: "room" })
    }))

  calls("gives keys one by one, whether they are pressed or come in one packet", () =>
    Effect.gen(function*() {
      const agent = yield* work()
      const line = yield* gateway(agent.name)
      const caller = yield* phone
      yield* caller.dials(line.port)
      yield* caller.tells("CALL_ESTABLISHED")
      yield* until(() => has(agent, "SessionStarted"))
      yield* caller.presses("4*")
      const { room } = yield* line.tells("answered")
      yield* line.sends(room!, "12#")
      yield* line.sends(room!, "0")
      yield* until(() => agent.keys.length >= 6)
      assert.deepStrictEqual(agent.keys, ["4", "*", "1", "2", "#", "0"])
    }))

  calls(
    "keeps the keys that are pressed while the agent is in the room and not yet at the telephone",
    () =>
      Effect.gen(function*() {
        const gate = yield* Deferred.make<void>()
        const agent = yield* work({ before: Deferred.await(gate) })
        const line = yield* gateway(agent.name, true)
        const caller = yield* phone
        yield* caller.dials(line.port)
        yield* caller.tells("CALL_ESTABLISHED")
        yield* line.tells("joined")
        yield* until(() => agent.statuses.length > 0)
        yield* caller.presses("71")
        const { room } = yield* line.tells("answered")
        yield* line.sends(room!, "3#")
        yield* until(() => agent.pressed() >= 4)
        assert.isFalse(has(agent, "SessionStarted"))
        yield* Deferred.succeed(gate, undefined)
        yield* until(() => agent.keys.length >= 4)
        assert.deepStrictEqual(agent.keys, ["7", "1", "3", "#"])
      })
  )

  calls("that the agent makes is ringing, then answered, and nothing is said before", () =>
    Effect.gen(function*() {
      const agent = yield* work()
      const line = yield* gateway(agent.name)
      const callee = yield* phone
      yield* line.dials(roomName(), callee.port)
      yield* callee.tells("CALL_INCOMING")
      yield* line.tells("ringing")
      yield* until(() => agent.statuses.includes("ringing"))
      yield* Effect.sleep(1500)
      assert.isFalse(has(agent, "AgentStartedSpeaking"))
      yield* callee.accepts
      yield* until(() => has(agent, "AgentSpeechCommitted"))
      yield* callee.hangsUp
      yield* until(() => has(agent, "SessionClosed"))
      assert.deepStrictEqual(agent.statuses.filter((status) => status !== "dialing"), ["ringing", "answered"])
      assert.deepInclude(agent.told.at(-1), { _tag: "SessionClosed", reason: "participant_left" })
    }))

  calls("that is rejected by the telephone is busy, and nothing is said", () =>
    Effect.gen(function*() {
      const agent = yield* work()
      const line = yield* gateway(agent.name)
      const callee = yield* phone
      yield* line.dials(roomName(), callee.port)
      yield* line.tells("ringing")
      yield* until(() => agent.statuses.includes("ringing"))
      yield* callee.hangsUp
      yield* line.tells("ended")
      yield* until(() => has(agent, "SessionClosed"))
      assert.strictEqual(agent.statuses.at(-1), "busy")
      assert.isFalse(has(agent, "AgentStartedSpeaking"))
    }))

  for (
    const [code, status] of [
      [486, "busy"],
      [600, "busy"],
      [603, "refused"],
      [403, "refused"],
      [480, "unanswered"],
      [408, "unanswered"],
      [404, "failed"],
      [503, "failed"]
    ] as const
  ) {
    calls(`that is answered with ${code} is ${status}`, () =>
      Effect.gen(function*() {
        const agent = yield* work()
        const line = yield* gateway(agent.name)
        const callee = yield* unwilling(code)
        yield* line.dials(roomName(), callee.port)
        yield* until(() => agent.statuses.includes("ringing"))
        yield* callee.refuses
        yield* line.tells("refused")
        yield* until(() => has(agent, "SessionClosed"))
        assert.strictEqual(agent.statuses.at(-1), status)
        assert.isFalse(has(agent, "AgentStartedSpeaking"))
      }))
  }

  calls("leaves its number in no log line, span or metric", () =>
    Effect.gen(function*() {
      const read: Array<unknown> = []
      const logger = Logger.make(({ cause, fiber, message }) =>
        void read.push(message, fiber.getRef(References.CurrentLogAnnotations), cause)
      )
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          read.push(span.attributes, span.name)
          return span
        }
      })
      yield* Effect.scoped(Effect.gen(function*() {
        const agent = yield* work({ onKey: (_, session) => session.hangUp() })
        const line = yield* gateway(agent.name)
        const caller = yield* phone
        yield* caller.dials(line.port)
        yield* until(() => has(agent, "AgentSpeechCommitted"))
        yield* caller.presses("9")
        yield* until(() => has(agent, "SessionClosed"))
        read.push(yield* Metric.snapshot)
      })).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "Trace"),
        Effect.provideService(Tracer.Tracer, tracer)
      )
      const all = JSON.stringify(read, (_, value: unknown) => value instanceof Map ? [...value] : value)
      assert.match(all, /#[a-p]{8}\.\.67/)
      assert.notInclude(all, number.slice(1))
    }))
})
