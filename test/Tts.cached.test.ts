import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { Audio, Failure, Tts } from "effect-voice"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as Testing from "effect-voice/testing"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { contract } from "./contract/tts.ts"

const sampleRate = 16_000

/** Says each word in 100 ms and each piece as a request; a piece with "fail" in it fails after its first word. */
const makeVoice = (more: { readonly name?: string; readonly hold?: Effect.Effect<void> } = {}) => {
  const asked: Array<string> = []
  let interrupted = 0
  const name = more.name ?? "voice"
  const tts = Tts.make({
    name,
    sampleRate,
    channels: 1,
    voices: ["a", "b"],
    speak: (text, options) => {
      let at = 0
      let request = -1
      return text.pipe(
        Stream.flatMap((piece) => {
          if (request === -1) request = asked.push("") - 1
          asked[request] += piece
          return Stream.fromIterable(piece.match(/\s*\S+|\s+$/g) ?? [])
        }),
        Stream.mapEffect((word) => {
          if (word.trim() === "") {
            return Effect.succeed({
              frame: { sampleRate, channels: 1, samples: new Int16Array(0) },
              alignment: [{ text: word, start: at, end: at }]
            })
          }
          const chunk = {
            frame: {
              sampleRate,
              channels: 1,
              samples: new Int16Array(1600).fill(word.trim().length * (options?.voice === "b" ? -1 : 1))
            },
            alignment: [{ text: word, start: at, end: at + 100 }]
          }
          at += 100
          if (word.includes("fail")) {
            return Effect.fail(new Tts.TtsError({ provider: name, reason: new Failure.Broken({}) }))
          }
          return Effect.as(more.hold ?? Effect.void, chunk)
        }),
        Stream.rechunk(1),
        Stream.onExit((exit) => Effect.sync(() => void (interrupted += exit._tag === "Failure" ? 1 : 0)))
      )
    }
  })
  return { tts, asked, interrupted: () => interrupted }
}

const say = (tts: Tts.Tts["Service"], pieces: ReadonlyArray<string>, options?: Tts.Options) =>
  Stream.runCollect(tts.speak(Stream.rechunk(Stream.fromIterable(pieces), 1), options))

const heard = (chunks: ReadonlyArray<Tts.Chunk>) => ({
  samples: chunks.flatMap(({ frame }) => [...frame.samples.subarray(0, 1)]).join(),
  text: chunks.flatMap(({ alignment = [] }) => alignment.map(({ text }) => text)).join("").trim(),
  times: chunks.flatMap(({ alignment = [] }) => alignment.map(({ end, start }) => [start, end]))
})

contract("cached speech", Tts.layerCached(Testing.layerTts()))
contract("cached flite", Tts.layerCached(FliteTts.layer()), { live: true })
contract("speech of which nothing is cached", Tts.layerCached(Testing.layerTts(), { accepts: () => false }))

