/**
 * @title Callers at browsers, without another server
 *
 * `npx tsx examples/17_browser.ts`: sockets come to `ws://127.0.0.1:8090/call`, and each is a job with a room of its own. A page
 * of yours calls with `examples/browser/client.js`; `CALL_ORIGIN=http://localhost:3000` lets it. The voice is an offline one
 * and the model follows a script, so no keys are needed.
 */
import { Config, Effect, Layer } from "effect"
import { Agent, Pipeline, Session, Worker } from "effect-voice"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import * as WebSocketRoom from "effect-voice/Layers/WebSocketRoom"
import * as Testing from "effect-voice/testing"

const desk = Agent.make({
  instructions: "You answer the door of a small bakery.",
  onEnter: Session.Session.use((session) => session.say("Sea View Bakery, how can I help?"))
})

const definition = Worker.define({
  entry: () => Pipeline.run(desk),
  layer: Layer.mergeAll(
    SileroVad.layer(),
    Testing.layerStt(), // or DeepgramStt.layerConfig()
    Testing.layerLlm(() => "We are open until six."),
    FliteTts.layer()
  )
})

const program = Effect.gen(function*() {
  const origin = yield* Config.String("CALL_ORIGIN").pipe(Config.withDefault("http://localhost:3000"))
  const port = yield* Config.Int("PORT").pipe(Config.withDefault(8090))
  yield* WebSocketRoom.serve(definition, { port, origins: [origin], http: false })
})

Worker.runMain(program)
