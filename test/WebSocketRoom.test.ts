/** Rooms of callers over WebSockets: in memory on the test clock, and on loopback. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Deferred, Effect, Exit, Fiber, Layer, Logger, Redacted, Scope, Stream } from "effect"
import { type Audio, Room, Worker } from "effect-voice"
import { makeCall } from "effect-voice/internal/webSocket/call"
import { answering, type CallsSettings, makeCalls } from "effect-voice/internal/webSocket/calls"
import { read } from "effect-voice/internal/webSocket/protocol"
import * as WebSocketRoom from "effect-voice/Layers/WebSocketRoom"
import { TestClock } from "effect/testing"
import { WebSocket } from "ws"
import { contract, type Peers } from "./contract/room.ts"
import { browserCaller, type Options } from "./support/browserCaller.ts"
import { callSettings, serverSettings } from "./support/sockets.ts"

class Caller extends Context.Service<Caller, Peers>()("effect-voice/test/WebSocketRoom.test/Caller") {}

const refused = (reason: Room.RoomError["reason"]) => new Room.RoomError({ reason, detail: "" })

const contracted = Layer.effectContext(Effect.gen(function*() {
  const scope = yield* Effect.scope
  const call = yield* makeCall(callSettings, { name: "call", resume: "secret", caller: { identity: "ann" } })
  const caller = yield* browserCaller({
    accept: (wire) => ({
      receive: (message) => {
        const understood = typeof message === "string" ? read(message) : message
        if (understood === undefined) return
        if (!(understood instanceof Uint8Array) && understood.type === "join") call.connect(wire, understood)
        else call.receive(wire, understood)
      },
      noticed: () => {},
      closed: () => call.lost(wire)
    })
  })
  const before = call.open()
  return Context.make(Room.Room, call.room).pipe(Context.add(
    Caller,
    Caller.of({
      join: () => caller.connect,
      leave: () => Effect.andThen(caller.cut, Effect.yieldNow),
      talk: () => caller.talk(100),
      mute: (_, on) => caller.mute(on),
      sendText: ({ text, topic }) => caller.send({ type: "text", topic, text }),
      call: ({ method, payload }) =>
        Effect.flatMap(
          caller.call(method, payload),
          (answer) => "payload" in answer ? Effect.succeed(String(answer.payload)) : Effect.fail(refused("RpcFailed"))
        ),
      disconnect: (reason) => reason === "room_closed" ? caller.leave : Effect.void,
      open: Effect.sync(() => call.open() - before)
    })
  )).pipe(Context.add(Scope.Scope, scope))
}))

contract("A room over a socket", () => contracted, Caller, {
  crowd: false,
  tolerance: 45,
  ending: "room_closed"
})

const company = Effect.fnUntraced(function*(
  program: (room: Room.Room["Service"]) => Effect.Effect<unknown, unknown, Scope.Scope> = () => Effect.never,
  more: Partial<CallsSettings> = {}
) {
  const rooms: Array<Room.Room["Service"]> = []
  const calls = yield* makeCalls({
    ...serverSettings,
    authorize: (token) => Effect.succeed(token === "wrong" ? undefined : { identity: token ?? "caller" }),
    ...more
  }, answering(3, (room) => Effect.andThen(Effect.sync(() => rooms.push(room)), program(room))))
  const arrives = (options: Partial<Options> = {}) =>
    Effect.tap(
      browserCaller({ accept: calls.accept, ...options }),
      (caller) => Effect.andThen(caller.connect, TestClock.adjust("1 millis"))
    )
  return { calls, rooms, arrives }
})

const types = ({ told }: { readonly told: ReadonlyArray<{ readonly type: string }> }) =>
  told.map(({ type }) => type).filter((type) => type !== "ping")

const eventsOf = (room: Room.Room["Service"]) =>
  Effect.gen(function*() {
    const events: Array<string> = []
    yield* Effect.forkScoped(
      Stream.runForEach(room.events, (event) =>
        Effect.sync(() => void events.push("reason" in event ? `${event._tag} ${event.reason}` : event._tag))),
      { startImmediately: true }
    )
    return events
  })

/** What is done with each call, without any providers. */
const doing = (entry: (job: Worker.Job) => Effect.Effect<unknown, unknown, Room.Room | Scope.Scope>) =>
  Worker.define({ entry, layer: Layer.empty })