describe("cached speech", () => {
  it.effect("sounds like the speech itself, at the first time and from memory, however the text comes", () =>
    Effect.gen(function*() {
      const plain = makeVoice()
      const pieces = [
        "  Good morning. ",
        " ",
        "A very long sentence that is kept by nobody. ",
        "And one more. ",
        "Good morning.",
        "\n",
        "Goodbye. "
      ]
      const expected = heard(yield* say(plain.tts, pieces))
      const rules: ReadonlyArray<(text: string) => boolean> = [
        () => true,
        () => false,
        (text) => text.length < 14,
        (text) => text.startsWith("A")
      ]
      for (const accepts of rules) {
        const { tts } = makeVoice()
        const cached = yield* Tts.cached(tts, { accepts })
        for (let i = 0; i < 3; i++) {
          const again = heard(yield* say(cached, pieces))
          assert.strictEqual(again.samples, expected.samples)
          assert.strictEqual(again.text.replaceAll(/\s+/g, " "), expected.text.replaceAll(/\s+/g, " "))
        }
      }
    }))

  it.effect("is asked for once, and counts its times from the beginning of each speech", () =>
    Effect.gen(function*() {
      const { asked, tts } = makeVoice()
      const cached = yield* Tts.cached(tts)
      yield* say(cached, ["Hello there. ", "Good morning."])
      const again = heard(yield* say(cached, [" Good morning. ", "Hello there."]))
      assert.deepStrictEqual(again.times, [[0, 100], [100, 200], [200, 300], [300, 400]])
      assert.deepStrictEqual(asked, ["Hello there.", "Good morning."])
      assert.deepStrictEqual(yield* cached.cache, { hits: 2, misses: 2, entries: 2, bytes: 2 * 4 * 1600 })
    }))

  it.effect("is another one for another voice, speed, or provider", () =>
    Effect.gen(function*() {
      const { asked, tts } = makeVoice()
      const cached = yield* Tts.cached(tts)
      const manners: ReadonlyArray<Tts.Options | undefined> = [
        undefined,
        { voice: "a" },
        { voice: "b" },
        { speed: 2 },
        { voice: "b", speed: 2 }
      ]
      for (const options of [...manners, ...manners, { voice: undefined }]) yield* say(cached, ["Hello."], options)
      assert.strictEqual(asked.length, 5)
      const both = heard(yield* say(cached, ["Hello."], { voice: "b" }))
      assert.strictEqual(both.samples, "-6")
    }))

  it.effect("lets what is not kept go to the provider as one text, as it comes", () =>
    Effect.gen(function*() {
      const { asked, tts } = makeVoice()
      const cached = yield* Tts.cached(tts, { accepts: (text) => text === "Hello." })
      yield* say(cached, ["Hello. ", "One ", "sentence, ", "and another. ", "Hello. ", "The end."])
      assert.deepStrictEqual(asked, ["Hello.", " One sentence, and another. ", " The end."])
      const endless = Stream.concat(Stream.make("One "), Stream.never)
      assert.strictEqual((yield* Stream.runCollect(Stream.take(cached.speak(endless), 1))).length, 1)
    }))

  it.effect("is shared while it is made, until the last one leaves", () =>
    Effect.gen(function*() {
      const go = yield* Deferred.make<void>()
      const { asked, interrupted, tts } = makeVoice({ hold: Deferred.await(go) })
      const cached = yield* Tts.cached(tts)
      const one = yield* Effect.forkChild(say(cached, ["Hello there."]), { startImmediately: true })
      const two = yield* Effect.forkChild(say(cached, ["Hello there."]), { startImmediately: true })
      const three = yield* Effect.forkChild(say(cached, ["Hello there. "]), { startImmediately: true })
      yield* Effect.yieldNow
      yield* Fiber.interrupt(one)
      assert.strictEqual(interrupted(), 0)
      yield* Deferred.succeed(go, undefined)
      assert.deepStrictEqual(yield* Fiber.join(two), yield* Fiber.join(three))
      assert.deepStrictEqual(asked, ["Hello there."])
      assert.strictEqual((yield* cached.cache).entries, 1)
    }))

  it.effect("is not kept when it is interrupted, fails or is empty", () =>
    Effect.gen(function*() {
      const go = yield* Deferred.make<void>()
      const held = makeVoice({ hold: Deferred.await(go) })
      const cached = yield* Tts.cached(held.tts)
      const fiber = yield* Effect.forkChild(say(cached, ["Hello there."]), { startImmediately: true })
      while (held.asked.length === 0) yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(held.interrupted(), 1)
      yield* Deferred.succeed(go, undefined)
      assert.strictEqual((yield* cached.cache).entries, 0)
      const first = yield* Stream.runCollect(Stream.take(cached.speak(Stream.make("Hello there.")), 1))
      assert.strictEqual(first.length, 1)
      assert.strictEqual((yield* cached.cache).entries, 0)
      assert.strictEqual((yield* Effect.flip(say(cached, ["It will fail."]))).reason._tag, "Broken")
      assert.strictEqual((yield* Effect.flip(say(cached, ["It will fail."]))).reason._tag, "Broken")
      const silent = yield* Tts.cached(Tts.make({ name: "silent", sampleRate, channels: 1, speak: () => Stream.empty }))
      yield* say(silent, ["Hello."])
      assert.strictEqual((yield* silent.cache).entries, 0)
      assert.strictEqual((yield* cached.cache).entries, 0)
    }))

  it.effect("stays within its bound, and forgets what was not used for the longest", () =>
    Effect.gen(function*() {
      const { asked, tts } = makeVoice()
      const cached = yield* Tts.cached(tts, { maxBytes: 3 * 3200 })
      for (
        const text of ["One.", "Two.", "Three.", "One.", "Four.", "One.", "Two.", "And it is too long."]
      ) yield* say(cached, [text])
      assert.deepStrictEqual(asked, ["One.", "Two.", "Three.", "Four.", "Two.", "And it is too long."])
      assert.deepStrictEqual((yield* cached.cache).bytes, 3 * 3200)
      assert.match((yield* Effect.flip(Tts.cached(tts, { maxBytes: -1 }))).message, /maxBytes must/)
    }))
})

const temporary = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "effect-voice-cache-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
)

const filesOf = (directory: string) => fs.readdirSync(directory).filter((name) => name.endsWith(".speech"))

/** Waits until the directory holds so many files: they are written beside the speech. */
const holding = (directory: string, count: number): Effect.Effect<void> =>
  Effect.suspend(() =>
    filesOf(directory).length === count
      ? Effect.void
      : Effect.andThen(Effect.sleep("1 millis"), holding(directory, count))
  )

