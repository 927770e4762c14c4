import { assert, it } from "@effect/vitest"
import { Clock, Effect, Layer, Redacted, Schema, Stream } from "effect"
import { Agent, type Event, Llm, Recorder } from "effect-voice"
import * as FileRecorder from "effect-voice/Layers/FileRecorder"
import * as Testing from "effect-voice/testing"
import { Prompt } from "effect/ai"
import * as fs from "node:fs/promises"
import * as os from "node:os"

// 1. Words that must not be kept are taken out before they are written. Yours are more: names, addresses, other languages.
const spoken = "(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)"
const patterns: ReadonlyArray<readonly [pattern: RegExp, by: string]> = [
  [/\b[\w.+-]+@[\w-]+(?:\.\w+)+\b/g, "[e-mail]"],
  [/\+?\d(?:[\s-]?\d){5,}/g, "[number]"],
  [new RegExp(`\\b${spoken}(?:[\\s,-]+${spoken}){5,}\\b`, "gi"), "[number]"]
]
export const redacted = (text: string): string =>
  patterns.reduce((rest, [pattern, by]) => rest.replace(pattern, by), text)

const changed = (event: Event.Event): Event.Event =>
  event._tag === "UserSpeechCommitted" || event._tag === "UserSpeechSetAside" || event._tag === "AgentSpeechCommitted"
    ? { ...event, text: redacted(event.text) }
    : event

/** Keeps the words of a call without these, and no audio. */
const withoutSecrets = (recorder: Recorder.Recorder["Service"]) =>
  Recorder.Recorder.of({
    open: (about) => Effect.map(recorder.open(about), ({ event }) => ({ event: (one) => event(changed(one)) }))
  })

/** Beside the providers, in the layer of the worker. A call that is cut off by a crash is kept up to there. */
export const records = (options: FileRecorder.Options) =>
  Layer.effect(Recorder.Recorder, Effect.map(Recorder.Recorder, withoutSecrets)).pipe(
    Layer.provide(FileRecorder.layer({ ...options, transcript: true }))
  )

// 2. Another program does the rest, every minute: what fails today is done tomorrow, and no call waits for it.
class CrmError extends Schema.TaggedError<CrmError>()("CrmError", { status: Schema.Int }) {}

export interface Upload {
  readonly session: string
  readonly ended: string
  readonly transcript: string
  readonly summary: string
}

const hour = 3_600_000
const isThere = (file: string) => Effect.promise(() => fs.access(file).then(() => true, () => false))

export const uploadAll = (
  { folder, key }: { readonly folder: string; readonly key: Redacted.Redacted },
  upload: (call: Upload) => Effect.Effect<void, CrmError>
) =>
  FileRecorder.list({ folder, key }).pipe(
    Stream.mapEffect(({ about, file, startedAt }) =>
      Effect.gen(function*() {
        if (about === undefined || (yield* isThere(`${file}.done`))) return 0
        const entries = yield* Stream.runCollect(FileRecorder.read(file, { key }))
        const closed = entries.find((entry) => entry._tag === "Closed")
        // It still goes on, unless it is too old for that: then its process has died.
        if (closed === undefined && (yield* Clock.currentTimeMillis) - startedAt < 2 * hour) return 0
        const transcript = entries.flatMap((entry) =>
          entry._tag === "UserTurn"
            ? [`Caller: ${entry.text}`]
            : entry._tag === "AgentSpeech"
            ? [`Agent: ${entry.text}`]
            : []
        ).join("\n")
        const prompt = Prompt.make(`Summarise this call in one sentence.\n\n${transcript}`)
        const summary = yield* Stream.mkString(Llm.text(Llm.reply({ prompt, tools: [] })))
        // The id makes a second upload of the same call harmless, should this program stop before the next line.
        yield* upload({ session: about.session, ended: closed?.reason ?? "lost", transcript, summary })
        yield* Effect.promise(() => fs.writeFile(`${file}.done`, ""))
        return 1
      }).pipe(Effect.catch((error) => Effect.as(Effect.logWarning("a call waits for its upload", error), 0)))
    ),
    Stream.runFold(() => 0, (sum, one) => sum + one)
  )

it.live("uploads a call once, without the card's number, though the CRM is away at first", () =>
  Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.promise(() => fs.mkdtemp(`${os.tmpdir()}/records-`)),
      (path) => Effect.promise(() => fs.rm(path, { recursive: true }))
    )
    const key = Redacted.make(Buffer.alloc(32, 7).toString("base64"))
    yield* Testing.scenario({
      agent: Agent.make({ instructions: "You take payments." }),
      layer: records({ folder, key }),
      user: [Testing.say(1000, 3000, "My card is 4111 1111 1111 1111."), Testing.leave(9000)],
      llm: ["Thank you."]
    })
    const uploads: Array<Upload> = []
    let away = true
    const once = uploadAll(
      { folder, key },
      (call) => away ? Effect.fail(new CrmError({ status: 503 })) : Effect.sync(() => void uploads.push(call))
    ).pipe(
      Effect.provide(Testing.layerLlm(() => "The caller has paid."))
    )
    assert.strictEqual(yield* once, 0)
    away = false
    assert.deepStrictEqual([yield* once, yield* once], [1, 0])
    assert.deepStrictEqual(uploads, [{
      session: "scenario",
      ended: "participant_left",
      transcript: "Caller: My card is [number].\nAgent: Thank you.",
      summary: "The caller has paid."
    }])
  }).pipe(Effect.scoped))
