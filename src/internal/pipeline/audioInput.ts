/**
 * A participant's microphone, and where their voice begins and ends in it.
 *
 * The steps of a frame's way, each over all frames that wait. The detector is
 * one for the session, and is asked by one fiber at a time: a speech may be
 * closed from outside, where the microphone falls silent or nobody listens.
 * Interrupting a step leaves the detector ready for the next.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import type * as Processor from "../../Processor.ts"
import * as Turn from "../../Turn.ts"
import type * as Vad from "../../Vad.ts"
import { unusable, usable } from "../audio/usable.ts"
import { throughEffect } from "../streams.ts"
import { promptly } from "../vad/detector.ts"
import { makeBeginnings } from "./beginnings.ts"
import type { Core } from "./core.ts"
import { failed, worked } from "./failures.ts"
import type { Feed } from "./feed.ts"
import { perceive, type Perception } from "./perception.ts"
import type { StreamClock } from "./streamClock.ts"
import { makeLoudness } from "./voiceLevel.ts"

/** What the detector has found, and up to where (ms of stream time) it has heard a voice go on. */
type Found = Vad.Event | { readonly _tag: "VoiceHeard"; readonly at: number }

type Step<A, B> = <E, R>(self: Stream.Stream<A, E, R>) => Stream.Stream<B, E, R>

export interface AudioInput {
  /**
   * Frames to the boundaries of speech, and how far a voice has come where that is waited for: processed for all who hear them, handed to
   * the recogniser in passing, and given to the detector. One step, because it is
   * taken for each frame of each call. Nothing is heard while nobody listens; a
   * detector that fails is deaf for a moment, and that is told.
   */
  readonly hear: Step<Audio.Frame, Found>
  /** What the boundaries mean, each before the next is looked at: the feed and the clock follow them. */
  readonly boundaries: Step<Found, Perception>
  /** The boundaries that close a speech which is still going. */
  readonly closing: Stream.Stream<Vad.Event>
  /** Closes it. */
  readonly close: Effect.Effect<void>
  /** Does something where nobody speaks: now, or when they have spoken. */
  readonly betweenSpeeches: (act: () => void) => void
  /** Listens from now on, or no more. */
  readonly attend: (on: boolean) => void
}

/** Leaves out what is no audio: that is told for the first of it, and then for ten times as many. */
const makeReadable = (core: Core) => {
  let dropped = 0
  let toldAt = 1
  return (frames: ReadonlyArray<Audio.Frame>): ReadonlyArray<Audio.Frame> => {
    const read = usable(frames)
    if (read === frames) return frames
    dropped += frames.length - read.length
    if (dropped < toldAt) return read
    while (toldAt <= dropped) toldAt *= 10
    const why = frames.map(unusable).find((what) => what !== undefined)
    const message = `${dropped} frames of the microphone could not be read, the last of them because of ${why}`
    core.publish({ _tag: "Warning", component: "room", message })
    core.fork(Effect.logWarning("the room gives frames that are no audio").pipe(Effect.annotateLogs({ dropped, why })))
    return read
  }
}

/** The detector: one fiber at a time asks it, and where it fails it is deaf for a moment, which is told. */
const makeAsked = (core: Core, detector: Vad.Detector) => {
  const alone = Semaphore.makeUnsafe(1).withPermits(1)
  const pushNow = promptly(detector)
  /** A speech is being closed: a push waits for that. Else the detector may answer at once. */
  let ending = false
  /** It has failed since it was last well: the state of the turns is not looked at for each frame. */
  let wasDeaf = false
  const well = (events: ReadonlyArray<Vad.Event>): Effect.Effect<ReadonlyArray<Vad.Event>> => {
    if (wasDeaf) {
      wasDeaf = false
      worked(core, "vad")
    }
    return Effect.succeed(events)
  }
  const deaf = (cause: Cause.Cause<Vad.VadError>): Effect.Effect<ReadonlyArray<Vad.Event>> =>
    Effect.suspend(() => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
      wasDeaf = true
      failed(core, "vad", "vad", cause)
      return Effect.succeed([])
    })
  return {
    push: (frames: ReadonlyArray<Audio.Frame>): Effect.Effect<ReadonlyArray<Vad.Event>> => {
      const found = ending ? undefined : pushNow?.(frames)
      if (found === undefined) {
        return Effect.matchCauseEffect(alone(detector.push(frames)), { onFailure: deaf, onSuccess: well })
      }
      return found._tag === "Success" ? well(found.value) : deaf(found.cause)
    },
    // What it failed at is behind it: asked again, it closes the speech.
    end: Effect.suspend(() => {
      ending = true
      return detector.end
    }).pipe(
      Effect.catchCause((cause) => Effect.andThen(deaf(cause), detector.end)),
      Effect.ensuring(Effect.sync(() => {
        ending = false
      })),
      alone,
      Effect.catchCause(deaf)
    )
  }
}

