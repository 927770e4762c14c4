import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Queue, Redacted, Result, Stream } from "effect"
import { Agent, Audio, type Event, Pipeline, Session } from "effect-voice"
import * as FileRecorder from "effect-voice/Layers/FileRecorder"
import * as Worker from "effect-voice/Worker"
import { AgentDispatchClient, RoomServiceClient } from "livekit-server-sdk"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { recording } from "../fixtures/speech.ts"
import { services } from "./support/agents.ts"
import pooled from "./support/greeter.ts"
import { launch } from "./support/launch.ts"
import { caller, livekit, now, roomName, until } from "./support/people.ts"
import type { Address } from "./support/server.ts"

const options = (at: Address): Worker.Options => ({
  url: at.url,
  apiKey: Redacted.make(at.key),
  apiSecret: Redacted.make(at.secret),
  http: false,
  load: () => 0.1
})

const dispatcher = (at: Address) => new AgentDispatchClient(at.url.replace("ws", "http"), at.key, at.secret)

const greeter = Agent.make({
  instructions: "",
  onEnter: Session.Session.use((session) => session.say("Hello, this is the desk of the hotel."))
})

let names = 0
const agentName = () => `desk-${process.pid}-${++names}`

/** Dispatches, and waits until the server has told what became of the job. */
const jobStates = (at: Address, room: string) =>
  Effect.promise(async () => {
    const dispatches = await dispatcher(at).listDispatch(room)
    return dispatches.flatMap(({ state }) => state?.jobs.map((job) => job.state?.status) ?? [])
  })

const untilRunning = (at: Address, room: string): Effect.Effect<void> =>
  Effect.flatMap(
    jobStates(at, room),
    (all) => all.includes(1) ? Effect.void : Effect.andThen(Effect.sleep(20), untilRunning(at, room))
  )

/** Waits until nobody is in the room, the agent neither. */
const untilEmpty = (at: Address, room: string) =>
  Effect.gen(function*() {
    const operator = new RoomServiceClient(at.url.replace("ws", "http"), at.key, at.secret)
    while ((yield* Effect.promise(() => operator.listParticipants(room))).length > 0) yield* Effect.sleep(20)
  })

