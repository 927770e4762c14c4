/** Callers whose sockets are lost in the middle of a conversation, in virtual time. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer } from "effect"
import { Agent, Audio, type Event, Pipeline, Room, Session } from "effect-voice"
import { answering, makeCalls } from "effect-voice/internal/webSocket/calls"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as Testing from "effect-voice/testing"
import { browserCaller } from "./support/browserCaller.ts"

const greeting = "It is sunny in Paris, with a light wind from the west, and warm for the season."

/** A call whose agent greets with a speech of eight seconds, and whose caller is lost two seconds into it. */
const lost = (options: {
  /** How long they are away (ms); never back without. */
  readonly away?: number
  readonly returnMs?: number
  readonly pipeline?: Pipeline.Options
  /** They fall silent, and the socket is given up for that. */
  readonly halfOpen?: boolean
}) =>
  Testing.inVirtualTime(Effect.scoped(Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
    const events: Array<Event.Event> = []
    let over: number | undefined
    const calls = yield* makeCalls(
      {
        sampleRate: 16_000,
        aheadMs: 400,
        returnMs: options.returnMs ?? 20_000,
        silentMs: 8000,
        attach: undefined,
        mostCalls: 1,
        joinMs: 10_000,
        mostBytes: 400_000,
        authorize: () => Effect.succeed({ identity: "caller" })
      },
      answering(1, (room) =>
        Pipeline.run(
          Agent.make({ instructions: "", onEnter: Session.Session.use((session) => session.say(greeting)) }),
          { onEvent: (event) => void events.push(event), ...options.pipeline }
        ).pipe(
          Effect.provide(Layer.mergeAll(
            EnergyVad.layer(),
            Testing.layerStt(),
            Testing.layerLlm(() => "Yes."),
            Testing.layerTts({ audio: "audible", duration: 8000 }),
            Layer.succeed(Room.Room, room)
          )),
          Effect.ensuring(Effect.sync(() => {
            over = now()
          }))
        ))
    )
    const caller = yield* browserCaller({ accept: calls.accept, returns: options.away })
    yield* caller.connect
    while (caller.heard.length < 100) yield* Effect.sleep(20)
    const at = now()
    if (options.halfOpen === true) yield* caller.forget
    else yield* caller.cut
    yield* Effect.sleep("90 seconds")
    const loud = caller.heard.reduce((ms, { frame }) => ms + (Audio.rms(frame) > 0 ? Audio.durationMs(frame) : 0), 0)
    return {
      calls: calls.count(),
      events,
      tags: events.map(({ _tag }) => _tag),
      /** When it was over, since the loss (ms). */
      over: over === undefined ? undefined : over - at,
      loud,
      failures: events.filter(({ _tag }) => _tag === "ProviderFailed" || _tag === "Warning")
    }
  })))

describe("a caller who is lost", () => {
  for (const away of [500, 9000, 11_000, 19_000]) {
    it.effect(`and back after ${away} ms hears the rest, and the room has failed in nothing`, () =>
      Effect.gen(function*() {
        const { calls, failures, loud, over, tags } = yield* lost({ away })
        assert.deepStrictEqual(failures, [])
        assert.deepStrictEqual([calls, over], [1, undefined])
        assert.isAtLeast(loud, 7900)
        assert.isAtMost(loud, 8000 + 800)
        assert.strictEqual(tags.filter((tag) => tag === "AgentSpeechCommitted").length, 1)
      }))
  }

  it.effect("and never back ends the call after returnTimeout, with what was heard", () =>
    Effect.gen(function*() {
      const { calls, events, failures, over } = yield* lost({})
      assert.deepStrictEqual(failures, [])
      assert.strictEqual(calls, 0)
      assert.closeTo(over!, 20_000, 600)
      const said = events.find((event) => event._tag === "AgentSpeechCommitted")
      assert.isTrue(said?.interrupted)
      assert.deepStrictEqual(
        events.flatMap((event) => event._tag === "SpeechFinished" ? [event.outcome] : []),
        ["interrupted"]
      )
      assert.isBelow(said!.text.length, greeting.length)
      assert.isAbove(said!.text.length, 10)
    }))

  it.effect("whose socket only falls silent is waited for from when it was given up", () =>
    Effect.gen(function*() {
      const { failures, over } = yield* lost({ halfOpen: true })
      assert.deepStrictEqual(failures, [])
      assert.closeTo(over!, 28_000, 300)
    }))

  it.effect("is waited for by the shorter of the two, the room's and the conversation's", () =>
    Effect.gen(function*() {
      const room = yield* lost({ returnMs: 6000, pipeline: { returnTimeout: "40 seconds" } })
      assert.closeTo(room.over!, 6000, 600)
      const conversation = yield* lost({ returnMs: 40_000, pipeline: { returnTimeout: "6 seconds" } })
      assert.closeTo(conversation.over!, 6000, 600)
      for (const { calls, failures } of [room, conversation]) assert.deepStrictEqual([calls, failures], [0, []])
    }))

  it.effect("longer than roomTimeout is no room that does not answer", () =>
    Effect.gen(function*() {
      const { calls, failures, loud } = yield* lost({ away: 8000, pipeline: { roomTimeout: "1 second" } })
      assert.deepStrictEqual(failures, [])
      assert.strictEqual(calls, 1)
      assert.isAtLeast(loud, 7900)
    }))
})
