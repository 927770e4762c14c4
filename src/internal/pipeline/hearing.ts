/** The agent's ears: a participant's frames become boundaries and transcripts. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import * as Processor from "../../Processor.ts"
import type * as Room from "../../Room.ts"
import * as Stt from "../../Stt.ts"
import * as Turn from "../../Turn.ts"
import type * as Vad from "../../Vad.ts"
import { retryAfterMs } from "../resilience/errors.ts"
import { markIdle, markStart } from "../stt/voiced.ts"
import { type Core, signal, spanned } from "./core.ts"
import { failed, mended, worked } from "./failures.ts"

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
      } else {
        // One without audio marks a moment, and is no silence.
        const marks = chunk.filter(({ frame }) => frame.samples.length === 0)
        feed(marks.map(({ frame }) => frame))
        fedTo = marks.at(-1)?.end ?? fedTo
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
          if (!finalized || Turn.awaitsFinal(core.conductor.state())) finalize()
          Queue.endUnsafe(audio)
          Deferred.doneUnsafe(over, Exit.void)
          if (!recognising) signal(core, { _tag: "Transcribed" })
        })
      })
    }
  })

interface Placed {
  readonly frame: Audio.Frame
  readonly end: number
}

/** What lies behind a stream time. */
const behind = (chunk: ReadonlyArray<Placed>, from: number): ReadonlyArray<Placed> =>
  chunk.flatMap(({ end, frame }) => {
    const start = end - Audio.durationMs(frame)
    return end <= from ? [] : [{ frame: start >= from ? frame : Audio.slice(frame, from - start), end }]
  })

// How fast a microphone's clock may fall behind ours: more than any crystal does.
const drift = 0.001

/** Between stream time and the Clock, mapped where the audio has arrived the soonest. */
const makeStreamClock = (core: Core) => {
  let streamEnd = 0
  let observedAt = core.conductor.now()
  let offset = Number.POSITIVE_INFINITY
  let voiceEnd: number | undefined
  return {
    /** The detector has heard the voice stop at a stream time; `undefined` where it goes on. */
    voice: (end: number | undefined): void => {
      voiceEnd = end
    },
    /**
     * Where the last word of a transcript ended. One without words ends where its
     * audio did, often after a silence, about which the detector knows better.
     */
    lastWord: ({ end, start, words }: Stt.Transcript, from: number): number | undefined => {
      const word = words?.at(-1)?.end
      if (word !== undefined) return from + word
      if (end === undefined) return undefined
      return voiceEnd !== undefined && from + (start ?? end) < voiceEnd ? Math.min(from + end, voiceEnd) : from + end
    },
    restart: (): void => {
      offset = Number.POSITIVE_INFINITY
    },
    observe: (frames: ReadonlyArray<Audio.Frame>): void => {
      if (frames.length === 0) return
      for (const frame of frames) streamEnd = (frame.at ?? streamEnd) + Audio.durationMs(frame)
      const now = core.conductor.now()
      offset = Math.min(offset + (now - observedAt) * drift, now - streamEnd)
      observedAt = now
    },
    toClock: (at: number): number => Math.min(core.conductor.now(), at + (Number.isFinite(offset) ? offset : 0)),
    /** The newest frames with the stream time at which each ends. */
    placed: (frames: ReadonlyArray<Audio.Frame>): ReadonlyArray<Placed> => {
      let end = streamEnd
      return frames.toReversed().map((frame) => {
        const placed = { frame, end }
        end = frame.at ?? end - Audio.durationMs(frame)
        return placed
      }).toReversed()
    },
    /** Stream time at which an input begins: frames tell it, or it is now. */
    startOf: (input: Stt.Input): number => "samples" in input && input.at !== undefined ? input.at : streamEnd
  }
}

// A recogniser that was lost is opened again after this long (ms), doubled each time up to the longest.
const reopenAfter = 100
const reopenAtMost = 5000

// A provider may ask for more than that, but not for a call that is deaf (ms).
const waitAtMost = 30_000

