/** Who comes back is welcome, however they were gone; who has left has left. By the reasons that a real server sends. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Redacted, Scope } from "effect"
import { Agent, type Event, Pipeline, Session, Worker } from "effect-voice"
import * as LiveKitRoom from "effect-voice/Layers/LiveKitRoom"
import { AgentDispatchClient } from "livekit-server-sdk"
import { spawn } from "node:child_process"
import { connect, createServer, type Socket } from "node:net"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { question, services, talk } from "../../livekit/support/agents.ts"
import { operated } from "../../livekit/support/operated.ts"
import {
  agentToken,
  type Caller,
  caller,
  callerToken,
  livekit,
  type Microphone,
  now,
  operator,
  roomName,
  until
} from "../../livekit/support/people.ts"

const script = Array.from({ length: 20 }, () => "It is sunny.")

const asks = (ann: Caller) =>
  Effect.gen(function*() {
    yield* ann.says(question)
    const asked = now()
    yield* ann.hears("agent", asked)
    yield* ann.hearsSilence("agent", 700)
  })

const hearsOf = (ann: Caller) =>
  Effect.andThen(
    until(() => (ann.room.remoteParticipants.get("agent")?.trackPublications.size ?? 0) > 0),
    Effect.sleep(1000)
  )

/** A caller who can be closed by hand. */
const guest = (options: Parameters<typeof caller>[0]) =>
  Effect.gen(function*() {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const one = yield* Scope.provide(caller(options), scope)
    return { one, close: Scope.close(scope, Exit.void) }
  })

const remote = (room: string, url: string) =>
  Effect.gen(function*() {
    const token = yield* callerToken({ room })
    const child = spawn(
      process.execPath,
      [fileURLToPath(new URL("../../livekit/support/remote.ts", import.meta.url))],
      {
        env: { ...process.env, REMOTE_URL: url, REMOTE_TOKEN: token },
        stdio: ["ignore", "pipe", "ignore"]
      }
    )
    yield* Effect.addFinalizer(() => Effect.sync(() => void child.kill("SIGKILL")))
    yield* Effect.callback<void>((resume) => {
      createInterface(child.stdout).on("line", (line) => line === "talking" && resume(Effect.void))
    })
    return child
  })

/** A way to the server that can be cut. */
const bridge = (url: string) =>
  Effect.gen(function*() {
    const { hostname, port } = new URL(url)
    const sockets = new Set<Socket>()
    const server = createServer((near) => {
      const far = connect(Number(port), hostname)
      for (const socket of [near, far]) {
        sockets.add(socket)
        socket.on("error", () => {}).on("close", () => {
          near.destroy()
          far.destroy()
        })
      }
      near.pipe(far).pipe(near)
    })
    yield* Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    })
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
    )
    const address = server.address()
    if (address === null || typeof address === "string") throw new Error("no port")
    return {
      url: `ws://127.0.0.1:${address.port}`,
      cut: Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        sockets.clear()
      })
    }
  })

type Agent = Effect.Success<ReturnType<typeof talk>>

const goesOn = (agent: Agent) => {
  assert.strictEqual(agent.of("SessionStarted").length, 1)
  assert.deepStrictEqual(agent.of("SessionClosed"), [])
}

/** Somebody has been greeted in a room, and was answered. */
const met = Effect.gen(function*() {
  const room = roomName()
  const first = yield* guest({ room })
  const agent = yield* talk({ room, greeting: "Good morning.", script })
  yield* first.one.hears("agent", 0)
  yield* first.one.hearsSilence("agent", 700)
  return { room, first, agent }
})

const heardSince = (agent: Agent, at: number) =>
  until(() => agent.told.some((one) => one.at > at && one.event._tag === "UserStartedSpeaking"))

