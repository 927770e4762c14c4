import { assert, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { Agent, Audio, Room } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

// A second of a soft A; yours is `Audio.readWav("music.wav")`.
const bar: Audio.Frame = {
  ...Audio.speech,
  samples: Int16Array.from({ length: 16_000 }, (_, i) => 800 * Math.sin((2 * Math.PI * 440 * i) / 16_000))
}
const music = Stream.forever(Stream.make(bar))

/** Plays music, on a track of its own, until the work is done. The agent may speak meanwhile. */
export const withMusic = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.raceFirst(work, Effect.andThen(Effect.ignore(Room.play(music, { name: "music" })), Effect.never))

const Search = Tool.make("search", {
  description: "Searches all hotels of the chain",
  success: Schema.String,
  dependencies: [Room.Room]
})

const Kit = Toolkit.make(Search)

export const desk = Agent.make({ instructions: "You find rooms.", tools: Kit }).pipe(
  Agent.provide(Kit.toLayer({
    search: () => withMusic(Effect.as(Effect.sleep("5 seconds"), "There is one in Lisbon."))
  }))
)

it.effect("plays music while the tool works, and not a moment longer", () =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      agent: desk,
      user: [Testing.say(1000, 2000, "Any room, anywhere.")],
      llm: [{ tools: [{ name: "search" }] }, "There is one in Lisbon."],
      tts: { duration: 2000 }
    })
    assert.deepStrictEqual(timeline.audible, [
      { from: 2500, to: 7500 },
      { from: 8000, to: 10_000 }
    ])
  }))
