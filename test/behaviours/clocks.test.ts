/** The wall clock is corrected in the middle of a call: nothing of it is longer or shorter for that. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Layer, Stream } from "effect"
import { Agent, type Event, Llm, Pipeline, Room, Session, Stt, Tools, Tts, Vad } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { correctable } from "../support/clock.ts"

const hour = 3_600_000

const at = (value: unknown, clock: Clock.Clock): unknown => {
  if (Effect.isEffect(value)) {
    return Effect.map(
      Effect.provideService(value, Clock.Clock, clock),
      (given) => typeof given === "object" && given !== null && "played" in given ? elsewhere(given, clock) : given
    )
  }
  return Stream.isStream(value) ? Stream.provideService(value, Clock.Clock, clock) : value
}

/** A service that keeps the time of another clock. */
const elsewhere = <S extends object>(service: S, clock: Clock.Clock): S =>
  Object.fromEntries(
    Object.entries(service).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === "function"
        ? (...args: ReadonlyArray<unknown>) =>
          at((value as (...args: ReadonlyArray<unknown>) => unknown)(...args), clock)
        : at(value, clock)
    ])
  ) as S

/** A conversation with all that takes its time: a slow tool, a filler, an interruption, retries, silence, the end. */
const conversation = (corrections: ReadonlyArray<readonly [at: number, ms: number]>) =>
  Testing.inVirtualTime(
    Effect.gen(function*() {
      const inner = yield* Clock.Clock
      const { run, step } = yield* correctable
      const now = () => inner.currentTimeMillisUnsafe()
      const events: Array<Event.Event> = []
      yield* Effect.forEach(corrections, ([at, ms]) =>
        Effect.forkScoped(
          Effect.andThen(
            Effect.sleep(at),
            Effect.sync(() => step(ms))
          ),
          { startImmediately: true }
        ))
      yield* run(
        Effect.gen(function*() {
          // The world outside has a clock of its own, which nobody corrects.
          const outside = Effect.map(
            Layer.build(Testing.layer({
              llm: [
                { fail: true },
                { tools: [{ name: "book" }] },
                { text: "Your table is booked for two people at eight o'clock, and the kitchen knows about the nuts." },
                { text: "See you then." },
                { text: "Bye." }
              ]
            })),
            (context) =>
              Context.mergeAll(
                context,
                Context.make(Room.Room, elsewhere(Context.get(context, Room.Room), inner)),
                Context.make(Vad.Vad, elsewhere(Context.get(context, Vad.Vad), inner)),
                Context.make(Stt.Stt, elsewhere(Context.get(context, Stt.Stt), inner)),
                Context.make(Llm.Llm, elsewhere(Context.get(context, Llm.Llm), inner)),
                Context.make(Tts.Tts, elsewhere(Context.get(context, Tts.Tts), inner)),
                Context.make(Testing.Caller, elsewhere(Context.get(context, Testing.Caller), inner))
              )
          )
          const scripted = Layer.effectContext(Effect.provideService(outside, Clock.Clock, inner))
          const resilient = Layer.mergeAll(
            Layer.effect(Llm.Llm, Effect.map(Llm.Llm, (llm) => Llm.resilient(llm))),
            Layer.effect(Stt.Stt, Effect.map(Stt.Stt, (stt) => Stt.resilient(stt))),
            Layer.effect(Tts.Tts, Effect.map(Tts.Tts, (tts) => Tts.resilient(tts)))
          )
          const services = yield* Layer.build(Layer.provideMerge(resilient, scripted))
          yield* Effect.gen(function*() {
            const caller = yield* Testing.Caller
            const session = yield* Pipeline.make(
              Agent.make({
                instructions: "You book tables.",
                tools: Tools.functions({ book: { run: () => "booked" } }),
                onEnter: Session.Session.use((session) => session.say("Good evening, what can I do for you?"))
              }),
              { sessionId: "clock", onEvent: (event) => void events.push(event) }
            )
            yield* Effect.sleep(4000)
            yield* caller.says("A table for two at eight please.", { duration: 2000 })
            yield* Effect.sleep(4500)
            yield* caller.says("Stop, that is fine, thank you.", { duration: 1500 })
            yield* Effect.sleep(20_000)
            yield* caller.says("Good night then.", { duration: 1000 })
            yield* Effect.sleep(6000)
            yield* session.close({ drain: true })
            yield* session.ended
          }).pipe(Effect.provide(services))
        }).pipe(Effect.scoped)
      )
      return { events: events.map((event) => JSON.stringify(event)), ended: now() }
    }).pipe(Effect.scoped)
  )

describe("a corrected wall clock", () => {
  it.effect("changes nothing of a call, whenever it is corrected, by an hour either way", () =>
    Effect.gen(function*() {
      const steady = yield* conversation([])
      const tags = steady.events.map((event) => JSON.parse(event)._tag as string)
      // All of it has happened.
      for (
        const tag of [
          "AgentSpeechCommitted",
          "ProviderRetried",
          "FunctionCallsFinished",
          "UserStateChanged",
          "SessionClosed"
        ]
      ) {
        assert.include(tags, tag)
      }
      assert.isTrue(steady.events.some((event) => event.includes("\"interrupted\":true")))
      for (const at of [1, 900, 2500, 5000, 6100, 6900, 8500, 11_000, 12_000, 20_000, 34_000, 39_000]) {
        for (const ms of [hour, -hour]) {
          const corrected = yield* conversation([[at, ms]])
          assert.deepStrictEqual(corrected, steady, `corrected by ${ms} ms at ${at} ms`)
        }
      }
      const restless = yield* conversation(
        Array.from({ length: 400 }, (_, i) => [(i + 1) * 80, i % 2 === 0 ? hour : -hour] as const)
      )
      assert.deepStrictEqual(restless, steady)
    }))
})
