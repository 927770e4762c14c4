/**
 * Examines providers: each is built, asked and watched in a scope of its own, so
 * that what one breaks the next does not feel. Recognisers, models and voices of
 * different providers are asked at once; the services of one agent share its
 * layer, and come one after the other. Interrupting ends what is being asked.
 */
import * as Clock from "effect/Clock"
import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Failure from "../../Failure.ts"
import { explain } from "../../internal/config/variable.ts"
import { Tap, type Watch } from "../../internal/provider/tap.ts"
import { monotonicMs } from "../../internal/steady.ts"
import * as Llm from "../../Llm.ts"
import * as Stt from "../../Stt.ts"
import * as Tts from "../../Tts.ts"
import { type Capture, recorder } from "./capture.ts"
import * as probes from "./probes.ts"
import type { Candidate } from "./providers.ts"
import type { Recording } from "./recordings.ts"
import { type Finding, findingOf } from "./report.ts"

export interface Options {
  /** Times that each provider is asked, 1–20. */
  readonly times: number
  /** What recognisers hear. */
  readonly recordings: ReadonlyArray<Recording>
  /** Values that must appear nowhere. */
  readonly secrets: ReadonlyArray<string>
  /** Whether a capture keeps the words. */
  readonly words: boolean
}

export interface Examined {
  readonly finding: Finding
  readonly capture: Capture
}

type Kind = Finding["kind"]
type Services = Context.Context<never>

const kinds: ReadonlyArray<Kind> = ["stt", "llm", "tts"]

const stopped = (error: unknown): string =>
  Predicate.isTagged(error, "ConfigError")
    ? explain(error as Config.ConfigError).message
    : error instanceof Error
    ? error.message
    : "the layer cannot be built"

const reasonIn = (error: unknown): Failure.Reason =>
  Predicate.hasProperty(error, "reason") && Predicate.hasProperty(error.reason, "isRetryable")
    ? error.reason as Failure.Reason
    : new Failure.InvalidRequest({ detail: stopped(error) })

interface Question {
  readonly name: string
  readonly model: string | undefined
  readonly samples: Effect.Effect<ReadonlyArray<probes.Sample>>
}

const ask = (services: Services, kind: Kind, { recordings, times }: Options): Option.Option<Question> => {
  const about = ({ model, name }: Llm.Llm["Service"] | Stt.Stt["Service"] | Tts.Tts["Service"]) => ({ name, model })
  switch (kind) {
    case "stt":
      return Option.map(Context.getOption(services, Stt.Stt), (service) => ({
        ...about(service),
        samples: probes.stt(service, recordings.slice(0, times))
      }))
    case "llm":
      return Option.map(Context.getOption(services, Llm.Llm), (service) => ({
        ...about(service),
        samples: probes.llm(service, times)
      }))
    case "tts":
      return Option.map(Context.getOption(services, Tts.Tts), (service) => ({
        ...about(service),
        samples: probes.tts(service, times)
      }))
  }
}

/** What a layer has of the three, one after the other. */
const examineLayer = (
  layer: Layer.Layer<never, unknown>,
  wanted: ReadonlyArray<Kind>,
  about: { readonly name?: string | undefined; readonly variables: ReadonlyArray<string> },
  options: Options
): Effect.Effect<ReadonlyArray<Examined>> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const { secrets, words } = options
    const recorders = new Map(wanted.map((kind) => [
      kind,
      recorder({ provider: about.name ?? kind, kind, secrets, words, now: () => monotonicMs(clock) })
    ]))
    let current = wanted[0]
    const watch: Watch = (opening) => recorders.get(current ?? "stt")?.watch(opening) ?? (() => {})
    const results: Array<Examined> = []
    const add = (kind: Kind, name: string, model: string | undefined, samples: ReadonlyArray<probes.Sample>) => {
      const recorded = recorders.get(kind)
      if (recorded === undefined) return
      const finding = findingOf({
        provider: name,
        kind,
        model,
        variables: about.variables,
        samples,
        said: recorded.said()
      })
      results.push({ finding, capture: { ...recorded.capture(), provider: name } })
    }
    yield* Layer.build(layer).pipe(
      Effect.matchEffect({
        onFailure: (error) =>
          Effect.sync(() => add(wanted[0] ?? "stt", about.name ?? "agent", undefined, [{ failure: reasonIn(error) }])),
        onSuccess: (services) =>
          Effect.forEach(wanted, (kind) => {
            current = kind
            return Option.match(ask(services, kind, options), {
              onNone: () => Effect.void,
              onSome: ({ model, name, samples }) =>
                Effect.map(samples, (samples) => add(kind, about.name ?? name, model, samples))
            })
          }, { discard: true })
      }),
      Effect.provideService(Tap, watch),
      Effect.scoped
    )
    return results
  })

/** Asks providers of the environment. */
export const examine = (
  configured: ReadonlyArray<Candidate>,
  options: Options
): Effect.Effect<ReadonlyArray<Examined>> =>
  Effect.map(
    Effect.forEach(configured, ({ kind, layer, name, variables }) =>
      Effect.flatMap(layer, (layer) =>
        examineLayer(layer as Layer.Layer<never, unknown>, [kind], { name, variables }, options)), {
      concurrency: 4
    }),
    (all) =>
      all.flat()
  )

/** Asks the services of an agent's layer. */
export const examineAgent = (
  layer: Layer.Layer<never, unknown>,
  options: Options
): Effect.Effect<ReadonlyArray<Examined>> => examineLayer(layer, kinds, { variables: [] }, options)
