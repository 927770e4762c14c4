/**
 * One Smart Turn model for all conversations of a process, in a thread of its
 * own: one for a file, opened with the first scope that asks, closed with the
 * last.
 *
 * Pauses are judged one at a time, in the order in which they came: a batch costs more for each of
 * its pauses than one alone, and keeps all of them waiting. A request may be interrupted; it is not
 * computed if it still waits. If too many wait, the oldest one, which is late, fails with
 * `Overloaded`.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as RcMap from "effect/RcMap"
import * as Scope from "effect/Scope"
import { fileURLToPath } from "node:url"
import type { TurnDetectorError } from "../../TurnDetector.ts"
import { milliseconds, now, registryOf } from "../metrics/inference.ts"
import * as series from "../metrics/series.ts"
import * as ModelThread from "../modelThread.ts"
import * as native from "../native.ts"
import { packageFile, programFile } from "../packageFiles.ts"
import { readPlainFile } from "../plainFile.ts"
import { inferenceFailed, modelUnavailable, overloaded } from "../turnDetector/errors.ts"
import type { Request } from "./smartTurn-worker.ts"

/** The file of this package. */
export const bundled = fileURLToPath(packageFile("models/smart_turn_v3.2.onnx"))

/** Pauses that wait: more would be answered later than anybody waits. */
export const longestQueue = 16

export interface Predictor {
  /** How probable it is (0–1) that who speaks has finished: mono audio at 16 kHz, the last eight seconds count. */
  readonly predict: (samples: Int16Array<ArrayBuffer>) => Effect.Effect<number, TurnDetectorError>
}

type Answer = Effect.Effect<number, TurnDetectorError>

interface Call {
  readonly samples: Int16Array<ArrayBuffer>
  /** Where it is measured. */
  readonly registry: Context.Context<never>
  /** When it began to wait (ns). */
  readonly since: bigint
  /** Where the answer goes; none once who asked has been interrupted. */
  resume: ((answer: Answer) => void) | undefined
}

/** Takes pauses in order through what judges one of them at a time. */
export const queue = (
  judge: (samples: Int16Array<ArrayBuffer>) => Promise<number>
): Predictor => {
  const waiting = new Set<Call>()
  let busy = false

  const settle = (call: Call, answer: Answer): void => {
    const { resume } = call
    if (resume === undefined) return
    call.resume = undefined
    native.leave()
    resume(answer)
  }
  const shed = (call: Call): void => {
    waiting.delete(call)
    series.turnDetectorShed.updateUnsafe(1, call.registry)
    settle(call, Effect.fail(overloaded))
  }
  const next = (): void => {
    const [call] = waiting
    if (call === undefined) {
      busy = false
      return
    }
    waiting.delete(call)
    const began = now()
    const measure = (): void => {
      const ended = now()
      series.turnDetectorInferenceTime.updateUnsafe(milliseconds(ended - began), call.registry)
      series.turnDetectorLatenessTime.updateUnsafe(milliseconds(ended - call.since), call.registry)
    }
    judge(call.samples).then(
      (probability) => {
        measure()
        settle(call, Effect.succeed(Math.min(1, Math.max(0, probability))))
      },
      (cause: unknown) => settle(call, Effect.fail(inferenceFailed(ModelThread.detailOf(cause))))
    ).finally(next)
  }

  return {
    predict: (samples) =>
      Effect.contextWith((context: Context.Context<never>) =>
        Effect.callback<number, TurnDetectorError>((resume) => {
          const call: Call = {
            samples,
            registry: registryOf(context),
            since: now(),
            resume
          }
          native.enter()
          waiting.add(call)
          for (const oldest of waiting) {
            if (waiting.size <= longestQueue) break
            shed(oldest)
          }
          if (!busy) {
            busy = true
            next()
          }
          return Effect.sync(() => {
            if (call.resume === undefined) return
            call.resume = undefined
            waiting.delete(call)
            native.leave()
          })
        })
      )
  }
}

const program = programFile("internal/smartTurn/smartTurn-worker")

const make = Effect.fnUntraced(function*(path: string) {
  const bytes = yield* Effect.tryPromise({
    try: () => readPlainFile(path),
    catch: () => modelUnavailable(path, "the file does not exist or cannot be read")
  })
  const thread = yield* Effect.mapError(
    ModelThread.open<void, Request, number>(program, { bytes }),
    (detail) => modelUnavailable(path, detail)
  )
  return queue((samples) => thread.ask(samples, [samples.buffer]))
})

const models = Effect.runSync(Scope.provide(RcMap.make({ lookup: make }), Scope.makeUnsafe()))

export const predictor = (path: string): Effect.Effect<Predictor, TurnDetectorError, Scope.Scope> =>
  RcMap.get(models, path)