describe("a directory of speech", () => {
  const provide = Effect.provide(Layer.mergeAll(NodeFileSystem.layer))

  it.live("outlives the process, with alignment, for this user alone", () =>
    Effect.gen(function*() {
      const directory = path.join(yield* temporary, "deep", "speech")
      const first = makeVoice()
      const before = yield* Tts.cached(first.tts, { store: yield* Tts.fileStore({ path: directory, variant: "calm" }) })
      const said = yield* say(before, ["Hello there. ", "Good morning."])
      yield* holding(directory, 2)
      assert.strictEqual(fs.statSync(path.join(directory, filesOf(directory)[0]!)).mode & 0o777, 0o600)
      const second = makeVoice()
      const after = yield* Tts.cached(second.tts, { store: yield* Tts.fileStore({ path: directory, variant: "calm" }) })
      assert.deepStrictEqual(heard(yield* say(after, ["Hello there. ", "Good morning."])), heard(said))
      assert.deepStrictEqual(second.asked, [])
      const other = makeVoice()
      const lively = yield* Tts.cached(other.tts, {
        store: yield* Tts.fileStore({ path: directory, variant: "lively" })
      })
      yield* say(lively, ["Hello there."])
      assert.deepStrictEqual(other.asked, ["Hello there."])
      yield* holding(directory, 3)
      const named = makeVoice({ name: "another" })
      const another = yield* Tts.cached(named.tts, {
        store: yield* Tts.fileStore({ path: directory, variant: "calm" })
      })
      yield* say(another, ["Hello there."])
      assert.deepStrictEqual(named.asked, ["Hello there."])
      yield* holding(directory, 4)
    }).pipe(provide))

  it.live("passes over a damaged file, whatever is damaged, and replaces it", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const open = Tts.fileStore({ path: directory, variant: "" })
      const frame = { sampleRate, channels: 1, samples: Int16Array.from([1, 2, 3]) }
      const speech: ReadonlyArray<Tts.Chunk> = [{ frame, alignment: [{ text: "Hi.", start: 0, end: 1 }] }, { frame }]
      const store = yield* open
      yield* store.set("key", speech)
      assert.deepStrictEqual(yield* store.get("key"), speech)
      const [name = ""] = filesOf(directory)
      const file = path.join(directory, name)
      const whole = fs.readFileSync(file)
      const flipped = (at: number) => whole.map((byte, i) => i === at ? byte ^ 1 : byte)
      const damaged = [
        ...Array.from({ length: whole.length }, (_, i) => flipped(i)),
        ...Array.from({ length: whole.length }, (_, i) => whole.subarray(0, i)),
        Buffer.concat([whole, Buffer.from([0])])
      ]
      for (const bytes of damaged) {
        fs.writeFileSync(file, bytes)
        assert.isUndefined(yield* store.get("key"))
      }
      assert.isFalse(fs.existsSync(file))
      yield* store.set("key", speech)
      assert.deepStrictEqual(yield* store.get("key"), speech)
      fs.renameSync(file, path.join(directory, `${"0".repeat(64)}.speech`))
      assert.isUndefined(yield* store.get("key"))
    }).pipe(provide))

  it.live("stays within its bound, clears away what was never finished, and leaves other files alone", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const old = (yield* Clock.currentTimeMillis) / 1000 - 7200
      fs.writeFileSync(path.join(directory, "x.speech.1.tmp"), "half")
      fs.utimesSync(path.join(directory, "x.speech.1.tmp"), old, old)
      fs.writeFileSync(path.join(directory, "y.speech.2.tmp"), "being written")
      fs.writeFileSync(path.join(directory, "notes.txt"), "mine")
      const speech = [{ frame: { sampleRate, channels: 1, samples: new Int16Array(1000) } }]
      const store = yield* Tts.fileStore({ path: directory, variant: "", maxBytes: 7000 })
      for (const key of ["one", "two", "three"]) yield* store.set(key, speech)
      yield* store.get("one")
      yield* store.set("four", speech)
      yield* store.set("large", [{ frame: Audio.silence("10 seconds", Audio.speech) }])
      const kept = yield* Effect.forEach(
        ["one", "two", "three", "four", "large"],
        (key) => Effect.map(store.get(key), (found) => found !== undefined)
      )
      assert.deepStrictEqual(kept, [true, false, true, true, false])
      assert.sameMembers(fs.readdirSync(directory).filter((name) => !/^[0-9a-f]{64}\.speech$/.test(name)), [
        "y.speech.2.tmp",
        "notes.txt"
      ])
      const small = yield* Tts.fileStore({ path: directory, variant: "", maxBytes: 2500 })
      assert.strictEqual(filesOf(directory).length, 1)
      assert.isUndefined(yield* small.get("three"))
    }).pipe(provide))

  it.live("does not cost the speech when it cannot be written, and says so when it cannot be opened", () =>
    Effect.gen(function*() {
      const directory = path.join(yield* temporary, "speech")
      const { tts } = makeVoice()
      const cached = yield* Tts.cached(tts, { store: yield* Tts.fileStore({ path: directory, variant: "" }) })
      fs.rmSync(directory, { recursive: true })
      fs.writeFileSync(directory, "in the way")
      assert.strictEqual((yield* say(cached, ["Hello there."])).length, 2)
      const error = yield* Effect.flip(Tts.fileStore({ path: directory, variant: "" }))
      assert.match(error.message, /path:/)
    }).pipe(provide))
})
