import { assert, describe, it } from "@effect/vitest"
import {
  Clock,
  Deferred,
  Effect,
  Layer,
  Logger,
  Redacted,
  References,
  Result,
  Scheduler,
  Schema,
  type Scope,
  Stream
} from "effect"
import { Agent, Audio, type Event, Pipeline, Recorder } from "effect-voice"
import * as native from "effect-voice/internal/native"
import { encode, headerBytes, makeSealer } from "effect-voice/internal/recorder/format"
import { makeWriter, type Sink } from "effect-voice/internal/recorder/writer"
import { makeVirtualClock } from "effect-voice/internal/virtualClock"
import * as FileRecorder from "effect-voice/Layers/FileRecorder"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { moment, msWorkedSince } from "./support/ownTime.ts"

const key = Redacted.make(Buffer.alloc(32, 7).toString("base64"))
const other = Redacted.make(Buffer.alloc(32, 8).toString("hex"))

const directory = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "recorder-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true }))
)

const filesIn = (folder: string): ReadonlyArray<string> =>
  fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".evrec")).map((file) =>
    path.join(folder, file)
  ).sort()

const read = (file: string, keys: FileRecorder.ReadOptions["key"] = key) =>
  Stream.runCollect(FileRecorder.read(file, { key: keys }))

const Kit = Toolkit.make(
  Tool.make("book", { parameters: Schema.Struct({ guest: Schema.String }), success: Schema.String })
)
const desk = Agent.make({ name: "desk", instructions: "You book rooms.", tools: Kit })
const KitLive = Kit.toLayer({ book: ({ guest }) => Effect.succeed(`a room for ${guest}`) })

/** A guest books a room; the record of it. */
const booking = (options: Omit<FileRecorder.Options, "key">) =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      agent: desk,
      user: [Testing.say(500, 2500, "A room for Ann, please."), Testing.leave(9000)],
      llm: [{ tools: [{ name: "book", params: { guest: "Ann" } }] }, "Room seven is yours."],
      tts: { duration: 1500 },
      options: { job: { id: "AJ_1" } }
    }).pipe(Effect.provide([KitLive, FileRecorder.layer({ ...options, key })]))
    const [file] = filesIn(options.folder)
    return { timeline, file: file! }
  })

/** Bytes of a recording with as many entries as that. */
const bytesOf = (entries: ReadonlyArray<Recorder.Entry>): Buffer => {
  const sealer = makeSealer(Buffer.alloc(32, 7), Buffer.alloc(32, 1))
  return Buffer.concat([sealer.header, ...entries.map((entry) => sealer.record(encode(entry)))])
}

const some: ReadonlyArray<Recorder.Entry> = [
  { _tag: "Opened", at: 0, session: "lobby-1", room: "lobby", agent: "desk", job: { id: "AJ_1" } },
  { _tag: "Joined", at: 1, participant: "ann" },
  { _tag: "UserTurn", at: 2, turn: 1, source: "voice", participant: "ann" },
  { _tag: "Closed", at: 3, reason: "participant_left" }
]

const store = (folder: string, name: string, bytes: Uint8Array): string => {
  const file = path.join(folder, name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, bytes)
  return file
}

/** Virtual time that stands still while a file is opened or written. */
const inTimeOfTheDisk = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E> =>
  Effect.scoped(Effect.gen(function*() {
    const { clock, scheduler } = yield* makeVirtualClock({ pending: native.pending })
    return yield* effect.pipe(
      Effect.provideService(Clock.Clock, clock),
      Effect.provideService(Scheduler.Scheduler, scheduler)
    )
  }))

