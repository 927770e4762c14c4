/** A recogniser that hears what the test says. */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type * as Failure from "../Failure.ts"
import * as Stt from "../Stt.ts"
import { checkStt } from "./checks.ts"
import { millis } from "./marks.ts"
import { type Emission, ScriptedTranscripts } from "./scriptedTranscripts.ts"
import { reasonOf, sleepUntil } from "./timedStream.ts"

/**
 * How one connection of the scripted recogniser goes wrong.
 *
 * @category models
 * @since 0.1.0
 */
export interface SttConnection {
  /** Fails; `true` is a lost connection. Without `after` it does so when it is opened. */
  readonly fail?: Failure.Reason | true | undefined
  /** Ends without a failure, before the audio has ended. Without `after` it does so at once. @default false */
  readonly end?: boolean | undefined
  /** Takes the audio and never answers. Without `after` it does so from the beginning. @default false */
  readonly hang?: boolean | undefined
  /** Final transcripts before the fault: it follows the last of them at once. @default 0 */
  readonly after?: number | undefined
  /** From the opening to the fault, where no number of transcripts is the measure. */
  readonly afterTime?: Duration.Input | undefined
  /** Slower than the others: from the end of speech to the final transcript. */
  readonly finalDelay?: Duration.Input | undefined
}

/**
 * Options of the scripted recogniser.
 *
 * **Details**
 *
 * Like any recogniser, it answers each `Finalize`, with an empty transcript
 * where nothing is left to be said. It hears the words that the marks in the audio carry, or that `speech` has
 * put into it. An utterance can say by itself how it is heard (`Hearing`).
 *
 * @category options
 * @since 0.1.0
 */
export interface SttOptions {
  /** @default "scripted-stt" */
  readonly name?: string | undefined
  /** Says that it already retries, so that the pipeline must not. @default false */
  readonly resilient?: boolean | undefined
  /** What it hears, utterance by utterance, whatever was said; then what was said. */
  readonly transcripts?: ReadonlyArray<string> | undefined
  /** An interim transcript with every word but the last, when it has been said. @default false */
  readonly interims?: boolean | undefined
  /** From the end of speech to the final transcript. @default 200 */
  readonly finalDelay?: Duration.Input | undefined
  /**
   * Tells `start`, `end` and `words`.
   *
   * @default false
   */
  readonly times?: boolean | undefined
  /** 0 to 1; `undefined` tells none. @default 0.9 */
  readonly confidence?: number | undefined
  /** @default none */
  readonly language?: string | undefined
  /** Faults of the first, second … connection; the others have none. One fault alone is that of all. */
  readonly faults?: SttConnection | ReadonlyArray<SttConnection> | undefined
}

/**
 * A connection of the scripted recogniser.
 *
 * @category models
 * @since 0.1.0
 */
export interface SttCall {
  /** Clock time (ms). */
  readonly openedAt: number
  /** `undefined` while it is open. */
  readonly closedAt: number | undefined
  /** How often a final transcript was asked for. */
  readonly finalizes: number
  readonly transcripts: ReadonlyArray<Stt.Transcript>
}

/**
 * The connections of the scripted recogniser, in order.
 *
 * @category services
 * @since 0.1.0
 */
export class SttCalls extends Context.Service<SttCalls, {
  readonly connections: Effect.Effect<ReadonlyArray<SttCall>>
}>()("effect-voice/testing/stt/SttCalls") {}

interface Journal {
  readonly openedAt: number
  closedAt: number | undefined
  finalizes: number
  readonly transcripts: Array<Stt.Transcript>
}

const faultOf = (faults: SttOptions["faults"], index: number): SttConnection => {
  if (faults === undefined) return {}
  return isList(faults) ? faults[index] ?? {} : faults
}

const isList = (faults: SttConnection | ReadonlyArray<SttConnection>): faults is ReadonlyArray<SttConnection> =>
  Array.isArray(faults)

/**
 * Makes a recogniser that hears what the test says, with its connections.
 *
 * **When to use**
 *
 * Use where a test needs the service as a value; else `layerStt`.
 *
 * @category stt
 * @since 0.1.0
 */
