/**
 * @title A Twilio number that answers, without another server
 *
 * `TWILIO_AUTH_TOKEN=… TELEPHONE_URL=https://voice.example.com/call npx tsx examples/16_telephone.ts`, and that address as the
 * number's webhook. Whoever calls hears a greeting, and may press keys. The voice is
 * an offline one and the model follows a script, so no other key is needed.
 */
import { Config, Effect, Layer } from "effect"
import { Agent, Pipeline, Session, Telephone, Worker } from "effect-voice"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import * as SmartTurnDetector from "effect-voice/Layers/SmartTurnDetector"
import * as Testing from "effect-voice/testing"

const desk = Agent.make({
  instructions: "You answer the phone of a small hotel.",
  onEnter: Session.Session.use((session) => session.say("Sea View Hotel. Press one for our hours."))
})

const definition = Worker.define({
  entry: () =>
    Pipeline.run(desk, {
      onKey: (key, session) =>
        key === "1" ? session.say("We are open from nine to five.") : session.say("Please press one.")
    }),
  layer: Layer.mergeAll(
    SileroVad.layer({ sampleRate: 8000 }), // what a telephone carries
    SmartTurnDetector.layer(),
    Testing.layerStt(), // or DeepgramStt.layer({ sampleRate: 8000, … })
    Testing.layerLlm(() => "One moment, please."),
    FliteTts.layer()
  )
})

const program = Effect.gen(function*() {
  const token = yield* Config.Redacted("TWILIO_AUTH_TOKEN")
  const url = yield* Config.String("TELEPHONE_URL")
  const port = yield* Config.Int("PORT").pipe(Config.withDefault(8080))
  yield* Telephone.serve(definition, { url, token, port, http: false })
})

Worker.runMain(program)
