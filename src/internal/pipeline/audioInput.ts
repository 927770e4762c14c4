/** The agent's ears: a participant's frames become boundaries and transcripts. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import * as Processor from "../../Processor.ts"
import type * as Room from "../../Room.ts"
import * as Stt from "../../Stt.ts"
import type * as Vad from "../../Vad.ts"
import { markIdle, markStart } from "../stt/voiced.ts"
import { type Core, signal } from "./core.ts"
import { failed, worked } from "./failures.ts"
import { recognise } from "./recognition.ts"
import { behind, makeStreamClock, type Placed } from "./streamClock.ts"

export interface Ears {
  readonly room: Room.Room["Service"]
  readonly detector: Vad.Detector
  readonly stt: Stt.Stt["Service"] | undefined
  readonly processors: ReadonlyArray<Processor.Processor>
  /** `speech` feeds the recogniser only what the detector heard as speech, `each` all of it, and tells which is speech. */
  readonly feed: Stt.Wants
  /** A recogniser that has worked for so long had been well (ms). */
  readonly healthyAfter: number
  /** Silence of the microphone itself after which an open speech is closed (ms). */
  readonly mutedAfter: number
}

export interface Hearing {
  /** Begins with a participant; to be called once. */
  readonly listen: (identity: string) => Effect.Effect<void, never, Scope.Scope>
  readonly attach: (on: boolean) => Effect.Effect<void>
  /** Asks the recogniser for what it has. */
  readonly finalize: () => void
  /** Listens no more, and has the recogniser give all that it owes; then tells that this was all. */
  readonly end: Effect.Effect<void>
}

// Ten seconds of 20 ms frames: what may wait while a recogniser is opened again.
const backlog = 500
// While nobody speaks the recogniser is handed its audio in pieces of this length (ms): each costs the same, whatever
// its length, and most of a call is silence.
const lull = 100

