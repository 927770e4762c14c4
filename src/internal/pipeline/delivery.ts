/** How text is delivered: a stream of it becomes audio, and is heard. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Text from "../../Text.ts"
import { tell, under } from "./calls.ts"
import type { Core } from "./core.ts"
import { textFailed } from "./failures.ts"
import { play } from "./playout.ts"
import type { Speech } from "./speech.ts"
import { type Line, makeLine, synthesize } from "./synthesis.ts"
import { makeWriter, type Utterance } from "./utterance.ts"

/** Where lines go to be spoken, and who works for them. */
export interface Delivery {
  readonly lines: Queue.Queue<Line, Cause.Done>
  readonly work: Work
}

type Work = (work: Effect.Effect<void>) => Fiber.Fiber<void>

/**
 * Work for a speech, which ends with it. A provider may take its time to hang
 * up: nobody waits for that, but the end of the session.
 */
export const makeWorkers = (core: Core, speech: Speech): Effect.Effect<Work, never, Scope.Scope> => {
  const working = new Set<Fiber.Fiber<void>>()
  const dismiss = Effect.sync(() => {
    for (const fiber of working) fiber.interruptUnsafe()
  })
  return Effect.as(
    Effect.addFinalizer(() => dismiss),
    (work) => {
      const fiber = core.fork(under(speech, work))
      working.add(fiber)
      fiber.addObserver(() => working.delete(fiber))
      return fiber
    }
  )
}

/** Lines are synthesised as soon as they have text, and heard one after the other. */
export const speakLines = (core: Core, speech: Speech, lines: Queue.Queue<Line, Cause.Done>): Effect.Effect<void> =>
  Stream.fromQueue(lines).pipe(
    Stream.rechunk(1),
    Stream.runForEach((line) =>
      Effect.andThen(
        play(core, speech, line, () =>
          speech.thought && speech.lines === 1 ? "done" : speech.acting ? "tools" : "working"),
        Effect.sync(() => {
          speech.lines -= 1
          tell(core, speech)
        })
      )
    )
  )

/** A line in the making: opened with its first piece, so that silence needs no line. */
export const makeLineWriter = (core: Core, speech: Speech, delivery: Delivery, utterance: Utterance) => {
  let line: Line | undefined
  const writer = makeWriter(
    utterance,
    Text.segmenter({ minLength: core.settings.minSentence }),
    core.transforms,
    (transform, defect) => {
      core.fork(textFailed(core, transform, "Bypassed", Cause.die(defect)))
    }
  )
  let written = ""
  let told = false
  let ended = false
  const publishWritten = (): void => {
    if (core.settings.syncTranscript || !speech.authorized.isOpen()) return
    if (written !== "") core.publish({ _tag: "AgentTranscript", speech: speech.id, text: written, final: false })
    told ||= written !== ""
    written = ""
    if (ended && told) core.publish({ _tag: "AgentTranscript", speech: speech.id, text: "", final: true })
  }
  const offer = (pieces: ReadonlyArray<string>): Effect.Effect<void> =>
    Effect.gen(function*() {
      if (pieces.length === 0) return
      speech.milestones.firstSentence ??= core.conductor.now()
      if (line === undefined) {
        line = yield* makeLine(utterance)
        speech.lines += 1
        const synthesis = synthesize(core, speech, line)
        delivery.work(speech.ahead ? synthesis : Effect.andThen(speech.authorized.await, synthesis))
        Queue.offerUnsafe(delivery.lines, line)
      }
      for (const piece of pieces) Queue.offerUnsafe(line.texts, piece)
    })
  return {
    push: (delta: string) => {
      if (!core.settings.syncTranscript) written += delta
      publishWritten()
      return offer(writer.push(delta))
    },
    end: Effect.suspend(() =>
      Effect.andThen(
        offer(writer.end()),
        Effect.sync(() => {
          if (line !== undefined) Queue.endUnsafe(line.texts)
          ended = true
          publishWritten()
        })
      )
    ),
    /** A guess keeps its words to itself until it is wanted. */
    wanted: publishWritten
  }
}