describe("a recording", () => {
  it.effect("tells who, when, which tools and what came of it, and no word", () =>
    Effect.gen(function*() {
      const folder = path.join(yield* directory, "recordings")
      const { file, timeline } = yield* booking({ folder })
      const committed = timeline.of("UserSpeechCommitted")[0]!
      const finished = timeline.of("FunctionCallsFinished")[0]!
      const entries = yield* read(file)
      assert.deepStrictEqual(entries.map((entry) => entry._tag), [
        "Opened",
        "Joined",
        "UserTurn",
        "ToolStarted",
        "ToolFinished",
        "AgentSpeech",
        "Closed"
      ])
      assert.deepInclude(entries[0], { room: "test-room", session: "scenario", agent: "desk", job: { id: "AJ_1" } })
      assert.deepInclude(entries[2], { at: committed.at, participant: "caller", turn: committed.turn })
      assert.deepInclude(entries[4], { at: finished.at, name: "book", failed: false })
      assert.deepInclude(entries.at(-1), { reason: "participant_left" })
      for (const word of ["Ann", "seven"]) assert.notInclude(JSON.stringify(entries), word)
    }))

  it.effect("holds the words and the tools' data when asked to, sealed, and for its owner alone", () =>
    Effect.gen(function*() {
      const folder = path.join(yield* directory, "recordings")
      const { file } = yield* booking({ folder, transcript: true, tools: true })
      const entries = yield* read(file)
      assert.deepInclude(entries[2], { text: "A room for Ann, please." })
      assert.deepInclude(entries[4], { params: { guest: "Ann" }, result: "a room for Ann" })
      assert.deepInclude(entries[5], { text: "Room seven is yours." })
      const bytes = fs.readFileSync(file).toString("latin1")
      for (const word of ["Ann", "seven", "caller", "Opened"]) assert.notInclude(bytes, word)
      assert.strictEqual(fs.statSync(file).mode & 0o777, 0o600)
      assert.strictEqual(fs.statSync(path.dirname(file)).mode & 0o777, 0o700)
      assert.match(path.relative(folder, file), /^1970-01-01\/19700101T000000000Z-[0-9a-f]{16}\.evrec$/)
    }))

  // On the real clock outside: a test clock would not let the virtual one wait for the disk.
  it.live("has the audio as it was heard, both sides in their time", () =>
    Effect.gen(function*() {
      const folder = yield* directory
      yield* inTimeOfTheDisk(
        Effect.gen(function*() {
          const caller = yield* Testing.Caller
          const started = yield* Deferred.make<void>()
          yield* Effect.forkScoped(
            Pipeline.run(Agent.make({ instructions: "" }), {
              turn: { preemption: { llm: false }, interruption: { backchannel: false, echoWarmUp: 0 } },
              onEvent: (event) => {
                if (event._tag === "SessionStarted") Deferred.doneUnsafe(started, Effect.void)
              }
            })
          )
          yield* Deferred.await(started)
          yield* caller.says("Is anybody there?", { at: 500, duration: 2000 })
          // In the middle of the answer, which is cut there.
          yield* caller.says("Stop, please, and listen!", { at: 6000, duration: 2500 })
          yield* caller.wait("15 seconds")
          yield* caller.leaves
          yield* caller.wait("1 second")
        }).pipe(Effect.provide(
          Layer.mergeAll(
            Testing.layer({
              llm: ["This is a very long answer of many words that nobody wants to hear to its end.", "Yes."],
              room: { frames: 20 }
            }),
            FileRecorder.layer({ folder, key, audio: true })
          )
        ))
      )
      const [file] = filesIn(folder)
      const to = path.join(folder, "call.wav")
      const length = yield* FileRecorder.writeWav(file!, { key, to })
      const wav = Result.getOrThrow(Audio.decodeWav(fs.readFileSync(to)))
      assert.deepStrictEqual([wav.sampleRate, wav.channels], [16_000, 2])
      assert.isAbove(length, 10_000)
      const channel = (number: number): Audio.Frame => ({
        sampleRate: wav.sampleRate,
        channels: 1,
        samples: wav.samples.filter((_, i) => i % 2 === number)
      })
      const [user, agent] = [channel(0), channel(1)].map((side) => Testing.readSpeech(side))
      assert.strictEqual(user?.text, "Is anybody there? Stop, please, and listen!")
      const heard = agent?.text ?? ""
      assert.match(heard, /^This is a very long answer/)
      assert.match(heard, /Yes\.$/)
      assert.notInclude(heard, "end.")
    }))

  it("can be read up to wherever it was cut off", async () => {
    const whole = bytesOf(some)
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "recorder-"))
    try {
      for (
        let length = 0;
        length <= whole.length;
        length += length < headerBytes || length > whole.length - 9 ? 1 : 3
      ) {
        const file = store(folder, "cut.evrec", whole.subarray(0, length))
        const result = await Effect.runPromise(Effect.result(read(file)))
        if (length > 0 && length < headerBytes) {
          assert.deepInclude(Result.isFailure(result) && result.failure.reason, { _tag: "Damaged", at: 0 })
          continue
        }
        const entries = Result.getOrThrow(result)
        assert.deepStrictEqual(entries, some.slice(0, entries.length) as typeof entries)
        assert.strictEqual(entries.length === some.length, length === whole.length)
      }
    } finally {
      fs.rmSync(folder, { recursive: true })
    }
  })

  it("cannot be changed in any byte without being found out", async () => {
    const whole = bytesOf(some)
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "recorder-"))
    try {
      for (let at = 0; at < whole.length; at++) {
        const changed = Buffer.from(whole)
        changed[at]! ^= 1
        const file = store(folder, "changed.evrec", changed)
        const entries: Array<unknown> = []
        const result = await Effect.runPromise(Effect.result(Stream.runForEach(
          FileRecorder.read(file, { key }),
          (entry) => Effect.sync(() => void entries.push(entry))
        )))
        assert.deepStrictEqual(entries, some.slice(0, entries.length))
        // A length that grew makes a record that is not whole.
        if (Result.isFailure(result)) assert.include(["Damaged", "WrongKey"], result.failure.reason._tag)
        else assert.isBelow(entries.length, some.length)
      }
      const [first, second] = [bytesOf(some.slice(0, 1)), bytesOf(some.slice(0, 2))]
      const swapped = store(
        folder,
        "moved.evrec",
        Buffer.concat([
          whole.subarray(0, headerBytes),
          whole.subarray(first.length, second.length),
          whole.subarray(headerBytes, first.length),
          whole.subarray(second.length)
        ])
      )
      const result = await Effect.runPromise(Effect.flip(read(swapped)))
      assert.deepInclude(result.reason, { _tag: "Damaged", at: headerBytes })
    } finally {
      fs.rmSync(folder, { recursive: true })
    }
  })

  it.effect("opens with the key that it was written with, alone or among others", () =>
    Effect.gen(function*() {
      const folder = yield* directory
      const file = store(folder, "one.evrec", bytesOf(some))
      assert.strictEqual((yield* Effect.flip(read(file, other))).reason._tag, "WrongKey")
      assert.strictEqual((yield* read(file, [other, key])).length, some.length)
      const strange = store(folder, "strange.evrec", new TextEncoder().encode("{}\n".repeat(100)))
      assert.deepInclude((yield* Effect.flip(read(strange))).reason, { _tag: "Damaged", at: 0 })
      const missing = yield* Effect.flip(read(path.join(folder, "missing.evrec")))
      assert.deepInclude(missing.reason, { _tag: "FileFailed", code: "ENOENT", doing: "read" })
    }))

  it.live("survives the death of its process", () =>
    Effect.gen(function*() {
      const folder = yield* directory
      const program = fileURLToPath(new URL("./support/recording.ts", import.meta.url))
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          spawn(process.execPath, ["--conditions=effect-voice/source", program, folder], {
            stdio: ["ignore", "pipe", "inherit"]
          })
        ),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      let told = 0
      yield* Effect.callback<void>((resume) => {
        child.stdout.on("data", (data: Buffer) => {
          told += data.toString().split("\n").length - 1
          if (told >= 200) resume(Effect.void)
        })
      })
      child.kill("SIGKILL")
      yield* Effect.promise(() => once(child, "exit"))
      const entries = yield* read(filesIn(folder)[0]!)
      assert.strictEqual(entries[0]?._tag, "Opened")
      // A few of the last may have been on their way to the disk.
      assert.isAtLeast(entries.length, 180)
      assert.deepStrictEqual(
        entries.slice(1).map((entry) => entry._tag === "UserTurn" ? entry.turn : 0),
        entries.slice(1).map((_, i) => i + 1)
      )
    }))
})

