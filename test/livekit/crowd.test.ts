import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { Audio, type Event, Pipeline } from "effect-voice"
import * as LiveKitRoom from "effect-voice/Layers/LiveKitRoom"
import * as Worker from "effect-voice/Worker"
import { AgentDispatchClient } from "livekit-server-sdk"
import echo, { agent, most, options, services } from "./support/echo.ts"
import { agentToken, type Caller, caller, type Heard, isLoud, livekit, now, roomName, until } from "./support/people.ts"
import { toneOf, whoseTone } from "./support/tones.ts"

const questionMs = 800

/**
 * Which tones a track has carried, in their order, and the part of it that was
 * none of these. A busy machine tears holes into what is heard, so it is looked
 * at in short pieces that have none.
 */
const tonesOf = (heard: ReadonlyArray<Heard>, expected: ReadonlyArray<number>) => {
  const found = new Map<number, number>()
  let total = 0
  let piece: Array<Heard> = []
  for (const one of heard) {
    if (!isLoud(one)) piece = []
    else piece.push(one)
    if (piece.length < 4) continue
    const samples = Audio.concat(piece.map(({ samples }) => ({ ...Audio.speech, samples }))).samples
    const { who } = whoseTone(samples, most)
    found.set(who, (found.get(who) ?? 0) + 1)
    total++
    piece = []
  }
  const own = expected.reduce((sum, who) => sum + (found.get(who) ?? 0), 0)
  return {
    // Less than 200 ms is a crackle.
    tones: [...found].flatMap(([who, count]) => count >= 5 ? [who] : []),
    foreign: total === 0 ? 1 : 1 - own / total
  }
}

/**
 * Asks with a tone, and waits for the whole answer, of which the agent may say that it goes on; tells after how long it
 * came, from the end of the question (ms).
 */
const ask = (one: Caller, track: string, tone: number, goesOn: () => boolean = () => false) =>
  Effect.gen(function*() {
    const begun = now()
    yield* one.says(toneOf(tone, questionMs))
    const asked = now()
    const ofAgent = () => one.heard.filter((heard) => heard.track === track && heard.at > begun && isLoud(heard))
    yield* until(() => ofAgent().length > 2)
    const answered = ofAgent()[0]!.at
    yield* until(() => !goesOn() && now() - ofAgent().at(-1)!.at > 500)
    return answered - asked
  })

const quantile = (values: ReadonlyArray<number>, q: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))]!

const report = (what: string, delays: ReadonlyArray<number>, more: object = {}) =>
  Effect.logInfo(what).pipe(
    Effect.annotateLogs({
      p50Ms: Math.round(quantile(delays, 0.5)),
      p99Ms: Math.round(quantile(delays, 0.99)),
      ...more
    })
  )

describe.skipIf(livekit === undefined)("many at once over WebRTC", () => {
  const at = livekit!

  it.live("sixteen calls in one process of one worker: each is answered, and hears nothing of another", () =>
    Effect.gen(function*() {
      const worker = yield* Worker.make(echo, {
        url: at.url,
        apiKey: Redacted.make(at.key),
        apiSecret: Redacted.make(at.secret),
        http: false,
        load: () => 0,
        pool: {
          module: new URL("./support/echo.ts", import.meta.url).href,
          processes: 1,
          jobsPerProcess: 16,
          execArgv: ["--conditions=effect-voice/source"]
        }
      })
      const dispatcher = new AgentDispatchClient(at.url.replace("ws", "http"), at.key, at.secret)
      const calls = yield* Effect.forEach(Array.from({ length: 16 }, (_, i) => i), (index) =>
        Effect.gen(function*() {
          const room = roomName()
          const one = yield* caller({ room, identity: `caller-${index}` })
          yield* Effect.promise(() => dispatcher.createDispatch(room, "echo"))
          return { one, index }
        }), { concurrency: 4 })
      yield* until(() => calls.every(({ one }) => one.room.remoteParticipants.size === 1))
      for (const { one } of calls) yield* one.isTaken
      const since = now()
      yield* until(() => now() - since > 1000)
      assert.strictEqual((yield* worker.status).jobs, 16)
      const delays = yield* Effect.forEach(calls, ({ index, one }) =>
        Effect.andThen(
          Effect.sleep(index * 61),
          Effect.forEach([index, index + 16], (tone) =>
            ask(one, "agent-audio", tone, () => one.speaks([...one.room.remoteParticipants.keys()][0]!)))
        ), { concurrency: "unbounded" })
      yield* report("sixteen calls", delays.flat())
      for (const { index, one } of calls) {
        const { foreign, tones } = tonesOf(one.heard, [index, index + 16])
        assert.deepStrictEqual(tones, [index, index + 16])
        assert.isBelow(foreign, 0.1)
        yield* one.leaves
      }
      while ((yield* worker.status).jobs > 0) yield* Effect.sleep(20)
    }))

  it.live("five callers in one room, three turns each at the same time: every reply is on its caller's track", () =>
    Effect.gen(function*() {
      const room = roomName()
      const told: Array<readonly [who: string, event: Event.Event]> = []
      const context = yield* Layer.build(
        Layer.merge(LiveKitRoom.layer({ url: at.url, token: yield* agentToken(room) }), services)
      )
      const conversations = yield* Effect.forkScoped(Effect.provide(
        Pipeline.each(agent, { ...options, onEvent: (event, { identity }) => void told.push([identity, event]) }),
        context
      ))
      const people = ["ann", "bob", "cem", "dee", "eve"]
      const callers = yield* Effect.forEach(people, (identity) => caller({ room, identity }))
      yield* until(() => told.filter(([, { _tag }]) => _tag === "SessionStarted").length === 5)
      for (const one of callers) yield* one.isTaken
      const delays = yield* Effect.forEach(callers, (one, index) =>
        Effect.andThen(
          Effect.sleep(index * 100),
          Effect.forEach([0, 1, 2], (turn) => ask(one, `agent-audio-${one.identity}`, turn * 5 + index))
        ), { concurrency: "unbounded" })
      yield* report("five callers", delays.flat())
      for (const [index, one] of callers.entries()) {
        const expected = [index, 5 + index, 10 + index]
        assert.deepStrictEqual(
          told.flatMap(([who, event]) =>
            event._tag === "UserSpeechCommitted" && who === one.identity ? [event.text] : []
          ),
          expected.map(String)
        )
        const own = one.heard.filter(({ track }) => track === `agent-audio-${one.identity}`)
        const { foreign, tones } = tonesOf(own, expected)
        assert.deepStrictEqual(tones, expected)
        assert.isBelow(foreign, 0.1)
        yield* one.leaves
      }
      yield* Fiber.interrupt(conversations)
    }))
})
