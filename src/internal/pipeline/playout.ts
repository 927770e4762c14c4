/** The audible side of a speech: audio waits for the floor, is played, and is remembered as far as it was heard. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import type * as Tts from "../../Tts.ts"
import * as Alignment from "../alignment.ts"
import { awaited, beside, through } from "../streams.ts"
import { type Core, signal, spanned } from "./core.ts"
import { failed } from "./failures.ts"
import { type LineOutput, makeLineOutput } from "./lineOutput.ts"
import { command } from "./output.ts"
import { ask, makeWatch } from "./roomTimeout.ts"
import type { Speech } from "./speech.ts"
import type { Line } from "./synthesis.ts"
import { heardAt, spokenAt, stepOf, type Utterance } from "./utterance.ts"

// What is converted before the first of it is heard (ms): seconds at a time would be heard late.
const pieceMs = 100

const cut = (frame: Audio.Frame): ReadonlyArray<Audio.Frame> =>
  Array.from(
    { length: Math.ceil(Audio.durationMs(frame) / pieceMs) },
    (_, i) => Audio.slice(frame, i * pieceMs, (i + 1) * pieceMs)
  )

/** Speech in the format of the output, piece by piece. */
const inFormat = (output: Audio.Format) => <E>(chunks: Stream.Stream<Tts.Chunk, E>): Stream.Stream<Audio.Frame, E> => {
  const same = (frame: Audio.Frame) => frame.sampleRate === output.sampleRate && frame.channels === output.channels
  return chunks.pipe(
    through((all) => all.flatMap(({ frame }) => same(frame) ? [frame] : cut(frame))),
    Stream.rechunk(1),
    Audio.resample(output)
  )
}

/** What was heard enters the history; nothing else does. */
const remember = (
  core: Core,
  speech: Speech,
  utterance: Utterance,
  { heardTo, playedMs }: { readonly heardTo: number; readonly playedMs: number },
  interrupted: boolean
): void => {
  const text = heardAt(utterance, heardTo)
  speech.playedMs += playedMs
  if (text !== "") speech.heard = speech.heard === "" ? text : `${speech.heard} ${text}`
  const cut = interrupted || !utterance.complete
  core.publish({ _tag: "AgentStoppedSpeaking", speech: speech.id, playedMs, interrupted })
  if (text === "") return
  const recorded = speech.options.record !== false
  const id = core.history.agentHeard({
    text,
    interrupted: cut,
    createdAt: utterance.createdAt,
    recorded,
    ...(speech.text === undefined ? { step: stepOf(utterance, cut) } : undefined),
    ...(cut || utterance.attached.text === undefined ? undefined : { metadata: utterance.attached.text })
  })
  if (core.settings.syncTranscript) {
    core.publish({ _tag: "AgentTranscript", speech: speech.id, text: "", final: true })
  }
  const unrecorded = recorded ? {} : { recorded }
  core.publish({ _tag: "AgentSpeechCommitted", speech: speech.id, id, text, interrupted: cut, ...unrecorded })
}

/** Where what is said now stands in the history: before what a model has begun to write, and is heard after it. */
const placeOf = (core: Core): number => {
  const written = core.speeches.all().filter(({ authorized }) => authorized.isOpen())
    .flatMap(({ unheard }) => [...unheard].map(({ createdAt }) => createdAt))
  return written.length === 0 ? core.history.stamp() : Math.min(...written)
}

// What may be missing of a line that has been played (ms): rooms round.
const mostUnheard = 100

// How soon to look again when nothing is known of what comes, or the agent is paused (ms).
const lookAgain = 100

interface Script {
  /** What has become due since the last time. */
  readonly due: (playhead: number) => string
  /** The playhead (ms) at which more will be, where that is known. */
  readonly next: (playhead: number) => number | undefined
}

/** The words of a line in the order of their times; each is looked at once. */
const makeScript = (utterance: Utterance): Script => {
  let known: ReadonlyArray<Alignment.Release> = []
  let read = 0
  let cursor = 0
  let told = 0
  const look = (): void => {
    if (utterance.alignment.length === read) return
    read = utterance.alignment.length
    known = Alignment.releases(utterance.alignment)
    let end = 0
    cursor = known.findIndex(({ text }) => (end += text.length) > told)
    if (cursor === -1) cursor = known.length
  }
  // The last word of what was known may have grown: the beginning of it has been told.
  const rest = (text: string): string => {
    const start = known.slice(0, cursor).reduce((length, release) => length + release.text.length, 0)
    return text.slice(Math.max(0, told - start))
  }
  // What is told of the last moment is told within it: when all was heard, nobody tells any more.
  const nextAt = (): number | undefined => {
    const at = known[cursor]?.at
    return at !== undefined && utterance.complete ? Math.min(at, utterance.audioMs - 1) : at
  }
  const isDue = (playhead: number): boolean => (nextAt() ?? Infinity) <= playhead
  const inProportion = (playhead: number): string => {
    const over = utterance.complete && playhead >= utterance.audioMs - 1
    const spoken = over ? utterance.spoken.trimEnd() : spokenAt(utterance, playhead)
    return spoken.slice(told)
  }
  return {
    due: (playhead) => {
      look()
      let text = read === 0 ? inProportion(playhead) : ""
      if (read > 0 && isDue(playhead)) text = rest(known[cursor++]!.text)
      while (isDue(playhead)) text += known[cursor++]!.text
      told += text.length
      return text
    },
    next: (playhead) => {
      if (read > 0) return nextAt()
      const left = utterance.audioMs - 1 - playhead
      return utterance.complete && left > 0 ? playhead + Math.min(lookAgain, left) : undefined
    }
  }
}

