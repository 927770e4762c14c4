/** Jobs that fail, each in the way that its metadata says. */
import { Effect, Layer, Schema } from "effect"
import { Failure, Tts, Worker } from "effect-voice"
import { makeMemoryRoom } from "../../src/internal/room/memoryRoom.ts"

const failures: Readonly<Record<string, Effect.Effect<unknown, unknown>>> = {
  crash: Effect.andThen(
    Effect.sync(() =>
      void setImmediate(() => {
        throw new RangeError("out of reach")
      })
    ),
    Effect.never
  ),
  forgetful: Effect.sync(() => {
    void Promise.reject(new RangeError("it was not saved"))
  }),
  foreign: Effect.sync(() => {
    const bookings: Readonly<Record<string, { readonly room: number }>> = {}
    return bookings["lobby"]!.room
  }),
  ours: Effect.fail(
    new Tts.TtsError({ provider: "flite", reason: new Failure.InvalidRequest({ detail: "voice: there is none" }) })
  ),
  quoting: Schema.decodeUnknownEffect(Schema.Int)("my number is 555-0199"),
  structured: Effect.fail({ _tag: "BookingFailed", guest: "555-0199" }),
  wrapped: Effect.die(new Error("the booking broke", { cause: new RangeError("room 900") }))
}

export default Worker.define({
  agentName: "desk",
  layer: Layer.empty,
  connect: ({ job }) => Effect.map(makeMemoryRoom({ name: job.room.name }), ({ room }) => room),
  accept: ({ metadata }) =>
    metadata === "refuse" ? Effect.die(new TypeError("accept is broken")) : Effect.succeed(true),
  entry: (job) =>
    Effect.logDebug("the entry runs", { about: job.metadata }).pipe(
      Effect.andThen(job.onShutdown(Effect.die(new RangeError("the callback broke")))),
      Effect.andThen(failures[job.metadata] ?? Effect.void),
      Effect.withLogSpan("call")
    )
})