describe("WebSocketRoom", () => {
  it.effect("gives each caller a room of their own, as many as there may be, and none to who may not", () =>
    Effect.gen(function*() {
      const { arrives, calls, rooms } = yield* company()
      const callers = [yield* arrives({ token: "ann" }), yield* arrives({ token: "bob" })]
      const stranger = yield* arrives({ token: "wrong" })
      yield* arrives()
      const late = yield* arrives()
      assert.deepStrictEqual(callers.map(types), [["joined"], ["joined"]])
      assert.deepStrictEqual(
        yield* Effect.forEach(rooms, (room) => Effect.map(room.participants, ([one]) => one?.identity)),
        ["ann", "bob", "caller"]
      )
      assert.deepStrictEqual([stranger.over(), late.over(), calls.count()], ["unauthorized", "busy", 3])
      const heard: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(rooms[1]!.texts("lk.chat"), ({ text }) => Effect.sync(() => void heard.push(text))),
        { startImmediately: true }
      )
      yield* callers[0]!.send({ type: "text", topic: "lk.chat", text: "from ann" })
      yield* callers[1]!.send({ type: "text", topic: "lk.chat", text: "from bob" })
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(heard, ["from bob"])
    }))

  it.effect("lets nobody call themselves otherwise than they are known", () =>
    Effect.gen(function*() {
      const names: Array<string | undefined> = []
      for (const name of [undefined, "Ann"]) {
        const { calls, rooms } = yield* company(undefined, {
          authorize: () => Effect.succeed({ identity: "caller", name })
        })
        calls.accept({ send: () => {}, unsent: () => 0, close: () => {} }).receive(
          JSON.stringify({ type: "join", sampleRate: 16_000, name: "Admin" })
        )
        yield* TestClock.adjust("1 millis")
        names.push((yield* rooms[0]!.participants)[0]?.name)
      }
      assert.deepStrictEqual(names, ["Admin", "Ann"])
    }))

  it.effect("goes on where it was when the caller is back, and says what they have not heard", () =>
    Effect.gen(function*() {
      const { arrives, calls, rooms } = yield* company()
      const caller = yield* arrives({ returns: 2000 })
      const events = yield* eventsOf(rooms[0]!)
      const output = yield* rooms[0]!.output({ sampleRate: 24_000 })
      const samples = new Int16Array(24_000 * 3).map((_, i) => 1 + Math.floor(i / 480))
      yield* output.write([{ sampleRate: 24_000, channels: 1, samples }])
      yield* TestClock.adjust("1 second")
      yield* caller.cut
      const before = yield* output.played
      yield* TestClock.adjust("1900 millis")
      assert.strictEqual(yield* output.played, before)
      yield* TestClock.adjust("3 seconds")
      yield* output.drained
      assert.deepStrictEqual(events, ["ParticipantLeft connection_lost", "ParticipantJoined"])
      assert.strictEqual(calls.count(), 1)
      // Nothing is missing; what was on its way when the socket was torn is heard again.
      const steps = new Set(caller.heard.flatMap(({ frame }) => [...frame.samples]))
      for (let k = 1; k <= 150; k++) assert.isTrue(steps.has(k), `step ${k} was not heard`)
      assert.isBelow(caller.heard.length, 150 + 10)
    }))

  it.effect("ends when the caller is not back in time, or says goodbye", () =>
    Effect.gen(function*() {
      const ended: Array<string> = []
      const { arrives, calls } = yield* company((room) => Effect.map(room.ended, (reason) => void ended.push(reason)))
      const lost = yield* arrives()
      yield* lost.cut
      yield* TestClock.adjust("19 seconds")
      assert.deepStrictEqual([ended.length, calls.count()], [0, 1])
      yield* TestClock.adjust("1 second")
      const polite = yield* arrives()
      yield* polite.leave
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual([ended, calls.count()], [["connection_lost", "room_closed"], 0])
      // The way back leads nowhere any more: it is a new call.
      yield* lost.connect
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(calls.count(), 1)
    }))

  it.effect("gives up a socket on which nothing comes any more, and takes its caller back", () =>
    Effect.gen(function*() {
      const { arrives, rooms } = yield* company()
      const caller = yield* arrives({ returns: 500 })
      const events = yield* eventsOf(rooms[0]!)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(events, [])
      yield* caller.forget
      yield* TestClock.adjust("11 seconds")
      assert.deepStrictEqual(events, ["ParticipantLeft connection_lost"])
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(events, ["ParticipantLeft connection_lost", "ParticipantJoined"])
    }))

  it.effect("leaves an older socket for the newer one of the same caller", () =>
    Effect.gen(function*() {
      const { arrives, calls, rooms } = yield* company()
      const caller = yield* arrives()
      const resume = caller.told.find(({ type }) => type === "joined") as { readonly resume?: string } | undefined
      const events = yield* eventsOf(rooms[0]!)
      const again = yield* browserCaller({ accept: calls.accept })
      yield* again.connect
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(calls.count(), 2)
      const third = yield* browserCaller({
        accept: (wire) => {
          const reception = calls.accept(wire)
          return {
            ...reception,
            receive: (message) =>
              reception.receive(
                typeof message === "string" && message.includes("\"join\"")
                  ? JSON.stringify({ ...JSON.parse(message), resume: resume?.resume })
                  : message
              )
          }
        }
      })
      yield* third.connect
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual([calls.count(), caller.isConnected(), third.isConnected()], [2, false, true])
      assert.deepStrictEqual(events, ["ParticipantLeft duplicate_identity", "ParticipantJoined"])
    }))

  it.effect("is had by the last tab of a caller who has several, and the others do not take it back", () =>
    Effect.gen(function*() {
      const { arrives, calls, rooms } = yield* company()
      const first = yield* arrives({ returns: 250 })
      const { resume } = first.told.find(({ type }) => type === "joined") as { readonly resume?: string }
      const events = yield* eventsOf(rooms[0]!)
      const tab = () => browserCaller({ accept: calls.accept, returns: 250, resume })
      const second = yield* tab()
      yield* second.connect
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual([first.isConnected(), second.isConnected(), calls.count()], [false, true, 1])
      assert.deepInclude(first.told.at(-1), { type: "ended", reason: "duplicate_identity" })
      assert.deepStrictEqual(events, ["ParticipantLeft duplicate_identity", "ParticipantJoined"])
      const third = yield* tab()
      yield* third.connect
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual([second.isConnected(), third.isConnected(), calls.count()], [false, true, 1])
      assert.strictEqual(events.length, 4)
    }))

  it.effect("puts out who is late, floods it, or sends what is no audio", () =>
    Effect.gen(function*() {
      const { arrives, calls } = yield* company()
      const silent = { told: [] as Array<string>, closed: 0 }
      calls.accept({
        send: (message) => void silent.told.push(String(message)),
        unsent: () => 0,
        close: (code) => {
          silent.closed = code
        }
      })
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual([silent.told, silent.closed], [
        [JSON.stringify({ type: "refused", reason: "late" })],
        1008
      ])
      const loud = yield* arrives()
      for (let k = 0; k < 3000; k++) yield* loud.send({ type: "keys", digits: "1" })
      yield* TestClock.adjust("1 millis")
      assert.isFalse(loud.isConnected())
      const strange = yield* arrives()
      yield* strange.sendBytes(new Uint8Array(3))
      yield* TestClock.adjust("1 millis")
      assert.isFalse(strange.isConnected())
      const odd = yield* arrives()
      for (const text of ["", "{", "{\"type\":\"nothing\"}", "{\"type\":\"played\",\"position\":\"x\"}"]) {
        yield* odd.send(text)
      }
      yield* TestClock.adjust("1 second")
      assert.isTrue(odd.isConnected())
    }))

  it.effect("answers a call that it cannot read, so that nobody waits for ever", () =>
    Effect.gen(function*() {
      const { arrives } = yield* company()
      const caller = yield* arrives()
      yield* caller.send({ type: "call", id: "a", method: "save", payload: "x".repeat(16_385) })
      yield* caller.send({ type: "call", id: "b", method: "save" })
      yield* caller.send({ type: "call", id: "c", method: 7, payload: {} })
      yield* TestClock.adjust("1 millis")
      const answers = caller.told.filter(({ type }) => type === "answer")
      const error = "this is no call, or it is too long"
      assert.deepStrictEqual(answers, ["a", "b", "c"].map((id) => ({ type: "answer", id, error })))
      assert.isTrue(caller.isConnected())
    }))

  it.effect("understands JSON that comes as bytes, and takes it for no audio", () =>
    Effect.gen(function*() {
      const { arrives, rooms } = yield* company()
      const caller = yield* arrives()
      const events = yield* eventsOf(rooms[0]!)
      for (const digits of ["1", "22"]) {
        yield* caller.sendBytes(Buffer.from(JSON.stringify({ type: "keys", digits })))
      }
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(events, ["Dtmf", "Dtmf", "Dtmf"])
      assert.isTrue(caller.isConnected())
    }))

  it.effect("puts out who sends more text than it reads, or only signs of life", () =>
    Effect.gen(function*() {
      const { arrives, calls } = yield* company()
      const wordy = yield* arrives()
      for (let k = 0; k < 19; k++) {
        yield* wordy.send({ type: "call", id: `${k}`, method: "none", payload: "x".repeat(16_000) })
      }
      yield* TestClock.adjust("1 millis")
      assert.isTrue(wordy.isConnected())
      yield* wordy.send({ type: "call", id: "20", method: "none", payload: "x".repeat(16_384) })
      yield* wordy.send({ type: "call", id: "21", method: "none", payload: "x".repeat(16_384) })
      yield* TestClock.adjust("1 millis")
      assert.isFalse(wordy.isConnected())
      const beating = { code: 0 }
      const { noticed } = calls.accept({
        send: () => {},
        unsent: () => 0,
        close: (code) => void (beating.code = code)
      })
      for (let k = 0; k < 2000; k++) noticed(1)
      assert.strictEqual(beating.code, 0)
      noticed(1)
      assert.strictEqual(beating.code, 1008)
    }))

  it.effect("waits for no answer about a token for longer than five seconds, and lets nobody in whom it cannot tell", () =>
    Effect.gen(function*() {
      for (const [authorize, ms] of [[() => Effect.never, 5000], [() => Effect.die("down"), 0]] as const) {
        const { arrives, calls } = yield* company(undefined, { authorize })
        const caller = yield* arrives()
        yield* TestClock.adjust(ms)
        assert.deepStrictEqual([caller.over(), caller.isConnected(), calls.count()], ["failed", false, 0])
      }
    }))

  it.effect("lets as many sockets wait as there may be calls, and some more", () =>
    Effect.gen(function*() {
      const { arrives, calls } = yield* company()
      const codes: Array<number> = []
      const told = new Set<unknown>()
      const wire = {
        send: (message: unknown) => void told.add(message),
        unsent: () => 0,
        close: (code: number) => void codes.push(code)
      }
      const strangers = Array.from({ length: 80 }, () => calls.accept(wire))
      assert.deepStrictEqual(codes, Array.from({ length: 80 - 64 - 3 }, () => 1013))
      assert.deepStrictEqual([...told], [JSON.stringify({ type: "refused", reason: "busy" })])
      strangers.forEach(({ closed }) => closed())
      const welcome = yield* arrives()
      assert.isTrue(welcome.isConnected())
    }))

  it.effect("believes no microphone whose time runs away, and counts what is missing", () =>
    Effect.gen(function*() {
      const { arrives, rooms } = yield* company()
      const caller = yield* arrives()
      const frames: Array<Audio.Frame> = []
      yield* Effect.forkScoped(
        Stream.runForEach(rooms[0]!.audio("caller"), (frame) => Effect.sync(() => void frames.push(frame))),
        { startImmediately: true }
      )
      const say = (at: number) => {
        const bytes = new Uint8Array(8 + 640)
        new DataView(bytes.buffer).setFloat64(0, at, true)
        return caller.sendBytes(bytes)
      }
      yield* TestClock.adjust("1 second")
      for (const at of [0, 20, 500, 1e12, 100]) yield* say(at)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(frames.map(({ at }) => at), [0, 20, 500, 520, 540])
    }))

  it.effect("has nothing left of a call that failed, and logs it", () =>
    Effect.gen(function*() {
      const { arrives, calls } = yield* company(() => Effect.fail("no model"))
      const caller = yield* arrives()
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([calls.count(), caller.isConnected()], [0, false])
    }))

  it.effect("refuses options that cannot be, and a server for all the world without a token", () =>
    Effect.gen(function*() {
      const token = Redacted.make("secret")
      const cases: ReadonlyArray<readonly [WebSocketRoom.Options, string]> = [
        [{ host: "0.0.0.0" }, "host"],
        [{ port: -1 }, "port"],
        [{ path: "call" }, "path"],
        [{ token: Redacted.make("") }, "token"],
        [{ token, authorize: () => Effect.succeed(undefined) }, "authorize"],
        [{ sampleRate: 1 }, "sampleRate"],
        [{ ahead: 0 }, "ahead"],
        [{ returnTimeout: "1 day" }, "returnTimeout"],
        [{ silence: 0 }, "silence"],
        [{ maxCalls: 0 }, "maxCalls"],
        [{ loadThreshold: 2 }, "loadThreshold"],
        [{ drainTimeout: -1 }, "drainTimeout"],
        [{ http: { port: -1 } }, "http.port"]
      ]
      for (const [options, name] of cases) {
        const error = yield* Effect.flip(Effect.scoped(WebSocketRoom.make(doing(() => Effect.void), options)))
        assert.strictEqual(error.reason._tag, "InvalidOptions")
        assert.include(error.message, name)
      }
    }))
})