/** Tells the words of a line as they are heard. */
const release = (core: Core, speech: Speech, utterance: Utterance, line: LineOutput): Effect.Effect<void> =>
  Effect.gen(function*() {
    const script = makeScript(utterance)
    let expected = 0
    while (true) {
      const playhead = line.position(yield* core.output.played)
      const text = script.due(playhead)
      if (text !== "") {
        const told = { speech: speech.id, text }
        core.conductor.tell(() => {
          if (core.settings.syncTranscript) core.publish({ _tag: "AgentTranscript", ...told, final: false })
        }, { _tag: "Spoken", ...told })
      }
      const next = script.next(playhead)
      if (next === undefined && utterance.complete) return
      const late = playhead < expected
      const wait = next === undefined ? lookAgain : next - playhead
      expected = next ?? 0
      yield* Effect.sleep(late ? Math.max(lookAgain, wait) : wait)
    }
  })

/** Plays a line once it has the floor; returns when it has been heard, and remembers it however it ends. */
export const play = (
  core: Core,
  speech: Speech,
  line: Line,
  after: () => "working" | "tools" | "done"
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const first = yield* Effect.option(Queue.take(line.audio))
    if (first._tag === "None") return
    const { output } = core
    const watch = makeWatch(core, speech.id)
    const { during } = watch
    let base = 0
    let end: number | undefined
    let lineOutput: LineOutput | undefined
    let transcript: Fiber.Fiber<void> | undefined
    let stopping = false
    const tellHeard = (played: number | undefined, interrupted: boolean): void => {
      if (!speech.playing) return
      speech.playing = false
      const heard = played === undefined || lineOutput === undefined
        ? { heardTo: 0, playedMs: 0 }
        : { heardTo: lineOutput.heardTo(played), playedMs: played - base }
      remember(core, speech, line.utterance, heard, interrupted)
    }
    speech.tellHeard = tellHeard
    const stop = (interrupted: boolean) =>
      Effect.gen(function*() {
        transcript?.interruptUnsafe()
        stopping = true
        speech.saying = undefined
        lineOutput?.stop()
        if (interrupted) yield* command(core, "clear")
        const played = end ?? (yield* ask(core, output.played, base))
        // Who hears of its end finds the floor free: nothing is paused of which nothing is left.
        core.conductor.tell(
          () => tellHeard(played, interrupted),
          { _tag: "PlayoutEnded", speech: speech.id, next: after() }
        )
      })
    yield* speech.authorized.await
    yield* Effect.gen(function*() {
      // It may have the floor at once, and lose it in the same breath.
      signal(core, { _tag: "AudioReady", speech: speech.id })
      yield* speech.floor.await
      speech.floor.closeUnsafe()
      speech.unheard.delete(line.utterance)
      if (speech.source !== "turn" && !line.utterance.calls) line.utterance.createdAt = placeOf(core)
      base = yield* ask(core, output.played, 0)
      const out = lineOutput = makeLineOutput(core, speech.id, base)
      speech.saying = { utterance: line.utterance, output: out }
      transcript = core.fork(release(core, speech, line.utterance, out))
      let starved = false
      const starve = (now: boolean) =>
        Effect.sync(() => {
          if (starved !== now) signal(core, { _tag: "Starved", speech: speech.id, starved: now })
          starved = now
        })
      const later = Stream.fromQueue(line.audio).pipe(awaited(out.starving(starve), starve(false)))
      yield* Stream.concat(Stream.make(first.value), later).pipe(
        beside((chunks) => {
          for (const { frame } of chunks) line.backlog.take(Audio.durationMs(frame))
        }),
        inFormat(output),
        Stream.runForEachArray((frames) => Effect.andThen(starve(false), during(out.write(frames))))
      )
      yield* during(out.drained)
      // A room that is over keeps nobody waiting: what it has not played ends with the session, unheard.
      const told = yield* ask<number | undefined>(core, output.played, undefined)
      if (told !== undefined && line.utterance.audioMs - out.position(told) > mostUnheard) {
        return yield* during(Effect.never)
      }
      end = told ?? base
    }).pipe(
      Effect.raceFirst(watch.stuck),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.gen(function*() {
          speech.outcome = "failed"
          speech.reason ??= "room"
          failed(core, "room", "room", cause)
          yield* Effect.ignoreCause(command(core, "clear"))
        })
      ),
      spanned("playout", { speech: speech.id }),
      Effect.andThen(Effect.uninterruptible(stop(false))),
      // Also while a failure is dealt with, which may have ended the session.
      Effect.onInterrupt(() => speech.playing && !stopping ? stop(true) : Effect.void)
    )
  })
