/** What `npm run demo` shows while it plays, and leaves behind. */
import { Clock, Console, Effect, FileSystem, Schema } from "effect"
import { Audio, type Event, type Vad } from "effect-voice"
import { Flag } from "effect/cli"
import { draw } from "./picture.ts"
import * as Screen from "./screen.ts"
import { recorder } from "./take.ts"

export const flags = {
  fast: Flag.Boolean("fast").pipe(
    Flag.withDescription("do not wait for time to pass: the same events, as fast as they compute"),
    Flag.withDefault(false)
  ),
  stt: Flag.Literals("stt", ["scripted", "pocketsphinx"]).pipe(
    Flag.withDescription("who hears the caller: a script, or the program pocketsphinx_continuous"),
    Flag.withDefault("scripted")
  ),
  out: Flag.String("out").pipe(
    Flag.withDescription("directory for the recording and the picture"),
    Flag.withDefault("out")
  )
}

export interface Flags {
  readonly fast: boolean
  readonly stt: "scripted" | "pocketsphinx"
  readonly out: string
}

export class OutputFailed extends Schema.TaggedError<OutputFailed>("examples/OutputFailed")("OutputFailed", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `--out: ${this.path} cannot be written (${this.reason})`
  }
}

/** Says what went wrong in one line. */
export const explain = (error: { readonly message: string }) => Console.error(`\n  ${error.message}\n`)

export interface Demo {
  /** Where the conversation is to be recorded. */
  readonly wav: string
  readonly sees: (event: Event.Event) => void
  readonly meter: Effect.Effect<(score: Vad.Score) => void>
  /** Draws the picture, when the recording is complete. */
  readonly finish: Effect.Effect<void, Audio.AudioError | OutputFailed, FileSystem.FileSystem>
}

const files = { wav: "conversation.wav", picture: "conversation.svg", events: "conversation.json" }

export const open = Effect.fnUntraced(function*(flags: Flags): Effect.fn.Return<
  Demo,
  OutputFailed,
  FileSystem.FileSystem
> {
  const system = yield* FileSystem.FileSystem
  const failed = (path: string) =>
    Effect.mapError((error: { readonly reason: { readonly _tag: string } }) =>
      new OutputFailed({ path, reason: error.reason._tag })
    )
  yield* system.makeDirectory(flags.out, { recursive: true }).pipe(failed(flags.out))
  const screen = Screen.make(Screen.terminal)
  const { event, meter, take } = recorder()
  const began = yield* Clock.currentTimeMillis

  const scripted = flags.stt === "scripted"
  const facts: ReadonlyArray<readonly [string, string]> = [
    [
      "real",
      `voices (flite), voice activity (Silero), turn-taking${scripted ? "" : ", ears (pocketsphinx_continuous)"}`
    ],
    [
      "scripted",
      `${scripted ? "what is understood (STT), and " : ""}what the agent thinks of (LLM): no network, no key`
    ]
  ]
  screen.title("effect-voice: a telephone call at a small hotel", [
    ...facts,
    ["time", flags.fast ? "as fast as it computes (--fast)" : "real: about 40 seconds"]
  ])

  const wav = `${flags.out}/${files.wav}`
  return {
    wav,
    sees: (seen) => {
      event(seen)
      screen.sees(seen)
    },
    meter,
    finish: Effect.gen(function*() {
      const audio = yield* Audio.readWav(wav)
      const picture = `${flags.out}/${files.picture}`
      const conversation = take()
      const drawn = draw(conversation, audio, {
        title: "A telephone call at a small hotel",
        notes: facts.map(([name, what]) => `${name}: ${what}`)
      })
      yield* system.writeFileString(picture, drawn).pipe(failed(picture))
      const events = `${flags.out}/${files.events}`
      const lines = conversation.events.map((event) => JSON.stringify(event))
      yield* system.writeFileString(events, `[\n${lines.join(",\n")}\n]\n`).pipe(failed(events))
      const took = (yield* Clock.currentTimeMillis) - began
      screen.written([
        [wav, `${(Audio.durationMs(audio) / 1000).toFixed(1)} s, the caller on the left, the agent on the right`],
        [picture, "what happened, and how long the caller waited for it"],
        [events, "every event, for a program to read"]
      ])
      screen.title(`It took ${(took / 1000).toFixed(1)} s.`, [])
    })
  }
})