export const makeHearing = (core: Core, ears: Ears): Effect.Effect<Hearing, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { detector, stt } = ears
    const chain = yield* Processor.chain(ears.processors, {
      onFailure: ({ processor: provider }) =>
        core.publish({ _tag: "ProviderFailed", component: "processor", provider, reason: "Bypassed", recovered: true })
    })
    const audio = yield* Queue.sliding<Stt.Input, Cause.Done>(backlog)
    const clock = makeStreamClock(core)
    // The watch and who detaches may close a speech while a window of it is being scored.
    const alone = Semaphore.makeUnsafe(1).withPermits(1)
    const over = Deferred.makeUnsafe<void>()
    let recognising = false
    let finalized = false
    let attached = true
    let inSpeech = false
    let heardAt = 0
    let chunk: ReadonlyArray<Placed> = []
    let held: Array<Stt.Input> = []
    let heldMs = 0
    /** Up to where speech was fed (ms of stream time). */
    let fedTo = Number.NEGATIVE_INFINITY
    /** Where a speech begins, padding included, of which nothing was fed since it was found. */
    let begunAt: number | undefined

    const report = (events: ReadonlyArray<Vad.Event>): void => {
      for (const event of events) {
        const at = clock.toClock(event.at)
        switch (event._tag) {
          case "SpeechStarted":
            inSpeech = true
            finalized = false
            release()
            clock.voice(undefined)
            begunAt = event.padding.at ?? event.at
            if (ears.feed === "speech") {
              const padded = begunAt + Audio.durationMs(event.padding)
              const padding = event.padding.samples.length > 0 ? [{ frame: event.padding, end: padded }] : []
              // Where one speech follows another its padding was heard with the one before.
              feed(behind([...padding, ...behind(chunk, padded)], fedTo).map(({ frame }) => frame))
              fedTo = Math.max(fedTo, padded, chunk.at(-1)?.end ?? 0)
            }
            signal(core, { _tag: "VoiceStarted", startedAt: at })
            core.fork(watch)
            break
          case "VoicePaused":
            clock.voice(event.at)
            signal(core, { _tag: "VoicePaused", voiceAt: at })
            break
          case "VoiceResumed":
            clock.voice(undefined)
            signal(core, { _tag: "VoiceResumed", voiceAt: at })
            break
          case "SpeechEnded":
            inSpeech = false
            clock.voice(event.at)
            signal(core, { _tag: "VoiceEnded", endedAt: at })
            break
        }
      }
    }
    const feed = (inputs: ReadonlyArray<Stt.Input>): void => {
      if (stt === undefined) return
      for (const input of inputs) Queue.offerUnsafe(audio, begin(input))
    }
    const begin = (input: Stt.Input): Stt.Input => {
      if (begunAt === undefined || ears.feed !== "each") return input
      const from = begunAt
      begunAt = undefined
      return markStart(input, clock.startOf(input) - from)
    }
    const release = (): void => {
      if (held.length === 0) return
      const frames = held
      held = []
      heldMs = 0
      feed(frames)
    }
    /** Holds back what was heard while nobody speaks, for a moment. */
    const hold = (frames: ReadonlyArray<Audio.Frame>): void => {
      for (const frame of frames) {
        const ms = Audio.durationMs(frame)
        held.push(ears.feed === "each" ? markIdle(frame) : frame)
        // One without audio marks a moment.
        heldMs = ms === 0 ? lull : heldMs + ms
      }
      if (heldMs >= lull) release()
    }
    const hear = (frames: ReadonlyArray<Audio.Frame>): Effect.Effect<void> => {
      if (!attached) return Effect.void
      const processed = chain(frames)
      clock.observe(processed)
      heardAt = core.conductor.now()
      chunk = clock.placed(processed)
      // The recogniser hears a frame before the detector judges it: a mark must come after its audio.
      if (ears.feed !== "speech" && !inSpeech) hold(processed)
      else if (inSpeech) {
        feed(processed)
        fedTo = chunk.at(-1)?.end ?? fedTo
      }
      return alone(detector.push(processed)).pipe(Effect.map(alert), Effect.catch(deaf))
    }
    const alert = (events: ReadonlyArray<Vad.Event>): void => {
      worked(core, "vad")
      if (events.length > 0) report(events)
    }
    const deaf = (error: Vad.VadError) =>
      Effect.sync(() => {
        failed(core, "vad", "vad", Cause.fail(error))
      })
    // What the detector failed at is behind it: asked again, it closes the speech.
    const closeSpeech = Effect.suspend(() => {
      release()
      return detector.end.pipe(
        Effect.catch((error) => Effect.andThen(deaf(error), detector.end)),
        alone,
        Effect.map(report),
        Effect.catch(deaf)
      )
    })
    const finalize = (): void => {
      finalized = true
      release()
      feed([Stt.Finalize])
    }
    /** A microphone that falls silent in mid-speech ends the speech. */
    const watch: Effect.Effect<void> = Effect.suspend(() => {
      const quiet = core.conductor.now() - heardAt
      if (!inSpeech) return Effect.void
      return quiet >= ears.mutedAfter
        ? closeSpeech
        : Effect.andThen(Effect.sleep(ears.mutedAfter - quiet), watch)
    })

    return {
      listen: (identity) => {
        if (stt !== undefined) {
          recognising = true
          core.fork(Effect.ensuring(
            recognise(core, stt, audio, clock, ears.healthyAfter, over),
            Effect.sync(() => {
              recognising = false
              signal(core, { _tag: "Transcribed" })
            })
          ))
        }
        const stay = Effect.suspend(() => {
          clock.restart()
          fedTo = Number.NEGATIVE_INFINITY
          return Stream.runForEachArray(ears.room.audio(identity, Audio.speech), hear)
        }).pipe(
          Effect.catch((error) => Effect.sync(() => failed(core, "room", "room", Cause.fail(error)))),
          Effect.andThen(closeSpeech),
          Semaphore.makeUnsafe(1).withPermits(1)
        )
        // Who leaves may come back, with a microphone whose time begins anew.
        const returns = Stream.runForEach(
          ears.room.events,
          (event) => event._tag === "ParticipantJoined" && event.participant.identity === identity ? stay : Effect.void
        )
        return Effect.andThen(
          Effect.forkScoped(stay, { startImmediately: true }),
          Effect.asVoid(Effect.forkScoped(returns, { startImmediately: true }))
        )
      },
      attach: (on) =>
        Effect.suspend(() => {
          attached = on
          return on ? Effect.void : closeSpeech
        }),
      finalize,
      end: Effect.suspend(() => {
        attached = false
        return Effect.map(closeSpeech, () => {
          if (!finalized || core.conductor.state().words.interim !== "") finalize()
          Queue.endUnsafe(audio)
          Deferred.doneUnsafe(over, Exit.void)
          if (!recognising) signal(core, { _tag: "Transcribed" })
        })
      })
    }
  })