/** Transcribes for as long as the session lasts: a recogniser that is lost is opened again. */
const recognise = (
  core: Core,
  stt: Stt.Stt["Service"],
  audio: Queue.Queue<Stt.Input, Cause.Done>,
  clock: ReturnType<typeof makeStreamClock>,
  healthyAfter: number,
  over: Deferred.Deferred<void>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    let lost = 0
    while (true) {
      const since = core.conductor.now()
      let start: number | undefined
      let heard = false
      const given = Stream.mapArray(Stream.fromQueue(audio), (inputs) => {
        const first = start === undefined ? inputs.find((input) => "samples" in input) : undefined
        if (first !== undefined) start = clock.startOf(first)
        return inputs
      })
      const listening = yield* stt.transcribe(given).pipe(
        Stream.runForEachArray((transcripts) =>
          Effect.sync(() => {
            for (const transcript of transcripts) {
              if (take(core, transcript, start ?? 0, clock)) heard = true
            }
          })
        ),
        spanned("stt", { provider: stt.name }),
        Effect.forkChild({ startImmediately: true })
      )
      const ended = yield* Fiber.await(listening)
      if (Deferred.isDoneUnsafe(over) && Exit.isSuccess(ended)) return
      const healthy = heard || core.conductor.now() - since >= healthyAfter
      if (healthy) {
        lost = 0
        worked(core, "stt")
      }
      // A connection that was idle for long may be closed: that is no failure.
      if (healthy && (Exit.isSuccess(ended) || hasEnded(ended.cause))) continue
      // One that has given itself up has ended early, too.
      const cause = Exit.isSuccess(ended) || Cause.hasInterruptsOnly(ended.cause)
        ? Cause.fail(endedEarly(stt))
        : ended.cause
      if (isEnding(core)) return mended(core, "stt", stt.name, cause)
      lost += 1
      const error = Cause.findErrorOption(cause)
      const mends = error._tag === "None" || error.value.isRetryable
      if (!mends) core.publish({ _tag: "Warning", component: "stt", message: `${stt.name} cannot be opened again` })
      failed(core, "stt", stt.name, cause, !mends)
      if (!mends) return
      const asked = error._tag === "Some" ? retryAfterMs(error.value) : 0
      if (isEnding(core)) return
      const wait = Math.max(Math.min(asked, waitAtMost), Math.min(reopenAtMost, reopenAfter * 2 ** (lost - 1)))
      yield* Effect.timeoutOption(Deferred.await(over), wait)
      if (isEnding(core)) return
    }
  })

const hasEnded = (cause: Cause.Cause<Stt.SttError>): boolean => {
  const error = Cause.findErrorOption(cause)
  return error._tag === "Some" && error.value.reason._tag === "EndedEarly"
}

/** What is lost now is not opened again. */
const isEnding = (core: Core): boolean => {
  const status = Turn.status(core.conductor.state())
  return status === "draining" || status === "closed"
}

const endedEarly = (stt: Stt.Stt["Service"]) =>
  new Stt.SttError({ provider: stt.name, reason: new Failure.EndedEarly() })

const take = (
  core: Core,
  transcript: Stt.Transcript,
  start: number,
  clock: ReturnType<typeof makeStreamClock>
): boolean => {
  const { confidence, end, final, language, start: begin, text } = transcript
  if (text.trim() === "") return false
  worked(core, "stt")
  const last = clock.lastWord(transcript, start)
  // Who closes the session at these words does so when they are in it.
  core.conductor.tell(() =>
    core.publish({
      _tag: "UserTranscript",
      text,
      final,
      ...(begin === undefined ? {} : { start: start + begin }),
      ...(end === undefined ? {} : { end: start + end }),
      ...(confidence === undefined ? {} : { confidence }),
      ...(language === undefined ? {} : { language })
    }), { _tag: "Heard", text, final, endedAt: last === undefined ? undefined : clock.toClock(last) })
  return true
}
