/**
 * Audio processors: they change a participant's audio before the detector and the recogniser get
 * it.
 *
 * A `Processor` is a value with a name and a way to open it; each conversation opens its own, in
 * its own scope. An open processor is one synchronous function over arrays of frames. A processor
 * that throws, or gives at once over 10 seconds more audio than it got, is left out from then on, and
 * the conversation goes on with its input.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Audio from "./Audio.ts"
import type { InvalidOptions } from "./Failure.ts"
import { openGate } from "./internal/audio/gate.ts"
import { noAudio } from "./internal/audio/usable.ts"
import { logOwn } from "./internal/foreign.ts"
import * as Check from "./internal/options.ts"
import { shown } from "./internal/options/shown.ts"
import { through } from "./internal/streams.ts"

/**
 * An open processor: frames in, frames out, in order.
 *
 * **Details**
 *
 * It may hold audio back and return it from a later call, and may change length and format. It must
 * not write to its input.
 *
 * @category models
 * @since 0.1.0
 */
export type Step = (frames: ReadonlyArray<Audio.Frame>) => ReadonlyArray<Audio.Frame>

/**
 * A processor that is not open yet. Native handles and models are acquired by
 * `open` and released with its scope.
 *
 * @category models
 * @since 0.1.0
 */
export interface Processor {
  readonly name: string
  readonly open: Effect.Effect<Step, unknown, Scope.Scope>
}

/**
 * Why a processor is left out from now on.
 *
 * **Details**
 *
 * `open`: it did not open, or not in time. `process`: it threw on a frame.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failure {
  readonly processor: string
  readonly phase: "open" | "process"
  readonly cause: Cause.Cause<unknown>
}

/**
 * Noise gate.
 *
 * @category options
 * @since 0.1.0
 */
export interface GateOptions {
  /** Peak level of a sample, in dB below full scale, that opens the gate. @default -50 */
  readonly thresholdDbfs?: number | undefined
  /** How long it stays open after the last such sample. @default "200 millis" */
  readonly hold?: Duration.Input | undefined
}

/**
 * How a chain treats its processors.
 *
 * @category options
 * @since 0.1.0
 */
export interface ChainOptions {
  /**
   * Called once for each processor that fails. If it throws, this is ignored.
   *
   * @default an error in the log, which says why
   */
  readonly onFailure?: ((failure: Failure) => void) | undefined
  /** Time that each processor has to open; all open at once. @default "5 seconds" */
  readonly openTimeout?: Duration.Input | undefined
}

/**
 * Makes a processor from the effect that opens it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E>(options: {
  readonly name: string
  readonly open: Effect.Effect<Step, E, Scope.Scope>
}): Processor => {
  Check.readOrThrow(making, options)
  return options
}

const making = Check.struct<Processor>()({
  name: Check.required(Check.text()),
  open: Check.required(Check.effect)
})

/**
 * Makes a processor from a function without state: all conversations share it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sync = (name: string, step: Step): Processor => {
  Check.readOrThrow(stepping, { step })
  return make({ name, open: Effect.succeed(step) })
}

const stepping = Check.struct<{ readonly step: Step }>()({ step: Check.required(Check.callback) })

const loudness = Check.struct<{ readonly dB: number }>()({ dB: Check.required(Check.number({ endless: true })) })

/**
 * Makes audio louder or quieter by a number of decibels, cut to full scale. Throws
 * `Failure.InvalidOptions` if it is not a number.
 *
 * @category constructors
 * @since 0.1.0
 */
export const gain = (dB: number): Processor => {
  Check.readOrThrow(loudness, { dB })
  return sync("gain", (frames) => frames.map((frame) => Audio.gain(frame, dB)))
}

const gating = Check.struct<GateOptions>()({
  thresholdDbfs: Check.number({ endless: true, default: -50 }),
  hold: Check.duration({ default: "200 millis" })
})

/**
 * Silences audio while no sample reaches the threshold.
 *
 * **Details**
 *
 * Opens within 1 ms and closes within 10 ms, without delay to the audio, in the same way however
 * the audio is cut into frames. Frames that it leaves as they are pass as the same objects. Throws
 * `Failure.InvalidOptions` if an option is wrong.
 *
 * @category constructors
 * @since 0.1.0
 */
export const gate = (options: GateOptions = {}): Processor => {
  const { hold, thresholdDbfs } = Check.readOrThrow(gating, options)
  return make({ name: "gate", open: Effect.sync(() => openGate(thresholdDbfs, hold)) })
}

const chaining = Check.struct<ChainOptions>()({
  onFailure: Check.callback,
  openTimeout: Check.duration({ default: "5 seconds" })
})