describe("the folder of recordings", () => {
  it.effect("keeps nothing for longer than it may, and touches nothing else", () =>
    Effect.gen(function*() {
      const folder = yield* directory
      yield* TestClock.setTime(Date.parse("2026-03-10T12:00:00Z"))
      const names = [
        "2026-01-05/20260105T090000000Z-0123456789abcdef.evrec",
        "2026-02-01/20260201T090000000Z-0123456789abcdef.evrec",
        "2026-03-03/20260303T115959999Z-0123456789abcdef.evrec",
        "2026-03-03/20260303T123000000Z-0123456789abcdef.evrec",
        "2026-02-01/notes.txt",
        "2026-01-01.evrec",
        "notes/20260201T090000000Z-0123456789abcdef.evrec"
      ]
      for (const name of names) store(folder, name, bytesOf(some))
      const there = () => names.filter((name) => fs.existsSync(path.join(folder, name)))
      yield* Layer.build(FileRecorder.layer({ folder, key, retention: "7 days" }))
      while (fs.existsSync(path.join(folder, "2026-01-05")) || there().length > 4) yield* Effect.yieldNow
      assert.deepStrictEqual(there(), names.slice(3))
      yield* TestClock.adjust("1 hour")
      while (there().length > 3) yield* Effect.yieldNow
      assert.deepStrictEqual(there(), names.slice(4))
    }))

  it.effect("tells whose recordings there are, and removes those of a caller", () =>
    Effect.gen(function*() {
      const folder = yield* directory
      const of = (participant: string) => some.map((one) => one._tag === "Joined" ? { ...one, participant } : one)
      const name = (n: number) => `2026-03-0${n}/2026030${n}T090000000Z-0123456789abcdef.evrec`
      const [ann, bob, strange] = [
        store(folder, name(1), bytesOf(of("ann"))),
        store(folder, name(2), bytesOf(of("bob"))),
        store(folder, name(3), new Uint8Array(200))
      ]
      const listed = yield* Stream.runCollect(FileRecorder.list({ folder, key }))
      assert.deepStrictEqual(listed.map(({ file, participant }) => [file, participant]), [
        [ann, "ann"],
        [bob, "bob"],
        [strange, undefined]
      ])
      assert.deepInclude(listed[0], { startedAt: Date.parse("2026-03-01T09:00:00Z"), about: some[0] as never })
      assert.strictEqual(listed[2]?.problem?.reason._tag, "Damaged")
      // A promise is a yes to every recording, of a program without types.
      const later: any = async ({ participant }: FileRecorder.Stored) => participant === "ann"
      const refused = yield* Effect.exit(FileRecorder.remove({ folder, key, where: later }))
      assert.include(String(refused), "where must give true or false at once, not a promise")
      assert.deepStrictEqual([ann, bob, strange].map((file) => fs.existsSync(file!)), [true, true, true])
      const removed = yield* FileRecorder.remove({ folder, key, where: ({ participant }) => participant === "ann" })
      assert.deepStrictEqual(removed, { removed: 1, unreadable: 1 })
      assert.deepStrictEqual([ann, bob, strange].map((file) => fs.existsSync(file!)), [false, true, true])
      const none = yield* FileRecorder.remove({ folder: path.join(folder, "none"), key, where: () => true })
      assert.deepStrictEqual(none, { removed: 0, unreadable: 0 })
    }))

  it.effect("and a file that is not there are told, with where the files are, when they are read", () =>
    Effect.gen(function*() {
      const folder = yield* directory
      for (
        const [file, message] of [
          [folder, /\(EISDIR\): it is a folder: FileRecorder\.list gives the files in it$/],
          [
            path.join(folder, "none"),
            /\(ENOENT\): there is no such file: FileRecorder\.list gives those that there are$/
          ]
        ] as const
      ) {
        const error = yield* Effect.flip(Stream.runDrain(FileRecorder.read(file, { key })))
        assert.match(error.message, message)
      }
    }))

  it.effect("and what is no name of a file are refused by their name", () =>
    Effect.gen(function*() {
      const folder = yield* directory
      for (const file of [undefined, null, 7, {}, "", "a\0b", new URL("file:///tmp/a.evrec")]) {
        for (
          const reading of [
            Stream.runDrain(FileRecorder.read(file as string, { key })),
            FileRecorder.writeWav(file as string, { key, to: path.join(folder, "a.wav") })
          ]
        ) {
          const error = yield* Effect.flip(reading)
          assert.match(error.message, /file must name a recording: FileRecorder\.list gives them/)
        }
      }
    }))

  it.effect("and the key are refused by name when they cannot be", () =>
    Effect.gen(function*() {
      const folder = yield* directory
      const file = store(folder, "file", new Uint8Array(1))
      const cases: ReadonlyArray<readonly [FileRecorder.Options, RegExp]> = [
        [{ folder: "", key }, /folder must name the folder/],
        [{ folder, key: Redacted.make("s3cret") }, /key must be 32 random bytes/],
        [{ folder, key, retention: 0 }, /retention must be a duration above 0/],
        [{ folder, key, retention: Number.NaN }, /retention/],
        [{ folder: path.join(file, "deeper"), key }, /cannot write .* \(ENOTDIR\): check the folder/]
      ]
      for (const [options, message] of cases) {
        const error = yield* Effect.flip(Layer.build(FileRecorder.layer(options)))
        assert.match(error.message, message)
        assert.notInclude(error.message, "s3cret")
      }
    }))
})

