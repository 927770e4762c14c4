import { assert, it } from "@effect/vitest"
import { Clock, Context, Effect, Schedule, Schema, type Scope, Stream } from "effect"
import { Agent, Audio, Room, Session, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"

/** Yours: who waits, and who is free. A ticket is given back with its scope, so a caller who hangs up waits no more. */
class Line extends Context.Service<Line, {
  readonly join: (call: string) => Effect.Effect<
    {
      readonly place: Effect.Effect<number>
      /** Waits until a colleague is free, and tells their number. */
      readonly served: Effect.Effect<string>
    },
    never,
    Scope.Scope
  >
  /** Calls a colleague into the room (`createSipParticipant`), and tells whether they took it. */
  readonly connect: (room: string, number: string) => Effect.Effect<boolean>
  readonly callBack: (number: string) => Promise<void>
}>()("effect-voice/examples/guides/queue.test/Line") {}

// Yours is `Audio.readWav("music.wav")`.
const bar: Audio.Frame = {
  ...Audio.speech,
  samples: Int16Array.from({ length: 16_000 }, (_, i) => 800 * Math.sin((2 * Math.PI * 440 * i) / 16_000))
}
const music = Effect.andThen(
  Effect.ignore(Room.play(Stream.forever(Stream.make(bar)), { name: "music" })),
  Effect.never
)

/** What all calls share is taken where the agents are made: an agent that gets a call by a hand-off needs nothing more. */
export const reception = Effect.map(Line, (line) => {
  const waiting = (about: string) =>
    Agent.make({
      name: "waiting",
      instructions:
        `The caller waits for a colleague, about ${about}. Answer briefly. They may be called back instead.`,
      tools: Tools.functions({
        call_back: {
          description: "Lets the caller be called back, and ends the call",
          run: async (_, { session }) => {
            const caller = await session.participant()
            await line.callBack(caller?.attributes["sip.phoneNumber"] ?? "unknown")
            await session.hangUp({ say: "We will call you back. Goodbye!" })
          }
        }
      }),
      onEnter: Effect.scoped(Effect.gen(function*() {
        const session = yield* Session.Session
        const ticket = yield* line.join(session.id)
        const announce = Effect.flatMap(
          ticket.place,
          (place) => session.say(place === 1 ? "You are next." : `You are number ${place} in the line.`)
        )
        const waits = Effect.all([music, Effect.repeat(announce, Schedule.spaced("30 seconds"))], {
          concurrency: "unbounded"
        })
        while (true) {
          const number = yield* Effect.raceFirst(ticket.served, Effect.andThen(waits, Effect.never))
          yield* session.say(`I put you through. It is about ${about}.`, { protected: true })
          if (yield* line.connect(session.job["room"] ?? "", number)) break
        }
        // The line stays open for the colleague, who is in the room now.
        yield* session.close({ drain: true })
      }))
    })
  return Agent.make({
    name: "reception",
    instructions: "You find out what a call is about, and give it to a person.",
    tools: Tools.functions({
      to_person: {
        description: "Lets the caller wait for a person",
        parameters: Schema.Struct({ about: Schema.String }),
        run: async ({ about }, { session }) => session.handoff(waiting(about))
      }
    }),
    onEnter: async (session) => session.say("Harbour Bank, what is it about?")
  })
})

const called: Array<string> = []

// Somebody is free after a hundred seconds, and every forty seconds the line is shorter.
const line = Line.of({
  join: () =>
    Effect.map(Clock.currentTimeMillis, (began) => ({
      place: Effect.map(Clock.currentTimeMillis, (now) => Math.max(1, 3 - Math.floor((now - began) / 40_000))),
      served: Effect.as(Effect.sleep("100 seconds"), "+4930123456")
    })),
  connect: (room, number) => Effect.sync(() => called.push(`${room}: ${number}`) > 0),
  callBack: async () => void called.push("called back")
})

it.effect.each([
  { words: "How long will it take?", last: "I put you through. It is about a lost card.", done: "call-1: +4930123456" },
  { words: "Please call me back.", last: "We will call you back. Goodbye!", done: "called back" }
])("waits, and answers: $words", ({ done, last, words }) =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      room: { kind: "sip" },
      agent: yield* reception,
      user: [Testing.say(3000, 4500, "I lost my card."), Testing.say(50_000, 51_000, words)],
      llm: [
        { tools: [{ name: "to_person", params: { about: "a lost card" } }] },
        words.startsWith("Please") ? { tools: [{ name: "call_back" }] } : "About a minute."
      ],
      tts: { duration: 1500 },
      options: { job: { room: "call-1" }, turn: { preemption: { llm: false } } },
      until: 130_000
    })
    assert.include(timeline.messages, "assistant: You are number 3 in the line.")
    assert.strictEqual(timeline.messages.at(-1), `assistant: ${last}`)
    assert.strictEqual(called.at(-1), done)
  }).pipe(Effect.provideService(Line, line)))
