import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { question, talk } from "./support/agents.ts"
import { caller, livekit, roomName, tone, until } from "./support/people.ts"
import { collect, join } from "./support/rooms.ts"

describe.skipIf(livekit === undefined)("end-to-end encryption", () => {
  it.live("holds a whole call, and nothing of it can be heard without the key", () =>
    Effect.gen(function*() {
      const room = roomName()
      const key = "a shared key"
      const agent = yield* talk({
        room,
        greeting: "Hello, this is a secret.",
        // A hole in a question makes two of it.
        script: Array.from({ length: 20 }, () => "Nobody else knows."),
        livekit: { encryption: { key: Redacted.make(key) } }
      })
      const ann = yield* caller({ room, key })
      const eve = yield* caller({ room, identity: "eve", key: "a guess", microphone: false })
      yield* ann.hears("agent", 0)
      yield* ann.hearsSilence("agent", 700)
      yield* ann.says(question)
      const said = () => agent.of("AgentSpeechCommitted").map(({ text }) => text)
      yield* until(() => said().includes("Nobody else knows."))
      assert.strictEqual(said()[0], "Hello, this is a secret.")
      assert.isAbove(ann.loudMs("agent"), 1000)
      // A decoder that begins may crackle for a moment.
      assert.isBelow(eve.loudMs("agent"), 100)
    }).pipe(Effect.scoped))

  it.live("tells of a caller with another key, and of one without any", () =>
    Effect.gen(function*() {
      const agent = yield* join(roomName(), { encryption: { key: Redacted.make("ours") } })
      const bob = yield* caller({ room: agent.room.name, identity: "bob", key: "theirs" })
      yield* agent.sees((event) => event._tag === "TrackSubscribed" && event.identity === "bob")
      const heard = yield* collect(agent.room.audio("bob"))
      yield* bob.says(tone(1000))
      yield* agent.sees((event) => event._tag === "EncryptionFailed" && event.identity === "bob")
      // A decoder that begins may crackle for a moment; the tone would be loud for a second.
      assert.isTrue(heard.items.slice(5).every(({ samples }) => samples.every((one) => Math.abs(one) < 500)))
      yield* caller({ room: agent.room.name, identity: "cat" })
      yield* agent.sees((event) => event._tag === "EncryptionFailed" && event.identity === "cat")
    }).pipe(Effect.scoped))
})