const turn = (number: number): Recorder.Entry => ({ _tag: "UserTurn", at: number, turn: number, source: "voice" })

/** A file in memory, whose disk can be full. */
const disk = () => {
  let bytes = Buffer.alloc(0)
  let full = false
  const sink: Sink = {
    write: (piece, position) =>
      Effect.suspend(() => {
        const part = full ? piece.subarray(0, piece.length >> 1) : piece
        const end = Math.max(bytes.length, position + part.length)
        const grown = Buffer.alloc(end)
        grown.set(bytes)
        grown.set(part, position)
        bytes = grown
        return full ? Effect.fail("ENOSPC") : Effect.void
      }),
    sync: Effect.void
  }
  return { sink, fill: (on: boolean) => void (full = on), bytes: () => bytes }
}

describe("a disk that is full", () => {
  const sealer = () => makeSealer(Buffer.alloc(32, 7), Buffer.alloc(32, 1))

  it.effect("is tried again, and nothing is lost that it can hold then", () =>
    Effect.gen(function*() {
      const folder = yield* directory
      const { bytes, fill, sink } = disk()
      const logged: Array<unknown> = []
      const logger = Logger.make(({ message }) => void logged.push(message))
      yield* Effect.scoped(Effect.gen(function*() {
        const writer = yield* makeWriter(sink, sealer(), () => 99)
        writer.put(turn(1))
        yield* TestClock.adjust(0)
        fill(true)
        for (let i = 2; i <= 5000; i++) writer.put(turn(i))
        yield* TestClock.adjust("30 seconds")
        writer.put(turn(5001))
        yield* TestClock.adjust("30 seconds")
        fill(false)
        yield* TestClock.adjust("1 second")
        writer.put({ _tag: "Closed", at: 100, reason: "closed" })
      })).pipe(Effect.provide(Logger.layer([logger])))
      const entries = yield* read(store(folder, "full.evrec", bytes()))
      const turns = entries.flatMap((entry) => entry._tag === "UserTurn" ? [entry.turn] : [])
      const lost = entries.flatMap((entry) => entry._tag === "Lost" ? [entry.entries] : [])
      assert.strictEqual(turns.length + lost.reduce((sum, count) => sum + count, 0), 5001)
      assert.deepStrictEqual(turns.slice(0, 4096), Array.from({ length: 4096 }, (_, i) => i + 1))
      assert.strictEqual(entries.at(-1)?._tag, "Closed")
      assert.strictEqual(logged.length, 1)
    }))

  it.effect("holds no more than so many bytes, however long the entries are, and what comes beyond is counted", () =>
    Effect.gen(function*() {
      const { bytes, fill, sink } = disk()
      const words = "a".repeat(100_000)
      fill(true)
      yield* Effect.scoped(Effect.gen(function*() {
        const writer = yield* makeWriter(sink, sealer(), () => 99)
        for (let i = 1; i <= 400; i++) writer.put({ _tag: "UserTurn", at: i, turn: i, source: "text", text: words })
        writer.put(turn(401))
        yield* TestClock.adjust("5 seconds")
        fill(false)
        yield* TestClock.adjust("1 second")
        writer.put({ _tag: "Closed", at: 100, reason: "closed" })
      }))
      assert.isBelow(bytes().length, 17 * 1024 * 1024)
      const entries = yield* read(store(yield* directory, "bytes.evrec", bytes()))
      const lost = entries.flatMap((entry) => entry._tag === "Lost" ? [entry.entries] : [])
      const turns = entries.flatMap((entry) => entry._tag === "UserTurn" ? [entry.turn] : [])
      assert.deepStrictEqual(turns, [...Array.from({ length: turns.length - 1 }, (_, i) => i + 1), 401])
      assert.strictEqual(turns.length + lost.reduce((sum, count) => sum + count, 0), 401)
      assert.isAbove(turns.length, 160)
    }))

  it.effect("keeps audio in records that can be read, in whatever frames it comes", () =>
    Effect.gen(function*() {
      const { bytes, fill, sink } = disk()
      // 24 MB of it: no record may have as many.
      const frame = { sampleRate: 192_000, channels: 8, samples: new Int16Array(192_000 * 8 * 8) }
      yield* Effect.scoped(Effect.gen(function*() {
        const writer = yield* makeWriter(sink, sealer(), () => 99)
        yield* TestClock.adjust(0)
        fill(true)
        writer.put(turn(1))
        yield* TestClock.adjust(0)
        writer.hear("user", 0, [frame])
        writer.hear("agent", 8000, [{ sampleRate: 16_000, channels: 1, samples: new Int16Array(16_000 * 30) }])
        fill(false)
        yield* TestClock.adjust("1 second")
        writer.put({ _tag: "Closed", at: 100, reason: "closed" })
      }))
      const entries = yield* read(store(yield* directory, "loud.evrec", bytes()))
      const heard = entries.reduce(
        (sum, entry) => sum + (entry._tag === "Audio" ? Audio.durationMs(entry.frame) : 0),
        0
      )
      const lost = entries.reduce((sum, entry) => sum + (entry._tag === "Lost" ? entry.audioMs : 0), 0)
      assert.strictEqual(Math.round(heard + lost), 38_000)
      assert.isAbove(heard, 2000)
      assert.isBelow(bytes().length, 9 * 1024 * 1024)
      assert.strictEqual(entries.at(-1)?._tag, "Closed")
    }))

  it.effect("is no excuse: what is too long is cut, what is no entry is counted, and the rest can be read", () =>
    Effect.gen(function*() {
      const { bytes, sink } = disk()
      // Six bytes each in JSON: a chat message of 3 MB is a record of 18.
      const text = "\u0001".repeat(3_000_000)
      const broken = { ...turn(2), turn: "two" } as unknown as Recorder.Entry
      yield* Effect.scoped(Effect.gen(function*() {
        const writer = yield* makeWriter(sink, sealer(), () => 99)
        writer.put({ _tag: "UserTurn", at: 1, turn: 1, source: "text", text })
        writer.put(broken)
        writer.put(turn(3))
        writer.put({ _tag: "Closed", at: 100, reason: "closed" })
      }))
      const folder = yield* directory
      const entries = yield* read(store(folder, "long.evrec", bytes()))
      assert.deepStrictEqual(entries, [
        { _tag: "UserTurn", at: 1, turn: 1, source: "text", text: text.slice(0, 1_000_000) },
        { _tag: "Lost", at: 99, entries: 1, audioMs: 0 },
        turn(3),
        { _tag: "Closed", at: 100, reason: "closed" }
      ])
    }))

  it.effect("does not hold up the end", () =>
    Effect.gen(function*() {
      const { bytes, fill, sink } = disk()
      const scope = yield* Effect.forkScoped(
        Effect.scoped(Effect.gen(function*() {
          const writer = yield* makeWriter(sink, sealer(), () => 99)
          yield* TestClock.adjust(0)
          writer.put(turn(1))
          yield* TestClock.adjust(0)
          fill(true)
          writer.put(turn(2))
        })),
        { startImmediately: true }
      )
      for (let second = 0; second < 4; second++) yield* TestClock.adjust("1 second")
      assert.isDefined(scope.pollUnsafe())
      const folder = yield* directory
      assert.deepStrictEqual(yield* read(store(folder, "cut.evrec", bytes())), [turn(1)])
    }))
})