/** A browser's socket, as far as a handshake and what is told need one. */
const visit = (
  port: number,
  options: { readonly headers?: Record<string, string>; readonly join?: object | undefined } = {}
) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/call`, { headers: options.headers ?? {} })
      const told: Array<{ readonly type: string; readonly reason?: string; readonly resume?: string }> = []
      const first = Promise.withResolvers<string>()
      const closed = Promise.withResolvers<number>()
      socket.on("unexpected-response", (request, { statusCode }) => {
        request.destroy()
        first.resolve(String(statusCode))
      })
      socket.on("error", () => {})
      socket.on("open", () => socket.send(JSON.stringify({ type: "join", sampleRate: 16_000, ...options.join })))
      socket.on("message", (data, isBinary) => {
        if (isBinary) return
        const message = JSON.parse(String(data))
        told.push(message)
        first.resolve(message.reason === undefined ? message.type : `${message.type} ${message.reason}`)
      })
      socket.on("close", (code) => {
        closed.resolve(code)
        first.resolve(String(code))
      })
      return {
        socket,
        told,
        first: Effect.promise(() => first.promise),
        closed: Effect.promise(() => closed.promise),
        send: (message: object) => socket.send(JSON.stringify(message))
      }
    }),
    ({ socket }) => Effect.sync(() => socket.terminate())
  )

/** The first that is told. */
const knock = (port: number, options: Parameters<typeof visit>[1] = {}) =>
  Effect.scoped(Effect.flatMap(visit(port, options), ({ first }) => first))

const ask = (port: number, path: string) =>
  Effect.promise(async () => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`)
    return { status: answer.status, body: await answer.text() }
  })

