/**
 * How the agent listens: streams of frames become streams of signals.
 *
 *     Room.audio ─▶ Processor ─┬─▶ Vad ──boundaries─▶ Turn.Signal ─┐
 *                              └─▶ Stt ─transcripts─▶ Turn.Signal ─┴─▶ Turn.step
 *
 * An arrow carries all that waits as one array. The upper line is one fiber,
 * which hands the recogniser its share in passing; the lower line is another,
 * which lasts as long as the session. Both run into one synchronous dispatch:
 * nothing is broadcast, merged or buffered between a frame and its decision.
 * Neither fails. Closing the scope hangs up on both.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import type { InvalidOptions } from "../../Failure.ts"
import * as Processor from "../../Processor.ts"
import type * as Room from "../../Room.ts"
import type * as Stt from "../../Stt.ts"
import * as Turn from "../../Turn.ts"
import type * as Vad from "../../Vad.ts"
import { logOwn } from "../foreign.ts"
import { delaysOf } from "../stt/delays.ts"
import { makeAudioInput } from "./audioInput.ts"
import { type Core, signal } from "./core.ts"
import { makeFeed } from "./feed.ts"
import { makeMicrophone } from "./microphone.ts"
import { perceive, type Perception } from "./perception.ts"
import { makeRecentAudio } from "./recentAudio.ts"
import { makeRecognition, type Recognition } from "./recognition.ts"
import { makeStreamClock } from "./streamClock.ts"

export interface Ears {
  readonly room: Room.Room["Service"]
  readonly detector: Vad.Detector
  readonly stt: Stt.Stt["Service"] | undefined
  readonly processors: ReadonlyArray<Processor.Processor>
  /** Before the detector alone. */
  readonly detectorProcessors: ReadonlyArray<Processor.Processor>
  /** How much of the audio a recogniser gets. */
  readonly feed: (stt: Stt.Stt["Service"] | undefined) => Stt.Wants
  /** A recogniser that has worked for so long had been well (ms). */
  readonly healthyAfter: number
  /** Silence of the microphone itself after which an open speech is closed (ms). */
  readonly mutedAfter: number
  /** Somebody wants to hear what was said lately. */
  readonly keepsAudio: boolean
  /** A judge that hears all of it in passing. */
  readonly listener: ((frames: ReadonlyArray<Audio.Frame>) => void) | undefined
}

export interface Listening {
  /** Begins with a participant; to be called once. */
  readonly listen: (identity: string) => Effect.Effect<void, never, Scope.Scope>
  readonly attach: (on: boolean) => Effect.Effect<void>
  /** Another recogniser hears what is said from now on, once nobody speaks; the one before gives what it owes. */
  readonly hearBy: (stt: Stt.Stt["Service"] | undefined) => Effect.Effect<void>
  /** Asks the recogniser for what it has. */
  readonly finalize: () => void
  /** What the microphone gave lately, where it is kept. */
  readonly recentAudio: () => Audio.Frame | undefined
  /** Listens no more, and has the recogniser give all that it owes; then tells that this was all. */
  readonly end: Effect.Effect<void>
}

// As much as says how something was said.
const keptMs = 5000

/** One that breaks is left out, which is told. */
const chainOf = (core: Core, processors: ReadonlyArray<Processor.Processor>) =>
  Processor.chain(processors, {
    onFailure: ({ cause, processor: provider }) => {
      core.publish({ _tag: "ProviderFailed", component: "processor", provider, reason: "Bypassed", recovered: true })
      core.fork(
        Effect.annotateLogs(logOwn("a processor failed, and is left out from now on", cause), { processor: provider })
      )
    }
  })

