import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { asks, question, talk } from "./support/agents.ts"
import { launch } from "./support/launch.ts"
import { type Caller, caller, callerToken, livekit, now, operator, roomName, until } from "./support/people.ts"

const server = Effect.acquireRelease(
  Effect.promise(() => launch()),
  ({ process, stop }) =>
    Effect.promise(() => {
      process.kill("SIGCONT")
      return stop()
    })
)

const story =
  "Once upon a time there was a small hotel by the sea, and everybody who came there stayed a little longer " +
  "than planned, because the breakfast was good, and the beds were soft, and the sea told stories all night long."

/** What the caller hears of the agent since a time: how much, and the longest hole in it (ms). */
const heardSince = ({ heard }: Caller, since: number) => {
  const loud = heard.filter((one) => one.identity === "agent" && one.at > since && one.rms > 0.01)
  return {
    ms: loud.length * 10,
    hole: loud.reduce((longest, one, i) => Math.max(longest, one.at - (loud[i - 1]?.at ?? one.at)), 0)
  }
}

/** A caller in a process of its own, whose microphone is open. */
const remoteCaller = (options: { readonly url: string; readonly room: string; readonly token: string }) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, [fileURLToPath(new URL("./support/remote.ts", import.meta.url))], {
        env: { ...process.env, REMOTE_URL: options.url, REMOTE_TOKEN: options.token },
        stdio: ["ignore", "pipe", "inherit"]
      })
      const { promise, reject, resolve } = Promise.withResolvers<void>()
      createInterface(child.stdout).on("line", (line) => line === "talking" && resolve())
      child.once("exit", (code) => reject(new Error(`the caller ended with ${code}`)))
      await promise
      return child
    }),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )

describe.skipIf(livekit === undefined)("a conversation", () => {
  it.live("whose network is cut for five seconds goes on: the agent ends its sentence, and answers the next", () =>
    Effect.gen(function*() {
      const { key, process, secret, url } = yield* server
      const at = { url, key, secret }
      const room = roomName()
      const ann = yield* caller({ room, at })
      const agent = yield* talk({ room, at, greeting: "Good morning.", script: [story, "Of course."] })
      yield* ann.hears("agent", 0)
      yield* ann.hearsSilence("agent", 700)
      yield* ann.says(question)
      const asked = now()
      yield* ann.hears("agent", asked)
      yield* Effect.sleep(1000)
      process.kill("SIGSTOP")
      const cut = now()
      yield* Effect.sleep(5000)
      process.kill("SIGCONT")
      const back = now()
      // What was said meanwhile is lost, or late; the call is not.
      yield* ann.hears("agent", back)
      const again = Math.round(now() - back)
      yield* until(() => agent.of("AgentSpeechCommitted").length === 2)
      yield* ann.hearsSilence("agent", 1500)
      const answeredMs = yield* asks(ann)
      yield* until(() => agent.of("AgentSpeechCommitted").length === 3)
      yield* Effect.logInfo("the network was cut for 5 s in mid-sentence").pipe(
        Effect.annotateLogs({ heardAgainMs: again, holeMs: Math.round(heardSince(ann, cut - 500).hole), answeredMs })
      )
      assert.deepStrictEqual(agent.of("AgentSpeechCommitted").map(({ interrupted, text }) => [text, interrupted]), [
        ["Good morning.", false],
        [story, false],
        ["Of course.", false]
      ])
      assert.deepStrictEqual(agent.of("SessionClosed"), [])
    }).pipe(Effect.scoped))

  it.live("whose server is restarted goes on with what was said before, when its caller is back", () =>
    Effect.gen(function*() {
      const first = yield* server
      const at = { url: first.url, key: first.key, secret: first.secret }
      const room = roomName()
      const ann = yield* caller({ room, at })
      const agent = yield* talk({
        room,
        at,
        greeting: "Good morning.",
        script: ["It is sunny.", "It is still sunny."],
        livekit: { retries: 10 }
      })
      yield* ann.hears("agent", 0)
      yield* ann.hearsSilence("agent", 700)
      yield* asks(ann)
      const down = now()
      yield* Effect.promise(first.stop)
      yield* ann.leaves
      yield* Effect.acquireRelease(Effect.promise(() => launch(first.ports)), ({ stop }) => Effect.promise(stop))
      // As a frontend does that has lost its connection.
      const back = yield* caller({ room, at })
      yield* until(() => back.room.remoteParticipants.has("agent"))
      const together = Math.round(now() - down)
      yield* until(() => (back.room.remoteParticipants.get("agent")?.trackPublications.size ?? 0) > 0)
      yield* Effect.sleep(1000)
      const answeredMs = yield* asks(back)
      yield* Effect.logInfo("the server was killed and started again in mid-call").pipe(
        Effect.annotateLogs({ togetherMs: together, answeredMs })
      )
      assert.deepStrictEqual(agent.of("AgentSpeechCommitted").map(({ text }) => text), [
        "Good morning.",
        "It is sunny.",
        "It is still sunny."
      ])
      assert.deepStrictEqual(agent.of("SessionStarted").length, 1)
      assert.deepStrictEqual(agent.of("SessionClosed"), [])
      assert.strictEqual((yield* agent.session.history).items.length, 5)
    }).pipe(Effect.scoped))

  it.live("whose caller's app starts again at once goes on with the new one", () =>
    Effect.gen(function*() {
      const room = roomName()
      const first = yield* caller({ room })
      const agent = yield* talk({
        room,
        greeting: "Good morning.",
        script: ["It is sunny.", "It is still sunny.", "As ever."]
      })
      yield* first.hears("agent", 0)
      yield* first.hearsSilence("agent", 700)
      yield* asks(first)
      // As a second tab does: it takes the place of the first.
      const second = yield* caller({ room })
      yield* until(() => (second.room.remoteParticipants.get("agent")?.trackPublications.size ?? 0) > 0)
      yield* Effect.sleep(1000)
      const answeredMs = yield* asks(second)
      yield* Effect.logInfo("the caller came again at once").pipe(Effect.annotateLogs({ answeredMs }))
      assert.strictEqual(agent.of("SessionStarted").length, 1)
      assert.deepStrictEqual(agent.of("SessionClosed"), [])
      assert.deepStrictEqual(agent.of("AgentSpeechCommitted").map(({ text }) => text), [
        "Good morning.",
        "It is sunny.",
        "It is still sunny."
      ])
    }).pipe(Effect.scoped))

  it.live("whose caller stands still for five seconds has not lost them; one whose caller dies has, and ends", () =>
    Effect.gen(function*() {
      const room = roomName()
      // The server closes a room two seconds after the last caller has gone.
      const agent = yield* talk({ room, script: [], options: { returnTimeout: "500 millis" } })
      const child = yield* remoteCaller({ url: livekit!.url, room, token: yield* callerToken({ room }) })
      yield* until(() => agent.of("UserStartedSpeaking").length > 0)
      child.kill("SIGSTOP")
      yield* Effect.sleep(5000)
      child.kill("SIGCONT")
      const back = now()
      yield* until(() => agent.told.some(({ at, event }) => at > back && event._tag === "UserStartedSpeaking"))
      assert.deepStrictEqual(agent.of("SessionClosed"), [])
      const seen = yield* Effect.promise(() => operator().listParticipants(room))
      assert.includeMembers(seen.map(({ identity }) => identity), ["ann", "agent"])
      child.kill("SIGKILL")
      const died = now()
      assert.strictEqual(yield* agent.session.ended, "participant_left")
      yield* Effect.logInfo("the caller's process was killed").pipe(
        Effect.annotateLogs({ sessionEndedMs: Math.round(now() - died) })
      )
    }).pipe(Effect.scoped))
})