/** On ports of this machine, without a word. */
const server = (definition: Worker.Definition<never>, options: WebSocketRoom.Options = {}) =>
  WebSocketRoom.make(definition, {
    port: 0,
    http: { port: 0, host: "127.0.0.1", metricsPort: false },
    load: () => 0,
    ...options
  })

const live = (sentence: string, body: () => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(sentence, () => Effect.provide(body(), Logger.layer([])))

const until = (what: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.flatMap(what, (is) => is ? Effect.void : Effect.andThen(Effect.sleep("5 millis"), until(what)))

const untilOver = doing(() => Effect.flatMap(Room.Room, (room) => room.ended))

describe("WebSocketRoom.make", () => {
  live("takes calls of this machine's own pages and programs, and of no other page", () =>
    Effect.gen(function*() {
      const { port } = yield* server(doing(() => Effect.never), { origins: ["https://shop.example"] })
      const answers = yield* Effect.all([
        knock(port),
        knock(port, { headers: { origin: `http://127.0.0.1:${port}` } }),
        knock(port, { headers: { origin: "https://shop.example" } }),
        knock(port, { headers: { origin: "https://evil.example" } }),
        knock(port, { headers: { origin: "null" } }),
        knock(port, { headers: { origin: "http://evil.example", host: "evil.example" } })
      ])
      assert.deepStrictEqual(answers, ["joined", "joined", "joined", "403", "403", "421"])
    }))

  live("wants its token, and gives back its port", () =>
    Effect.gen(function*() {
      const token = Redacted.make("open sesame")
      const port = yield* Effect.scoped(Effect.gen(function*() {
        const { port, status } = yield* server(doing(() => Effect.never), { token })
        assert.deepStrictEqual(
          yield* Effect.all([
            knock(port),
            knock(port, { join: { token: "open" } }),
            knock(port, { join: { token: "open sesame" } })
          ]),
          ["refused unauthorized", "refused unauthorized", "joined"]
        )
        assert.strictEqual((yield* status).calls, 1)
        const taken = yield* Effect.flip(server(doing(() => Effect.never), { port, token }))
        assert.strictEqual(taken.message, `port ${port} is in use: choose another with the option port`)
        return port
      }))
      yield* server(doing(() => Effect.never), { port, token })
    }))

  live(
    "gives nobody a call back who guesses its secret, nor to a caller who has hung up",
    () =>
      Effect.gen(function*() {
        const token = Redacted.make("open sesame")
        const { port, status } = yield* server(untilOver, { token })
        const ann = yield* visit(port, { join: { token: "open sesame" } })
        assert.strictEqual(yield* ann.first, "joined")
        const { resume = "" } = ann.told[0]!
        const guesses = ["", "guess", resume.slice(1), resume.toUpperCase(), "__proto__", `${resume} `]
        for (const guess of guesses) {
          assert.strictEqual(yield* knock(port, { join: { resume: guess } }), "refused unauthorized", guess)
        }
        assert.strictEqual(ann.socket.readyState, 1)
        ann.send({ type: "leave" })
        yield* until(Effect.map(status, ({ calls }) => calls === 0))
        assert.strictEqual(yield* knock(port, { join: { resume } }), "refused unauthorized")
      })
  )

  live("puts out who sends a message that is too long, and nobody else", () =>
    Effect.gen(function*() {
      const { port, status } = yield* server(untilOver)
      const [ann, bob] = [yield* visit(port), yield* visit(port)]
      yield* Effect.all([ann.first, bob.first])
      ann.socket.send(Buffer.alloc(200_000))
      assert.strictEqual(yield* ann.closed, 1009)
      assert.strictEqual(bob.socket.readyState, 1)
      assert.isTrue((yield* status).ready)
    }))

  live("tells each job who calls, by their own token", () =>
    Effect.gen(function*() {
      const jobs: Array<unknown> = []
      const { port } = yield* server(
        doing(({ attributes, metadata, participant, room }) =>
          Effect.sync(() => void jobs.push([room.name.startsWith("call-"), participant, metadata, attributes]))
        ),
        {
          authorize: (token) =>
            Effect.succeed(
              token === undefined
                ? undefined
                : { identity: token, name: "Ann", metadata: "{\"plan\":1}", attributes: { customer: "42" } }
            )
        }
      )
      assert.strictEqual(yield* knock(port, { join: { token: "ann" } }), "joined")
      yield* until(Effect.sync(() => jobs.length > 0))
      assert.deepStrictEqual(jobs, [[
        true,
        { identity: "ann", name: "Ann", metadata: "{\"plan\":1}", attributes: { customer: "42" } },
        "{\"plan\":1}",
        { customer: "42" }
      ]])
    }))

  live(
    "drains: who talks goes on, also over another socket, and who comes is told to go elsewhere",
    () =>
      Effect.gen(function*() {
        const made = yield* server(untilOver)
        const { port, ports: [operators = 0] } = made
        const ann = yield* visit(port)
        assert.strictEqual(yield* ann.first, "joined")
        assert.deepStrictEqual((yield* ask(operators, "/ready")).status, 200)
        const draining = yield* Effect.forkScoped(made.drain())
        yield* until(Effect.map(made.status, (status) => status.draining))
        const late = yield* visit(port)
        assert.strictEqual(yield* late.first, "refused draining")
        assert.strictEqual(yield* late.closed, 1012)
        const [ready, health, metrics] = yield* Effect.all(
          ["/ready", "/health", "/metrics"].map((path) => ask(operators, path))
        )
        assert.deepStrictEqual([ready!.status, JSON.parse(ready!.body).problem], [503, "it drains"])
        assert.deepStrictEqual([health!.status, JSON.parse(health!.body).jobs], [200, 1])
        for (const series of ["agent_worker_jobs_active 1", "agent_worker_draining 1", "agent_worker_ready 0"]) {
          assert.include(metrics!.body, series)
        }
        assert.match(metrics!.body, /agent_worker_offers_total\{decision="declined"\} [1-9]/)
        ann.socket.terminate()
        const back = yield* visit(port, { join: { resume: ann.told[0]!.resume } })
        assert.strictEqual(yield* back.first, "joined")
        assert.isUndefined(draining.pollUnsafe())
        back.send({ type: "leave" })
        yield* Fiber.join(draining)
        yield* made.ended
      })
  )

  live("is busy beyond its number of calls, or its load, and says when to try again", () =>
    Effect.gen(function*() {
      let load = 0
      const { port, status } = yield* server(untilOver, { maxCalls: 2, load: () => load })
      const callers = [yield* visit(port), yield* visit(port), yield* visit(port)]
      assert.deepStrictEqual(
        (yield* Effect.all(callers.map(({ first }) => first))).toSorted(),
        ["joined", "joined", "refused busy"]
      )
      const left = callers.find(({ told }) => told[0]!.type === "joined")
      load = 1
      left!.send({ type: "leave" })
      yield* until(Effect.map(status, ({ calls }) => calls === 1))
      const loaded = yield* visit(port)
      assert.strictEqual(yield* loaded.first, "refused busy")
      assert.strictEqual(yield* loaded.closed, 1013)
    }))

  for (
    const [sentence, end] of [
      ["drained for longer than its limit", ({ drain }: WebSocketRoom.Server) => drain({ limit: "50 millis" })],
      ["stopped", ({ stop }: WebSocketRoom.Server) => stop]
    ] as const
  ) {
    live(
      `ends its calls in good order when it is ${sentence}, and leaves callers free to come back`,
      () =>
        Effect.gen(function*() {
          const ends: Array<string> = []
          const made = yield* server(doing((job) =>
            Effect.andThen(
              job.onShutdown(Effect.sync(() => void ends.push("shutdown"))),
              Effect.ensuring(Effect.never, Effect.sync(() => void ends.push("entry")))
            )
          ))
          const ann = yield* visit(made.port)
          yield* ann.first
          yield* end(made)
          yield* made.ended
          assert.deepStrictEqual(ends, ["entry", "shutdown"])
          assert.strictEqual(yield* ann.closed, 1001)
          assert.notInclude(ann.told.map(({ type }) => type), "ended")
          assert.strictEqual((yield* made.status).calls, 0)
        })
    )
  }

  live(
    "runs each call in a room of its own, and leaves callers free to come back when its scope closes",
    () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const ends: Array<string> = []
        const { port } = yield* Scope.provide(
          server(doing(() =>
            Effect.flatMap(
              Room.Room,
              ({ name }) => Effect.ensuring(Effect.never, Effect.sync(() => ends.push(name)))
            )
          )),
          scope
        )
        const ann = yield* visit(port)
        yield* ann.first
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(yield* ann.closed, 1001)
        assert.notInclude(ann.told.map(({ type }) => type), "ended")
        assert.strictEqual(ends.length, 1)
      })
  )

  it.live("has no token, secret, name or word in its log", () => {
    const lines: Array<string> = []
    const log = Logger.make(({ cause, fiber, message }) => {
      lines.push(JSON.stringify([
        message,
        Cause.pretty(cause),
        Object.entries(fiber.context.mapUnsafe.get("effect/References/CurrentLogAnnotations") ?? {})
      ]))
    })
    return Effect.gen(function*() {
      const heard = yield* Deferred.make<void>()
      const { port, status } = yield* server(
        doing(() =>
          Effect.flatMap(Room.Room, (room) =>
            Effect.andThen(
              Stream.runForEach(Stream.take(room.texts("lk.chat"), 1), () => Deferred.succeed(heard, undefined)),
              room.ended
            ))
        ),
        {
          authorize: (token) => Effect.succeed(token === "s3cret" ? { identity: "caller", name: "Hidden" } : undefined)
        }
      )
      const wrong = yield* visit(port, { join: { token: "wr0ng" } })
      assert.strictEqual(yield* wrong.first, "refused unauthorized")
      const ann = yield* visit(port, { join: { token: "s3cret", name: "Hidden" } })
      yield* ann.first
      yield* until(Effect.sync(() => ann.socket.readyState === 1))
      const typing = yield* Effect.forkScoped(Effect.forever(Effect.andThen(
        Effect.sync(() => ann.send({ type: "text", topic: "lk.chat", text: "my password is swordfish" })),
        Effect.sleep("20 millis")
      )))
      yield* Deferred.await(heard)
      yield* Fiber.interrupt(typing)
      ann.send({ type: "leave" })
      yield* until(Effect.map(status, ({ calls }) => calls === 0))
      const all = lines.join("\n")
      assert.include(all, "the job is over")
      for (const secret of ["s3cret", "wr0ng", "Hidden", "swordfish", ann.told[0]!.resume!]) {
        assert.notInclude(all, secret)
      }
    }).pipe(Effect.provide(Logger.layer([log])))
  })
})