describe("a disk that does not answer", () => {
  const silent: Sink = { write: () => Effect.never, sync: Effect.never }

  it.effect("is told of once something is lost by it, and holds up no end", () =>
    Effect.gen(function*() {
      const logged: Array<unknown> = []
      const logger = Logger.make(({ message }) => void logged.push([message].flat()[0]))
      const call = yield* Effect.scoped(Effect.gen(function*() {
        const writer = yield* makeWriter(silent, makeSealer(Buffer.alloc(32, 7), Buffer.alloc(32, 1)), () => 99)
        yield* TestClock.adjust(0)
        for (let i = 0; i < 5000; i++) writer.put(turn(i))
        yield* Effect.sleep("10 seconds")
      })).pipe(Effect.provide(Logger.layer([logger])), Effect.forkScoped({ startImmediately: true }))
      for (let second = 0; second < 16; second++) yield* TestClock.adjust("1 second")
      assert.isDefined(call.pollUnsafe())
      assert.deepStrictEqual(logged, [
        "not all is recorded: Lost in the recording says how much",
        "the recording ends before the conversation has",
        "the recording may be lost: the disk has not kept it"
      ])
    }))

  it.live("or has lost its folder meanwhile, is told of at the end", () =>
    Effect.gen(function*() {
      const codes: Array<unknown> = []
      const logger = Logger.make(({ fiber }) => void codes.push(fiber.getRef(References.CurrentLogAnnotations).code))
      const folder = yield* directory
      yield* Effect.scoped(Effect.gen(function*() {
        const recorder = yield* Recorder.Recorder
        const recording = yield* recorder.open({ session: "../s", room: "a/b", agent: "a", job: {} })
        for (const day of fs.readdirSync(folder)) fs.rmSync(path.join(folder, day), { recursive: true })
        recording.event({ _tag: "SessionClosed", at: 1200, reason: "closed" } as Event.Event)
        const other = yield* recorder.open({ session: "../s", room: "a/b", agent: "a", job: {} })
        other.event({ _tag: "SessionClosed", at: 1200, reason: "closed" } as Event.Event)
      })).pipe(Effect.provide([FileRecorder.layer({ folder, key }), Logger.layer([logger])]))
      assert.deepStrictEqual(codes, ["ENOENT"])
      const [file] = filesIn(folder)
      assert.deepStrictEqual((yield* read(file!)).map(({ _tag }) => _tag), ["Opened", "Closed"])
    }).pipe(Effect.scoped))
})