export const stt = (
  options: SttOptions = {}
): Effect.Effect<{ readonly stt: Stt.Stt["Service"]; readonly calls: SttCalls["Service"] }> =>
  Effect.sync(() => {
    checkStt(options)
    const name = options.name ?? "scripted-stt"
    const journals: Array<Journal> = []
    let heard = 0
    const next = (): string | undefined => options.transcripts?.[heard++]

    const transcribe = <E, R>(
      audio: Stream.Stream<Stt.Input, E, R>
    ): Stream.Stream<Stt.Transcript, E | Stt.SttError, R> =>
      Stream.unwrap(Effect.gen(function*() {
        const clock = yield* Clock.Clock
        const journal: Journal = {
          openedAt: clock.currentTimeMillisUnsafe(),
          closedAt: undefined,
          finalizes: 0,
          transcripts: []
        }
        const fault = faultOf(options.faults, journals.length)
        journals.push(journal)
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            journal.closedAt = clock.currentTimeMillisUnsafe()
          })
        )
        const out = yield* Queue.unbounded<Stt.Transcript, E | Stt.SttError | Cause.Done>()
        let broken = false
        const breaks = fault.fail !== undefined || fault.end === true || fault.hang === true
        const strike = Effect.suspend(() => {
          broken = true
          if (fault.hang === true) return Effect.void
          return fault.fail === undefined
            ? Queue.end(out)
            : Queue.fail(out, new Stt.SttError({ provider: name, reason: reasonOf(fault.fail) }))
        })
        if (breaks && fault.afterTime === undefined && (fault.after ?? 0) === 0) yield* strike
        if (broken && fault.hang !== true) return Stream.fromQueue(out)
        const scope = yield* Effect.scope
        if (breaks && fault.afterTime !== undefined) {
          yield* sleepUntil(journal.openedAt + millis(fault.afterTime)).pipe(
            Effect.andThen(strike),
            Effect.forkIn(scope, { startImmediately: true })
          )
        }

        const transcripts = new ScriptedTranscripts({
          ...options,
          confidence: "confidence" in options ? options.confidence : 0.9,
          finalDelay: millis(fault.finalDelay ?? options.finalDelay ?? 200),
          next
        })
        let finals = 0
        let waiting = 0
        let ended = false
        const leave = Effect.suspend(() => ended && waiting === 0 && !broken ? Queue.end(out) : Effect.void)
        const emit = (emission: Emission): Effect.Effect<unknown> =>
          Effect.suspend(() => {
            if (broken || !emission.isDue()) return Effect.void
            journal.transcripts.push(emission.transcript)
            Queue.offerUnsafe(out, emission.transcript)
            if (!emission.transcript.final) return Effect.void
            finals++
            return breaks && fault.afterTime === undefined && finals === fault.after ? strike : Effect.void
          })
        const schedule = (emissions: ReadonlyArray<Emission>): Effect.Effect<void> =>
          Effect.suspend(() => {
            waiting += emissions.length
            return Effect.forEach(emissions, (emission) =>
              sleepUntil(emission.at).pipe(
                Effect.andThen(emit(emission)),
                Effect.andThen(Effect.suspend(() => {
                  waiting--
                  return leave
                })),
                Effect.forkIn(scope, { startImmediately: true })
              ), { discard: true })
          })
        yield* audio.pipe(
          Stream.runForEachArray((inputs) =>
            Effect.suspend(() => {
              const emissions: Array<Emission> = []
              for (const input of inputs) {
                if ("_tag" in input) {
                  journal.finalizes++
                  emissions.push(...transcripts.finalize(clock.currentTimeMillisUnsafe()))
                } else emissions.push(...transcripts.hear(input, clock.currentTimeMillisUnsafe()))
              }
              return emissions.length === 0 ? Effect.void : schedule(emissions)
            })
          ),
          Effect.andThen(Effect.suspend(() => {
            ended = true
            return Effect.andThen(schedule(transcripts.end(clock.currentTimeMillisUnsafe())), leave)
          })),
          Effect.catchCause((cause) => Queue.failCause(out, cause)),
          Effect.forkIn(scope, { startImmediately: true })
        )
        return Stream.fromQueue(out)
      }))

    const service = Stt.Stt.of({
      name,
      interims: options.interims ?? false,
      resilient: options.resilient ?? false,
      transcribe
    })
    return {
      stt: service,
      calls: SttCalls.of({
        connections: Effect.sync(() =>
          journals.map((journal) => ({ ...journal, transcripts: [...journal.transcripts] }))
        )
      })
    }
  })

/**
 * Layer of a recogniser that hears what the test says.
 *
 * @category stt
 * @since 0.1.0
 */
export const layerStt = (options?: SttOptions): Layer.Layer<Stt.Stt | SttCalls> =>
  Layer.effectContext(
    Effect.map(stt(options), ({ calls, stt }) => Context.make(Stt.Stt, stt).pipe(Context.add(SttCalls, calls)))
  )