const warn = ({ cause, phase, processor }: Failure): Effect.Effect<void> =>
  logOwn(
    phase === "open"
      ? `the processor ${processor} did not open: the audio goes on without it`
      : `the processor ${processor} failed: the audio goes on without it`,
    cause
  )

/**
 * Opens processors in the current scope and gives one step that runs them in
 * order.
 *
 * **Details**
 *
 * Fails only for a wrong option. A processor that does not open is skipped and what it had acquired
 * is released; one that throws, or gives no audio, passes its input on, then and from then on. Both are reported
 * through `onFailure`, or else in the log.
 *
 * @category combinators
 * @since 0.1.0
 */
export const chain = Effect.fnUntraced(function*(
  processors: ReadonlyArray<Processor>,
  options: ChainOptions = {}
): Effect.fn.Return<Step, InvalidOptions, Scope.Scope> {
  const { openTimeout } = yield* Check.readOrFail(chaining, options, (wrong) => wrong)
  const context = yield* Effect.context<never>()
  const { onFailure = (failure: Failure): void => void Effect.runForkWith(context)(warn(failure)) } = options
  const report = (failure: Failure): void => {
    try {
      onFailure(failure)
    } catch {
      // The listener's fault is not the audio's.
    }
  }
  const opened = yield* Effect.forEach(
    processors,
    (processor) => open(processor, openTimeout),
    {
      concurrency: "unbounded"
    }
  )
  const steps: Array<{ readonly name: string; step: Step | undefined; withheld: number }> = []
  for (const [i, { name }] of processors.entries()) {
    const exit = opened[i]!
    if (Exit.isSuccess(exit)) {
      steps.push({ name, step: exit.value, withheld: 0 })
    } else {
      report({ processor: name, phase: "open", cause: exit.cause })
    }
  }
  return (frames) => {
    let current = frames
    for (const entry of steps) {
      if (entry.step === undefined) {
        continue
      }
      try {
        const given = entry.step(current)
        if (!Array.isArray(given)) {
          throw Check.problem(entry.name, `must give frames at once, not ${shown(given)}`)
        }
        for (const frame of given) {
          const why = noAudio(frame)
          if (why !== undefined) throw new TypeError(`gave ${why} as audio`)
        }
        entry.withheld += lengthOf(current) - lengthOf(given)
        if (entry.withheld < -mostMade) {
          throw new TypeError(`gave ${Math.round(-entry.withheld)} ms more than it was given`)
        }
        entry.withheld = Math.max(0, entry.withheld)
        current = given
      } catch (defect) {
        entry.step = undefined
        report({ processor: entry.name, phase: "process", cause: Cause.die(defect) })
      }
    }
    return current
  }
})

/**
 * Takes a stream of audio through processors, opened when it runs and released
 * when it ends.
 *
 * @category combinators
 * @since 0.1.0
 */
export const process: {
  (
    processors: ReadonlyArray<Processor>,
    options?: ChainOptions
  ): <E, R>(audio: Stream.Stream<Audio.Frame, E, R>) => Stream.Stream<Audio.Frame, E | InvalidOptions, R>
  <E, R>(
    audio: Stream.Stream<Audio.Frame, E, R>,
    processors: ReadonlyArray<Processor>,
    options?: ChainOptions
  ): Stream.Stream<Audio.Frame, E | InvalidOptions, R>
} = dual(
  (args) => Stream.isStream(args[0]),
  <E, R>(
    audio: Stream.Stream<Audio.Frame, E, R>,
    processors: ReadonlyArray<Processor>,
    options?: ChainOptions
  ): Stream.Stream<Audio.Frame, E | InvalidOptions, R> =>
    Stream.unwrap(Effect.map(chain(processors, options), (step) => through(step)(audio)))
)

/** Audio (ms) that a processor may give at once beyond what it was given and has withheld: more of it would hold up all calls. */
const mostMade = 10_000

const lengthOf = (frames: ReadonlyArray<Audio.Frame>): number =>
  frames.reduce((sum, frame) => sum + Audio.durationMs(frame), 0)

/** Opens in a scope of its own, so that a failure releases what was acquired at once. */
const open = (
  processor: Processor,
  timeout: Duration.Input
): Effect.Effect<Exit.Exit<Step, unknown>, never, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const scope = yield* Scope.fork(yield* Effect.scope)
      const exit = yield* processor.open.pipe(
        Scope.provide(scope),
        Effect.timeout(timeout),
        restore,
        Effect.exit
      )
      if (Exit.isFailure(exit)) {
        yield* Effect.ignoreCause(Scope.close(scope, exit), { log: "Debug" })
      }
      return exit
    })
  )