export const makeAudioInput = (core: Core, parts: {
  readonly processors: Processor.Step
  /** What the detector alone hears through. */
  readonly detectorProcessors: Processor.Step | undefined
  readonly detector: Vad.Detector
  readonly clock: StreamClock
  readonly feed: Feed
  /** Who hears all of it in passing; they only keep it. */
  readonly listeners: ReadonlyArray<(frames: ReadonlyArray<Audio.Frame>) => void>
  /** Silence of the microphone itself after which an open speech is closed (ms). */
  readonly mutedAfter: number
}): AudioInput => {
  const { clock, detector, detectorProcessors, feed, listeners, mutedAfter, processors } = parts
  const beginnings = detectorProcessors === undefined ? undefined : makeBeginnings(clock)
  const asked = makeAsked(core, detector)
  let attending = true
  let inSpeech = false
  let heardAt = 0
  /** The detector hears a voice. */
  let sounds = false
  /** What came last has samples: how long a voice lasts is told by them. */
  let hasSamples = false

  const readable = makeReadable(core)
  const process = (frames: ReadonlyArray<Audio.Frame>): ReadonlyArray<Audio.Frame> => {
    if (!attending) return []
    const processed = processors(readable(frames))
    clock.observe(processed)
    for (const listen of listeners) listen(processed)
    beginnings?.push(processed)
    heardAt = processed.length === 0 ? core.conductor.now() : clock.observedAt()
    return processed
  }
  const loudness = makeLoudness((below) => core.conductor.dispatch({ _tag: "VoiceLevel", below }))
  let waiting: (() => void) | undefined
  const nothing: Effect.Effect<ReadonlyArray<Vad.Event>> = Effect.succeed([])
  const reached = (events: ReadonlyArray<Vad.Event>): ReadonlyArray<Found> => {
    const last = events.at(-1)
    if (last !== undefined) sounds = last._tag === "SpeechStarted" || last._tag === "VoiceResumed"
    if (!sounds || !hasSamples) return events
    const at = clock.end()
    // Of a voice that has begun just now, the turn-taking has not heard yet.
    if (last !== undefined) return [...events, { _tag: "VoiceHeard", at }]
    const awaited = Turn.awaitsVoiceTo(core.conductor.state())
    return awaited === undefined || clock.toClock(at) < awaited ? [] : [{ _tag: "VoiceHeard", at }]
  }
  const hear = (frames: ReadonlyArray<Audio.Frame>): Effect.Effect<ReadonlyArray<Found>> => {
    const processed = process(frames)
    if (processed.length === 0) return nothing
    feed.take(processed, inSpeech)
    core.turnAudio.push(processed, inSpeech)
    if (inSpeech) loudness.push(processed)
    hasSamples = processed.some(({ samples }) => samples.length > 0)
    const found = asked.push(detectorProcessors === undefined ? processed : detectorProcessors(processed))
    return Effect.mapEager(found, reached)
  }
  const mean = (event: Found): Perception => {
    if (event._tag === "VoiceHeard") return { signal: { _tag: "VoiceHeard", to: clock.toClock(event.at) } }
    const at = clock.toClock("silentFrom" in event ? event.silentFrom ?? event.at : event.at)
    clock.voice(event._tag === "VoicePaused" || event._tag === "SpeechEnded" ? event.at : undefined)
    switch (event._tag) {
      case "SpeechStarted":
        inSpeech = true
        loudness.begin()
        feed.begin(beginnings === undefined ? event : { ...event, padding: beginnings.of(event.padding) })
        return { signal: { _tag: "VoiceStarted", startedAt: at, byAudio: hasSamples } }
      case "VoicePaused":
        return { signal: { _tag: "VoicePaused", voiceAt: at } }
      case "VoiceResumed":
        return { signal: { _tag: "VoiceResumed", voiceAt: at, byAudio: hasSamples } }
      case "SpeechEnded":
        inSpeech = false
        loudness.end()
        waiting?.()
        waiting = undefined
        return { signal: { _tag: "VoiceEnded", endedAt: at } }
    }
  }
  const closing = Stream.fromIterableEffect(Effect.suspend(() => {
    feed.release()
    return asked.end
  }))
  const close = perceive(core)(closing.pipe(Stream.rechunk(1), Stream.map(mean)))
  /** A microphone that falls silent in mid-speech ends the speech. */
  const watch: Effect.Effect<void> = Effect.suspend(() => {
    const quiet = core.conductor.now() - heardAt
    if (!inSpeech) return Effect.void
    return quiet >= mutedAfter ? close : Effect.andThen(Effect.sleep(mutedAfter - quiet), watch)
  })

  const boundaries: AudioInput["boundaries"] = (events) =>
    events.pipe(
      Stream.rechunk(1),
      Stream.map((event) => {
        const perception = mean(event)
        if (event._tag === "SpeechStarted") core.fork(watch)
        return perception
      })
    )

  return {
    hear: throughEffect(hear),
    boundaries,
    closing,
    close,
    betweenSpeeches: (act) => {
      if (inSpeech) waiting = act
      else act()
    },
    attend: (on) => {
      attending = on
    }
  }
}