describe.skipIf(livekit === undefined)("a worker of a real server", () => {
  const at = livekit!

  it.live("is dispatched by name, talks with who is there, and reports success when they hang up", () =>
    Effect.gen(function*() {
      const name = agentName()
      const room = roomName()
      const jobs = yield* Queue.unbounded<Worker.Job>()
      const told: Array<Event.Event> = []
      const definition = Worker.define({
        agentName: name,
        layer: services(["I hear you."]),
        entry: (job) =>
          Effect.andThen(
            Queue.offer(jobs, job),
            Pipeline.run(greeter, { onEvent: (event) => void told.push(event) })
          )
      })
      yield* Worker.make(definition, options(at))
      const ann = yield* caller({ room })
      const dispatchedAt = now()
      yield* Effect.promise(() => dispatcher(at).createDispatch(room, name, { metadata: "table for two" }))
      const job = yield* Queue.take(jobs)
      const joinedAt = now()
      assert.deepInclude(job, { metadata: "table for two", agentName: name, type: "room" })
      assert.strictEqual(job.room.name, room)
      const heardAt = yield* ann.hears(job.identity, dispatchedAt)
      yield* Effect.logInfo("dispatched").pipe(
        Effect.annotateLogs({
          joinedMs: Math.round(joinedAt - dispatchedAt),
          heardMs: Math.round(heardAt - dispatchedAt)
        })
      )
      const agent = [...ann.room.remoteParticipants.values()].find(({ identity }) => identity === job.identity)
      assert.deepInclude(agent?.attributes, { "lk.agent_name": name, "lk.agent.name": name })
      yield* untilRunning(at, room)
      yield* ann.hearsSilence(job.identity)
      yield* ann.says(recording("weather_question.wav"))
      const asked = now()
      yield* ann.hears(job.identity, asked)
      yield* ann.leaves
      yield* untilEmpty(at, room)
      assert.deepInclude(told.at(-1), { _tag: "SessionClosed", reason: "participant_left" })
      assert.strictEqual(told.find(({ _tag }) => _tag === "SessionStarted")?._tag, "SessionStarted")
    }))

  it.live("calls a telephone: enters when it is answered, and ends the line when it hangs up", () =>
    Effect.gen(function*() {
      const name = agentName()
      const room = roomName()
      const told: Array<Event.Event> = []
      const definition = Worker.define({
        agentName: name,
        layer: services([]),
        entry: () =>
          Pipeline.run(greeter, {
            onEvent: (event) => void told.push(event),
            onKey: (_, session) => session.hangUp({ say: "Goodbye, and thank you." })
          })
      })
      yield* Worker.make(definition, options(at))
      const ann = yield* caller({
        room,
        kind: "sip",
        attributes: { "sip.callID": "SCL_1", "sip.callStatus": "dialing" }
      })
      let gone: { readonly at: number; readonly reason: number } | undefined
      ann.room.on("disconnected", (reason) => {
        gone = { at: now(), reason }
      })
      yield* Effect.promise(() => dispatcher(at).createDispatch(room, name))
      yield* until(() => told.some(({ _tag }) => _tag === "SessionStarted"))
      yield* Effect.promise(() => ann.room.localParticipant!.setAttributes({ "sip.callStatus": "ringing" }))
      yield* Effect.sleep(1500)
      const answeredAt = now()
      yield* Effect.promise(() => ann.room.localParticipant!.setAttributes({ "sip.callStatus": "active" }))
      assert.isTrue(ann.heard.every(({ at, rms }) => at > answeredAt || rms < 0.01))
      yield* until(() => ann.heard.some(({ at, rms }) => at > answeredAt && rms > 0.01))
      yield* until(() => told.some(({ _tag }) => _tag === "AgentSpeechCommitted"))
      yield* Effect.promise(() => ann.room.localParticipant!.publishDtmf(9, "9"))
      yield* until(() => gone !== undefined)
      // PARTICIPANT_REMOVED
      assert.strictEqual(gone?.reason, 4)
      assert.deepStrictEqual(
        told.flatMap((event) => event._tag === "AgentSpeechCommitted" ? [event.text] : []),
        ["Hello, this is the desk of the hotel.", "Goodbye, and thank you."]
      )
      assert.deepStrictEqual(told.filter(({ _tag }) => _tag === "Warning"), [])
      const last = ann.heard.findLast(({ rms }) => rms > 0.01)
      // The goodbye is heard to its end: the line is silent before it ends.
      assert.isBelow(last?.at ?? Infinity, (gone?.at ?? 0) - 100)
      yield* untilEmpty(at, room)
    }).pipe(Effect.scoped))

  it.live("ends its job when the dispatch is deleted", () =>
    Effect.gen(function*() {
      const name = agentName()
      const room = roomName()
      const reason = yield* Deferred.make<Worker.EndReason>()
      const definition = Worker.define({
        agentName: name,
        layer: Layer.empty,
        entry: (job) =>
          Effect.never.pipe(
            Effect.onInterrupt(() => Effect.flatMap(job.ending, (why) => Deferred.succeed(reason, why)))
          )
      })
      const worker = yield* Worker.make(definition, options(at))
      const dispatch = yield* Effect.promise(() => dispatcher(at).createDispatch(room, name))
      yield* untilRunning(at, room)
      yield* Effect.promise(() => dispatcher(at).deleteDispatch(dispatch.id, room))
      assert.strictEqual(yield* Deferred.await(reason), "terminated")
      while ((yield* worker.status).jobs > 0) yield* Effect.sleep(10)
    }))

  it.live("is asked for every new room without a name, and the loaded one of two is asked for none", () =>
    Effect.gen(function*() {
      const counts = [0, 0, 0]
      const define = (index: number) =>
        Worker.define({
          layer: Layer.empty,
          connect: () => Effect.never,
          entry: () => Effect.void,
          accept: () =>
            Effect.sync(() => {
              counts[index]!++
              return "end" as const
            })
        })
      yield* Worker.make(define(0), options(at))
      yield* Worker.make(define(1), options(at))
      yield* Worker.make(define(2), { ...options(at), load: () => 0.9 })
      const operator = new RoomServiceClient(at.url.replace("ws", "http"), at.key, at.secret)
      const rooms = Array.from({ length: 40 }, roomName)
      for (const name of rooms) yield* Effect.promise(() => operator.createRoom({ name }))
      yield* until(() => counts[0]! + counts[1]! >= 40)
      assert.strictEqual(counts[2], 0)
      assert.isAbove(counts[0]!, 5)
      assert.isAbove(counts[1]!, 5)
    }))

  it.live("drains: the call goes on to its end, and no other comes", () =>
    Effect.gen(function*() {
      const name = agentName()
      const [first, second] = [roomName(), roomName()]
      const done = yield* Deferred.make<void>()
      const definition = Worker.define({ agentName: name, layer: Layer.empty, entry: () => Deferred.await(done) })
      const worker = yield* Worker.make(definition, options(at))
      yield* Effect.promise(() => dispatcher(at).createDispatch(first, name))
      yield* untilRunning(at, first)
      const draining = yield* Effect.forkScoped(worker.drain(), { startImmediately: true })
      yield* Effect.promise(() => dispatcher(at).createDispatch(second, name)).pipe(Effect.ignoreCause)
      yield* Effect.sleep(500)
      assert.strictEqual((yield* worker.status).jobs, 1)
      yield* Deferred.succeed(done, undefined)
      yield* Fiber.join(draining)
      yield* worker.ended
      yield* untilEmpty(at, first)
    }))

  it.live("comes because a caller's token asks for it", () =>
    Effect.gen(function*() {
      const name = agentName()
      const jobs = yield* Queue.unbounded<Worker.Job>()
      const definition = Worker.define({
        agentName: name,
        layer: services([]),
        entry: (job) => Effect.andThen(Queue.offer(jobs, job), Pipeline.run(greeter))
      })
      yield* Worker.make(definition, options(at))
      const since = now()
      const ann = yield* caller({ room: roomName(), agent: { agentName: name, metadata: "table for two" } })
      const job = yield* Queue.take(jobs)
      assert.deepInclude(job, { metadata: "table for two", agentName: name })
      yield* ann.hears(job.identity, since)
    }))

  it.live("keeps a record of the call, with both sides of its audio", () =>
    Effect.gen(function*() {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "recorder-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
      )
      const key = Redacted.make("ab".repeat(32))
      const name = agentName()
      const records = FileRecorder.layer({ folder, key, audio: true })
      const definition = Worker.define({
        agentName: name,
        layer: Layer.merge(services(["I hear you."]), records),
        entry: () => Pipeline.run(greeter)
      })
      const worker = yield* Worker.make(definition, options(at))
      const since = now()
      const ann = yield* caller({ room: roomName(), agent: { agentName: name, metadata: "" } })
      yield* until(() => ann.room.remoteParticipants.size > 0)
      const [identity] = [...ann.room.remoteParticipants.values()].map((agent) => agent.identity)
      yield* ann.hears(identity!, since)
      yield* ann.hearsSilence(identity!)
      yield* ann.says(recording("weather_question.wav"))
      yield* ann.hears(identity!, now())
      yield* ann.hearsSilence(identity!)
      yield* ann.leaves
      while ((yield* worker.status).jobs > 0) yield* Effect.sleep(20)
      const [call] = yield* Stream.runCollect(FileRecorder.list({ folder, key }))
      assert.deepInclude(call, { participant: "ann" })
      const entries = yield* Stream.runCollect(FileRecorder.read(call!.file, { key }))
      const trail = entries.flatMap((entry) => entry._tag === "Audio" ? [] : [entry._tag])
      assert.deepStrictEqual(trail, ["Opened", "Joined", "AgentSpeech", "UserTurn", "AgentSpeech", "Closed"])
      const to = join(folder, "call.wav")
      yield* FileRecorder.writeWav(call!.file, { key, to })
      const wav = Result.getOrThrow(Audio.decodeWav(readFileSync(to)))
      const loudMs = [0, 1].map((side) =>
        wav.samples.filter((sample, i) => i % 2 === side && Math.abs(sample) > 500).length / 16
      )
      for (const ms of loudMs) assert.isAbove(ms, 300)
    }))

  it.live("of the types publisher and participant is asked for each of them", () =>
    Effect.gen(function*() {
      const name = agentName()
      const jobs = yield* Queue.unbounded<Worker.Job>()
      const define = (type: Worker.JobType) =>
        Worker.define({
          agentName: `${name}-${type}`,
          type,
          layer: Layer.empty,
          entry: (job) => Effect.andThen(Queue.offer(jobs, job), job.ending)
        })
      yield* Worker.make(define("participant"), options(at))
      yield* Worker.make(define("publisher"), options(at))
      const room = roomName()
      yield* Effect.promise(() => dispatcher(at).createDispatch(room, `${name}-participant`))
      yield* Effect.promise(() => dispatcher(at).createDispatch(room, `${name}-publisher`))
      yield* caller({ room, identity: "listener", microphone: false })
      const first = yield* Queue.take(jobs)
      assert.deepInclude(first, { type: "participant" })
      assert.strictEqual(first.participant?.identity, "listener")
      yield* caller({ room, identity: "speaker" })
      const others = [yield* Queue.take(jobs), yield* Queue.take(jobs)]
      assert.deepStrictEqual(
        others.map(({ participant, type }) => `${type} ${participant?.identity}`).sort(),
        ["participant speaker", "publisher speaker"]
      )
    }))

  it.live("keeps its call when the server is started again, and comes back to the next one", () =>
    Effect.gen(function*() {
      const killed = yield* Effect.promise(() => launch())
      const where = { url: killed.url, key: killed.key, secret: killed.secret }
      const name = agentName()
      const running = yield* Queue.unbounded<string>()
      const definition = Worker.define({
        agentName: name,
        layer: Layer.empty,
        entry: (job) => Effect.andThen(Queue.offer(running, job.room.name), Effect.never)
      })
      const worker = yield* Worker.make(definition, options(where))
      const [first, second] = [roomName(), roomName()]
      yield* Effect.promise(() => dispatcher(where).createDispatch(first, name))
      assert.strictEqual(yield* Queue.take(running), first)
      const before = yield* worker.status
      yield* Effect.promise(() => killed.stop())
      const lostAt = now()
      while ((yield* worker.status).connection !== "lost") yield* Effect.sleep(20)
      assert.deepInclude(yield* worker.status, { jobs: 1, ready: false })
      const again = yield* Effect.acquireRelease(
        Effect.promise(() => launch(killed.ports)),
        (server) => Effect.promise(() => server.stop())
      )
      while ((yield* worker.status).connection !== "registered") yield* Effect.sleep(20)
      const after = yield* worker.status
      yield* Effect.logInfo("registered again").pipe(Effect.annotateLogs({ afterMs: Math.round(now() - lostAt) }))
      assert.notStrictEqual(after.id, before.id)
      assert.deepInclude(after, { jobs: 1, ready: true })
      yield* Effect.promise(() => dispatcher({ ...where, url: again.url }).createDispatch(second, name))
      assert.strictEqual(yield* Queue.take(running), second)
      assert.strictEqual((yield* worker.status).jobs, 2)
      yield* worker.stop
    }))

  it.live("talks from the processes of a pool", () =>
    Effect.gen(function*() {
      const worker = yield* Worker.make(pooled, {
        ...options(at),
        pool: {
          module: new URL("./support/greeter.ts", import.meta.url).href,
          processes: 2,
          jobsPerProcess: 2,
          execArgv: ["--conditions=effect-voice/source"]
        }
      })
      const greeted = Array.from({ length: 3 }, () =>
        Effect.gen(function*() {
          const room = roomName()
          const ann = yield* caller({ room })
          const since = now()
          yield* Effect.promise(() => dispatcher(at).createDispatch(room, "pooled"))
          yield* until(() => ann.room.remoteParticipants.size > 0)
          const joined = now() - since
          const [identity] = [...ann.room.remoteParticipants.values()].map((agent) => agent.identity)
          const heard = (yield* ann.hears(identity!, since)) - since
          yield* Effect.logInfo("greeted").pipe(
            Effect.annotateLogs({ joinedMs: Math.round(joined), heardMs: Math.round(heard) })
          )
          yield* ann.leaves
        }))
      yield* Effect.all(greeted, { concurrency: 1 })
      yield* Effect.all(greeted, { concurrency: "unbounded" })
      while ((yield* worker.status).jobs > 0) yield* Effect.sleep(20)
    }))
})
