/**
 * How the agent speaks: a stream of text becomes a stream of audio, and is heard.
 *
 *     Llm.reply ─▶ pieces ─texts─▶ Tts.speak ─audio─▶ the floor ─▶ Room.Output
 *        write                     synthesize               play
 *
 * The three stages of a line, one fiber each, with the line's two queues between
 * them: a model is done long before the voice, and the voice before it was heard.
 * Lines are written and synthesised as soon as there is text, and played one
 * after the other. With the scope of the speech all stages end; the playout
 * first, which tells how far it was heard. A provider that takes its time to
 * hang up is waited for by the end of the session alone.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Text from "../../Text.ts"
import { inParts, throughUntil } from "../streams.ts"
import { tell, under } from "./calls.ts"
import type { Core } from "./core.ts"
import { textFailed } from "./failures.ts"
import { heardSoFar } from "./outstanding.ts"
import { play } from "./playout.ts"
import type { Speech } from "./speech.ts"
import { type Line, makeLine, speakItself, type Spoken, synthesize } from "./synthesis.ts"
import { makeWriter, type Utterance } from "./utterance.ts"

export interface Delivery {
  /** Runs work of the speech, which ends with it. */
  readonly work: (work: Effect.Effect<void>) => Fiber.Fiber<void>
  /** Plays the lines; over when the last one was heard. */
  readonly playout: Fiber.Fiber<void>
  /** A line for an utterance. */
  readonly line: (utterance: Utterance) => LineWriter
  /** No more lines come. */
  readonly end: Effect.Effect<void>
}

export interface LineWriter {
  /**
   * Writes text, or what the model speaks itself, as it comes; over when that is, whatever is still
   * to be heard.
   */
  readonly write: <E>(said: Stream.Stream<string | Spoken, E>) => Effect.Effect<void, E>
  /** No more of it comes, also where whoever writes does not stop. */
  readonly end: Effect.Effect<void>
  /** A guess keeps its words to itself until it is wanted. */
  readonly wanted: () => void
}

// Half a minute of speech (characters): a text without the end of a sentence would be heard by nobody before it is whole.
const longestPiece = 500
// Of a text that comes in one piece: others have their turn while it is cut and rewritten.
const mostAtOnce = 4096

/** The words of a line as they are written, for those who do not wait until they are heard. */
const makeWritten = (core: Core, speech: Speech) => {
  let written = ""
  let told = false
  let ended = false
  const publish = (): void => {
    if (core.settings.syncTranscript || !speech.authorized.isOpen()) return
    // A model may give half a character at a time.
    const whole = ended || !/[\ud800-\udbff]$/.test(written) ? written.length : written.length - 1
    const text = written.slice(0, whole)
    if (text !== "") core.publish({ _tag: "AgentTranscript", speech: speech.id, text, final: false })
    told ||= text !== ""
    written = written.slice(whole)
    if (ended && told) core.publish({ _tag: "AgentTranscript", speech: speech.id, text: "", final: true })
  }
  return {
    add: (text: string): void => {
      if (!core.settings.syncTranscript) written += text
      publish()
    },
    end: (): void => {
      ended = true
      publish()
    },
    publish
  }
}

/** A line is opened with its first piece, so that silence needs none. */
const makeLineWriter = (
  core: Core,
  speech: Speech,
  utterance: Utterance,
  open: (line: Line, voice: "synthesiser" | "model") => void
): LineWriter => {
  let line: Line | undefined
  const written = makeWritten(core, speech)
  const language = core.agent.bound().language ?? core.conductor.language()
  const writer = makeWriter(
    utterance,
    Text.segmenter({
      minLength: core.settings.minSentence,
      maxLength: longestPiece,
      language
    }),
    core.transforms,
    language,
    (transform, defect) => {
      core.fork(textFailed(core, transform, "Bypassed", Cause.die(defect)))
    }
  )
  const offer = (pieces: ReadonlyArray<string | Spoken>): Effect.Effect<void> =>
    Effect.gen(function*() {
      const [first] = pieces
      if (first === undefined) return
      speech.milestones.firstSentence ??= core.conductor.now()
      if (line === undefined) {
        line = yield* makeLine(utterance)
        open(line, typeof first === "string" ? "synthesiser" : "model")
      }
      for (const piece of pieces) {
        if (typeof piece === "string") Queue.offerUnsafe(line.texts, piece)
        else yield* speakItself(core, speech, line, piece)
      }
    })
  // What broke off is spoken as far as it was written.
  let over = false
  let speaks = false
  const end = Effect.suspend(() => {
    if (over) return Effect.void
    over = true
    return Effect.map(offer(writer.end()), () => {
      if (line !== undefined) {
        Queue.endUnsafe(line.texts)
        // Whoever synthesises it ends the audio when all of that is there.
        if (speaks) Queue.endUnsafe(line.audio)
      }
      written.end()
    })
  })
  return {
    end,
    write: (said) =>
      said.pipe(
        inParts(mostAtOnce),
        throughUntil((deltas) => {
          const made: Array<string | Spoken> = []
          for (const delta of deltas) {
            if (over) break
            written.add(typeof delta === "string" ? delta : delta.text ?? "")
            if (typeof delta === "string") made.push(...writer.push(delta))
            else {
              speaks = true
              made.push(delta)
            }
          }
          return { made, last: over }
        }),
        Stream.runForEachArray(offer),
        Effect.tap(() =>
          Effect.sync(() => {
            if (speaks) utterance.complete = true
          })
        ),
        Effect.ensuring(end)
      ),
    wanted: written.publish
  }
}

/** Fibers of a speech that are told to end with it, and are not waited for. */
const makeWorkers = (core: Core, speech: Speech): Effect.Effect<Delivery["work"], never, Scope.Scope> => {
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

export const makeDelivery = (core: Core, speech: Speech): Effect.Effect<Delivery, never, Scope.Scope> =>
  Effect.gen(function*() {
    const work = yield* makeWorkers(core, speech)
    const lines = yield* Queue.unbounded<Line, Cause.Done>()
    const after = () => speech.thought && speech.lines === 1 ? "done" : speech.acting ? "tools" : "working"
    const heard = Effect.sync(() => {
      speech.lines -= 1
      if (speech.lines === 0) heardSoFar(core, speech)
      tell(core, speech)
    })
    const playout = yield* Stream.fromQueue(lines).pipe(
      Stream.rechunk(1),
      Stream.runForEach((line) => Effect.andThen(play(core, speech, line, after), heard)),
      Effect.forkScoped({ startImmediately: true })
    )
    const open = (line: Line, voice: "synthesiser" | "model"): void => {
      speech.lines += 1
      const synthesis = voice === "model" ? Effect.void : synthesize(core, speech, line)
      work(speech.ahead ? synthesis : Effect.andThen(speech.authorized.await, synthesis))
      Queue.offerUnsafe(lines, line)
    }
    return {
      work,
      playout,
      line: (utterance) => makeLineWriter(core, speech, utterance, open),
      end: Effect.asVoid(Queue.end(lines))
    }
  })