describe("a recorder", () => {
  const hold = (recorder: Recorder.Recorder["Service"]) =>
    Testing.scenario({
      user: [Testing.say(500, 2500, "Hello.")],
      llm: ["Good morning."],
      tts: { duration: 1000 }
    }).pipe(Effect.provideService(Recorder.Recorder, recorder))

  it.effect("that cannot open or throws costs the conversation nothing", () =>
    Effect.gen(function*() {
      const error = new Recorder.RecorderError({
        reason: new Recorder.FileFailed({ file: "x", doing: "write", code: "ENOSPC" })
      })
      const broken: ReadonlyArray<Recorder.Recorder["Service"]> = [
        { open: () => Effect.fail(error) },
        { open: () => Effect.die("no") },
        {
          open: () =>
            Effect.succeed({
              event: () => {
                throw new Error("no")
              }
            })
        }
      ]
      const talks = yield* Effect.forEach(broken, hold)
      for (const { messages } of talks) {
        assert.deepStrictEqual(messages, ["user: Hello.", "assistant: Good morning."])
      }
    }))

  it.effect("is told each event once, in order", () =>
    Effect.gen(function*() {
      const told: Array<Event.Event> = []
      const timeline = yield* hold({ open: () => Effect.succeed({ event: (event) => void told.push(event) }) })
      assert.deepStrictEqual(told, timeline.events)
    }))
})

