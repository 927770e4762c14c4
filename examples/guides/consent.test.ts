import { assert, it } from "@effect/vitest"
import { Config, Effect, Layer, Schema } from "effect"
import { Agent, CallState, type Event, Recorder, Tools } from "effect-voice"
import * as FileRecorder from "effect-voice/Layers/FileRecorder"
import * as Testing from "effect-voice/testing"

export const Consent = CallState.make("consent", Schema.Boolean, { initial: false })

// Keeps nothing of a call before the caller has agreed, neither words nor audio nor who they are.
export const withConsent = (recorder: Recorder.Recorder["Service"]) =>
  Recorder.Recorder.of({
    open: (about) =>
      Effect.map(recorder.open(about), ({ audio, event }): Recorder.Recording => {
        let agreed = false
        return {
          event: (happened) => {
            if (happened._tag === "CallStateChanged" && happened.name === Consent.name) agreed = happened.value === true
            if (agreed || happened._tag === "SessionClosed") event(happened)
          },
          audio: audio && ((source, at, frames) => {
            if (agreed) audio(source, at, frames)
          })
        }
      })
  })

// Beside the providers, in the layer of the worker.
export const records = Layer.effect(Recorder.Recorder, Effect.map(Recorder.Recorder, withConsent)).pipe(
  Layer.provide(FileRecorder.layerConfig({
    folder: Config.String("RECORDER_FOLDER"),
    key: Config.Redacted("RECORDER_KEY"),
    transcript: Config.succeed(true),
    audio: Config.succeed(true)
  }))
)

export const desk = Agent.make({
  instructions: "You take orders. If the caller agrees to a record of the call, call agree.",
  tools: Tools.functions({
    agree: {
      description: "The caller agrees to a record of the call",
      run: (_, { session }) => session.callState(Consent).set(true)
    }
  }),
  onEnter: async (session) => session.say("Trattoria Sole. May we keep a record of this call? Say yes, or press one."),
  onKey: (key, session) => {
    if (key === "1") session.callState(Consent).set(true)
  }
})

it.effect("keeps what is said after the key, and nothing before", () =>
  Effect.gen(function*() {
    const kept: Array<Event.Event> = []
    const memory = Layer.succeed(Recorder.Recorder, {
      open: () => Effect.succeed({ event: (event: Event.Event) => void kept.push(event) })
    })
    yield* Testing.scenario({
      room: { kind: "sip" },
      agent: desk,
      layer: Layer.effect(Recorder.Recorder, Effect.map(Recorder.Recorder, withConsent)).pipe(Layer.provide(memory)),
      user: [
        Testing.say(6000, 7000, "Who is there?"),
        Testing.press(12_000, "1"),
        Testing.say(14_000, 15_000, "A pizza, please.")
      ],
      llm: ["The Trattoria Sole.", "With pleasure."],
      tts: { duration: 2000 }
    })
    const words = kept.flatMap((event) => event._tag === "UserSpeechCommitted" ? [event.text] : [])
    assert.deepStrictEqual(words, ["A pizza, please."])
  }))