describe.skipIf(livekit === undefined)("a caller", () => {
  it.live.each<readonly [string, Partial<Parameters<typeof caller>[0]>]>([
    ["in a second tab", {}],
    ["with another name", { name: "Ann again" }],
    ["with other metadata and attributes", { metadata: "{}", attributes: { a: "2" } }]
  ])(
    "who comes again beside themselves, %s, takes their own place, and is answered",
    ([, options]) =>
      Effect.gen(function*() {
        const { agent, room } = yield* met
        const second = yield* guest({ room, ...options })
        yield* hearsOf(second.one)
        yield* asks(second.one)
        goesOn(agent)
      }).pipe(Effect.scoped)
  )

  it.live("who comes again three times in a row is answered in the last place", () =>
    Effect.gen(function*() {
      const { agent, room } = yield* met
      yield* guest({ room })
      yield* guest({ room })
      const last = yield* guest({ room })
      yield* hearsOf(last.one)
      yield* asks(last.one)
      goesOn(agent)
    }).pipe(Effect.scoped))

  it.live("who comes again without a microphone, and opens one only then, is heard", () =>
    Effect.gen(function*() {
      const { agent, room } = yield* met
      yield* guest({ room, microphone: false })
      yield* Effect.sleep(500)
      const last = yield* guest({ room })
      yield* hearsOf(last.one)
      yield* asks(last.one)
      goesOn(agent)
    }).pipe(Effect.scoped))

  it.live("who comes again while the agent speaks hears the rest of it", () =>
    Effect.gen(function*() {
      const { agent, room } = yield* met
      const story = "Once upon a time there was a small hotel by the sea, and everybody who came there stayed for long."
      yield* agent.session.say(story)
      yield* until(() => agent.of("AgentStartedSpeaking").length === 2)
      const second = yield* guest({ room })
      yield* second.one.hears("agent", 0)
      yield* until(() => agent.of("AgentSpeechCommitted").length === 2)
      assert.deepStrictEqual(agent.of("AgentSpeechCommitted").map(({ text }) => text), ["Good morning.", story])
      goesOn(agent)
    }).pipe(Effect.scoped))

  it.live("whose app has crashed and starts again is heard, at once and late", () =>
    Effect.gen(function*() {
      for (const after of [200, 3000]) {
        const room = roomName()
        const agent = yield* talk({ room, script })
        const child = yield* remote(room, livekit!.url)
        yield* until(() => agent.of("UserStartedSpeaking").length > 0)
        child.kill("SIGKILL")
        yield* Effect.sleep(after)
        const back = now()
        yield* remote(room, livekit!.url)
        yield* heardSince(agent, back)
        goesOn(agent)
      }
    }).pipe(Effect.scoped))

  it.live("whose network changes is the same: the way to the server is cut, and they go on", () =>
    Effect.gen(function*() {
      const room = roomName()
      const way = yield* bridge(livekit!.url)
      const agent = yield* talk({ room, script })
      yield* remote(room, way.url)
      yield* until(() => agent.of("UserStartedSpeaking").length > 0)
      for (let i = 0; i < 3; i++) {
        yield* way.cut
        yield* Effect.sleep(1500)
      }
      yield* heardSince(agent, now())
      goesOn(agent)
    }).pipe(Effect.scoped))

  it.live("who crashes with their way to the server cut is not waited for longer than the time for that", () =>
    Effect.gen(function*() {
      const room = roomName()
      const way = yield* bridge(livekit!.url)
      const agent = yield* talk({ room, script, options: { returnTimeout: "500 millis" } })
      const child = yield* remote(room, way.url)
      yield* until(() => agent.of("UserStartedSpeaking").length > 0)
      child.kill("SIGSTOP")
      yield* way.cut
      child.kill("SIGKILL")
      assert.include(["participant_left", "room_ended"], yield* agent.session.ended)
    }).pipe(Effect.scoped))

  it.live("who leaves, or is removed, has left: the session ends at once", () =>
    Effect.gen(function*() {
      const left = yield* met
      yield* left.first.one.leaves
      assert.strictEqual(yield* left.agent.session.ended, "participant_left")
      const removed = yield* met
      yield* Effect.promise(() => operator().removeParticipant(removed.room, "ann"))
      assert.strictEqual(yield* removed.agent.session.ended, "participant_left")
    }).pipe(Effect.scoped))

  it.live(
    "who is removed, and comes back to a room that holds a conversation with each, is greeted anew",
    () =>
      Effect.gen(function*() {
        const room = roomName()
        const first = yield* caller({ room })
        const told: Array<Event.Event> = []
        const token = yield* agentToken(room)
        const context = yield* Layer.build(
          Layer.merge(LiveKitRoom.layer({ url: livekit!.url, token }), services(script))
        )
        const agent = Agent.make({
          instructions: "",
          onEnter: Session.Session.use((session) => session.say("Good morning."))
        })
        yield* Effect.forkScoped(
          Effect.provide(Pipeline.each(agent, { onEvent: (event) => void told.push(event) }), context)
        )
        yield* first.hears("agent", 0)
        yield* first.hearsSilence("agent", 700)
        for (const after of [0, 100, 1000]) {
          const ended = told.filter(({ _tag }) => _tag === "SessionClosed").length
          yield* Effect.promise(() => operator().removeParticipant(room, "ann"))
          yield* Effect.sleep(after)
          const back = yield* guest({ room })
          const since = now()
          yield* back.one.hears("agent", since)
          yield* back.one.hearsSilence("agent", 700)
          yield* asks(back.one)
          assert.strictEqual(told.filter(({ _tag }) => _tag === "SessionClosed").length, ended + 1)
        }
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "who is removed, and comes back, is met by an agent that their app has asked for",
    () =>
      Effect.gen(function*() {
        const at = livekit!
        const name = `desk-${process.pid}-back`
        const definition = Worker.define({
          agentName: name,
          layer: services(script),
          entry: () =>
            Pipeline.run(Agent.make({
              instructions: "",
              onEnter: Session.Session.use((session) => session.say("Good morning."))
            }))
        })
        yield* Worker.make(definition, {
          url: at.url,
          apiKey: Redacted.make(at.key),
          apiSecret: Redacted.make(at.secret),
          http: false,
          load: () => 0.1
        })
        const dispatcher = new AgentDispatchClient(at.url.replace("ws", "http"), at.key, at.secret)
        const room = roomName()
        const met = (ann: Caller) =>
          Effect.gen(function*() {
            const since = now()
            yield* Effect.promise(() => dispatcher.createDispatch(room, name))
            yield* until(() => ann.heard.some(({ at, rms }) => at > since && rms > 0.01))
          })
        yield* met(yield* caller({ room }))
        for (let i = 0; i < 2; i++) {
          yield* Effect.promise(() => operator().removeParticipant(room, "ann"))
          yield* met(yield* caller({ room }))
        }
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "who takes another microphone is heard by it, whatever becomes of the first, muted or not",
    () =>
      Effect.gen(function*() {
        const { agent, first: { one } } = yield* met
        const answered = (microphone: Microphone) =>
          Effect.gen(function*() {
            yield* microphone.says(question)
            const asked = now()
            yield* one.hears("agent", asked)
            yield* one.hearsSilence("agent", 700)
          })
        yield* answered(one)
        // Beside the first, which stays open and silent.
        const second = yield* one.opens
        yield* Effect.sleep(500)
        yield* answered(second)
        // The newer one is muted: the older one is theirs.
        yield* second.mutes(true)
        yield* Effect.sleep(500)
        yield* answered(one)
        yield* second.mutes(false)
        yield* Effect.sleep(500)
        yield* answered(second)
        // Without any for a while.
        yield* one.closes
        yield* second.closes
        yield* Effect.sleep(1500)
        const third = yield* one.opens
        yield* Effect.sleep(500)
        yield* answered(third)
        // Muted, replaced, and open again.
        yield* third.mutes(true)
        const fourth = yield* one.opens
        yield* third.closes
        yield* Effect.sleep(500)
        yield* answered(fourth)
        goesOn(agent)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "whose agent dies in the middle of an answer is met by another worker, at once and when they come again",
    () =>
      Effect.gen(function*() {
        const at = livekit!
        const dispatcher = new AgentDispatchClient(at.url.replace("ws", "http"), at.key, at.secret)
        const agents = ({ room }: Caller) =>
          [...room.remoteParticipants.keys()].filter((identity) => identity.startsWith("agent-"))
        const room = roomName()
        const dying = yield* operated(at, 0)
        const ann = yield* guest({ room })
        const greeted = (one: Caller, before: ReadonlyArray<string>) =>
          Effect.gen(function*() {
            const since = now()
            yield* Effect.promise(() => dispatcher.createDispatch(room, "desk"))
            yield* until(() => agents(one).some((identity) => !before.includes(identity)))
            const agent = agents(one).find((identity) => !before.includes(identity))!
            yield* one.hears(agent, since)
            yield* one.hearsSilence(agent, 700)
            yield* one.says(question)
            const asked = now()
            yield* one.hears(agent, asked)
            return agent
          })
        const first = yield* greeted(ann.one, [])
        dying.kill("SIGKILL")
        const died = now()
        yield* operated(at, 0)
        const second = yield* greeted(ann.one, [first])
        const metMs = Math.round(now() - died)
        // Their app starts again, while the dead one may still be in the room.
        yield* ann.close
        const back = yield* guest({ room })
        yield* until(() => !agents(back.one).includes(second))
        yield* greeted(back.one, agents(back.one))
        yield* Effect.logInfo("an agent died in the middle of an answer").pipe(Effect.annotateLogs({ metMs }))
      }).pipe(Effect.scoped),
    120_000
  )

  it.live("whose microphone goes and comes, and is muted in between, is heard", () =>
    Effect.gen(function*() {
      const { agent, first } = yield* met
      for (let i = 0; i < 2; i++) {
        yield* first.one.mutes(true)
        yield* Effect.sleep(700)
        yield* first.one.mutes(false)
      }
      yield* Effect.sleep(500)
      yield* asks(first.one)
      goesOn(agent)
    }).pipe(Effect.scoped))
})
