/** Records one session without an end, in a folder, until it is killed. */
import { Effect, Redacted } from "effect"
import { Recorder } from "effect-voice"
import * as FileRecorder from "effect-voice/Layers/FileRecorder"
import { writeSync } from "node:fs"
import { argv } from "node:process"

const session = Effect.gen(function*() {
  const recorder = yield* Recorder.Recorder
  const recording = yield* recorder.open({ session: "lobby-1", room: "lobby", agent: "desk", job: {} })
  for (let turn = 1;; turn++) {
    recording.event({ _tag: "UserSpeechCommitted", at: turn, turn, id: `u${turn}`, text: "", source: "voice" })
    // What is told here is on the disk: the write of the turn before has returned.
    yield* Effect.sleep(2)
    writeSync(1, "\n")
  }
})

const layer = FileRecorder.layer({ folder: argv[2] ?? "", key: Redacted.make(Buffer.alloc(32, 7).toString("base64")) })

await Effect.runPromise(Effect.scoped(Effect.provide(session, layer)))