describe("a file that is no recording, or not any more", () => {
  const good = bytesOf(some)
  const withLength = (length: number): Buffer => {
    const bytes = Buffer.from(good)
    bytes.writeUInt32BE(length, headerBytes)
    return bytes
  }

  // Read piece by piece, a record of this length took eight seconds of a process.
  it.live.each<readonly [string, Buffer, string]>([
    ["longer than what is there", Buffer.concat([withLength(16 * 1024 * 1024), Buffer.alloc(15_000_000)]), "none"],
    ["as long as it may be", Buffer.concat([withLength(16 * 1024 * 1024), Buffer.alloc(17_000_000)]), "Damaged"],
    ["longer than it may be", withLength(0xffffffff), "Damaged"],
    ["shorter than a seal", withLength(1), "Damaged"]
  ])("is read in its time where it tells a length %s", ([, bytes, expected]) =>
    Effect.gen(function*() {
      const folder = yield* directory
      const file = store(folder, "x", bytes)
      const from = moment()
      const result = yield* Effect.result(read(file))
      assert.isBelow(msWorkedSince(from), 2000)
      assert.strictEqual(Result.isFailure(result) ? result.failure.reason._tag : "none", expected)
    }).pipe(Effect.scoped))

  it.live("is refused by its path if it is a pipe, a folder or a device, which would never end", () =>
    Effect.gen(function*() {
      const folder = yield* directory
      const pipe = path.join(folder, "pipe")
      yield* Effect.promise(() => once(spawn("mkfifo", [pipe]), "exit"))
      for (const file of [pipe, folder, "/dev/zero", "/dev/null"]) {
        const result = yield* Effect.result(read(file))
        assert.isTrue(Result.isFailure(result) && result.failure.reason._tag === "FileFailed")
        assert.include(
          String(Result.isFailure(result) && result.failure),
          `cannot read ${file} (${file === folder ? "EISDIR" : "it is no regular file"})`
        )
      }
    }).pipe(Effect.scoped))

  it.live("is not made of a recording by its own audio", () =>
    Effect.gen(function*() {
      const folder = yield* directory
      const file = store(folder, "one.evrec", good)
      const link = path.join(folder, "two.wav")
      fs.linkSync(file, link)
      for (const to of [file, path.join(folder, ".", "one.evrec"), link]) {
        const result = yield* Effect.result(FileRecorder.writeWav(file, { key, to }))
        assert.include(String(Result.isFailure(result) && result.failure), "to must name another file")
      }
      assert.lengthOf(yield* read(file), some.length)
    }).pipe(Effect.scoped))
})