export const makeListening = (core: Core, ears: Ears): Effect.Effect<Listening, InvalidOptions, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = makeStreamClock(core.conductor.now)
    const recognise = (stt: Stt.Stt["Service"]) => makeRecognition(core, stt, clock, ears.healthyAfter)
    let recogniser = ears.stt
    let recognition = recogniser === undefined ? undefined : yield* recognise(recogniser)
    const feed = makeFeed(ears.feed(recogniser), clock, recognition?.hand ?? (() => {}))
    const recent = ears.keepsAudio ? makeRecentAudio(keptMs) : undefined
    const input = makeAudioInput(core, {
      listeners: [recent?.push, ears.listener].filter((listen) => listen !== undefined),
      processors: yield* chainOf(core, ears.processors),
      detectorProcessors: ears.detectorProcessors.length === 0
        ? undefined
        : yield* chainOf(core, ears.detectorProcessors),
      detector: ears.detector,
      clock,
      feed,
      mutedAfter: ears.mutedAfter
    })

    const restart = (): void => {
      clock.restart()
      feed.restart()
    }
    const microphone = yield* makeMicrophone(core, Effect.andThen(input.close, Effect.sync(restart)))
    /** The upper line, from when a participant comes until they leave. */
    const voice = (identity: string): Stream.Stream<Perception> =>
      Stream.suspend(() => ears.room.audio(identity, Audio.speech)).pipe(
        microphone.reopen,
        input.hear,
        Stream.concat(input.closing),
        input.boundaries
      )
    /** The lower line, until the recogniser has given all that it owes. */
    const words = (stt: Stt.Stt["Service"], { audio, reopen, understand }: Recognition): Stream.Stream<Perception> =>
      audio.pipe(
        stt.transcribe,
        understand,
        reopen
      )

    const hear = perceive(core)
    let listens = false
    let recognising = 0
    const transcribe = (stt: Stt.Stt["Service"], by: Recognition) =>
      Effect.suspend(() => {
        recognising += 1
        return hear(words(stt, by))
      }).pipe(Effect.ensuring(Effect.sync(() => {
        recognising -= 1
        // Who was replaced may be the last to have something to give.
        if (recognising === 0) signal(core, { _tag: "Transcribed" })
      })))
    const replace = (stt: Stt.Stt["Service"], next: Recognition): void => {
      const before = recognition
      feed.handTo(ears.feed(stt), next.hand)
      recogniser = stt
      recognition = next
      signal(core, {
        _tag: "Measured",
        delay: delaysOf(stt).usual,
        interims: stt.interims === true,
        turns: stt.turns === true
      })
      if (listens) core.fork(transcribe(stt, next))
      before?.end()
    }

    return {
      listen: (identity) => {
        listens = true
        if (recogniser !== undefined && recognition !== undefined) core.fork(transcribe(recogniser, recognition))
        let waits = false
        const stay = Effect.suspend(() => {
          waits = false
          // Who comes back has a microphone whose time begins anew.
          restart()
          return hear(voice(identity))
        }).pipe(Semaphore.makeUnsafe(1).withPermits(1))
        // The room goes on to be listened to while they are heard, and one return waits at most.
        const returns = Stream.runForEach(ears.room.events, (event) => {
          if (event._tag !== "ParticipantJoined" || event.participant.identity !== identity || waits) return Effect.void
          waits = true
          return Effect.asVoid(Effect.forkScoped(stay, { startImmediately: true }))
        })
        return Effect.andThen(
          Effect.forkScoped(stay, { startImmediately: true }),
          Effect.asVoid(Effect.forkScoped(returns, { startImmediately: true }))
        )
      },
      attach: (on) =>
        Effect.suspend(() => {
          input.attend(on)
          return on ? Effect.void : input.close
        }),
      hearBy: (stt) =>
        Effect.gen(function*() {
          // What nobody hears at all stays so.
          if (stt === undefined || recogniser === undefined) return
          if (stt === recogniser) return input.betweenSpeeches(() => {})
          const next = yield* recognise(stt)
          input.betweenSpeeches(() => replace(stt, next))
        }),
      finalize: feed.finalize,
      recentAudio: () => recent?.frame(),
      end: Effect.suspend(() => {
        input.attend(false)
        return Effect.map(input.close, () => {
          if (!feed.finalized() || Turn.awaitsFinal(core.conductor.state())) feed.finalize()
          recognition?.end()
          if (recognising === 0) signal(core, { _tag: "Transcribed" })
        })
      })
    }
  })
