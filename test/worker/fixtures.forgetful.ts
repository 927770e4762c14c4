/** A whole program whose layer forgets an await, or throws later, as it is told; and the server of which is not there. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Worker from "../../src/Worker.ts"

const save = async (): Promise<void> => {
  throw new RangeError("it was not saved")
}

const crash = (): void => {
  throw new RangeError("out of reach")
}

const forgetful = Worker.define({
  layer: Layer.effectDiscard(Effect.andThen(
    Effect.sync(() => process.argv[2] === "throw" ? void setImmediate(crash) : void save()),
    Effect.sleep(50)
  )),
  entry: () => Effect.void
})

Worker.main(forgetful, {
  url: "ws://127.0.0.1:1",
  apiKey: Redacted.make("devkey"),
  apiSecret: Redacted.make("secret-at-least-thirty-two-characters"),
  http: false,
  retries: 0
})