describe("audio that cannot be", () => {
  const frame = (change: Partial<Audio.Frame> = {}): Audio.Frame => ({
    samples: new Int16Array(1600),
    sampleRate: 16_000,
    channels: 1,
    ...change
  })
  const odd: ReadonlyArray<readonly [at: number, frame: unknown]> = [
    [Number.NaN, frame()],
    [Infinity, frame()],
    [0, frame({ sampleRate: 1e9 })],
    [0, frame({ sampleRate: 0 })],
    [0, frame({ sampleRate: Number.NaN })],
    [0, frame({ channels: 0 })],
    [0, frame({ channels: 1.5 })],
    [0, null],
    [0, {}],
    [0, "x"]
  ]

  it.live("is counted as lost, what was heard stands before the end, and a WAV can be made of it", () =>
    Effect.gen(function*() {
      const folder = yield* directory
      yield* Effect.scoped(Effect.gen(function*() {
        const recorder = yield* Recorder.Recorder
        const recording = yield* recorder.open({ session: "s", room: "r", agent: "a", job: {} })
        for (const [at, one] of odd) recording.audio?.("user", at, [one as Audio.Frame])
        recording.audio?.("user", 1000, [frame()])
        recording.audio?.("agent", 1000, [frame()])
        // Of another clock: a file of that length cannot be.
        recording.audio?.("agent", 1e15, [frame()])
        recording.event({ _tag: "SessionClosed", at: 1200, reason: "closed" } as Event.Event)
      })).pipe(Effect.provide(FileRecorder.layer({ folder, key, audio: true })))
      const [file] = filesIn(folder)
      const entries = yield* read(file!)
      assert.strictEqual(entries.at(-1)?._tag, "Closed")
      assert.lengthOf(entries.filter(({ _tag }) => _tag === "Audio"), 3)
      assert.deepStrictEqual(
        entries.flatMap((entry) => entry._tag === "Lost" ? [entry.entries] : []),
        [odd.length]
      )
      const to = path.join(folder, "all.wav")
      assert.strictEqual(yield* FileRecorder.writeWav(file!, { key, to }), 100)
    }).pipe(Effect.scoped))
})
