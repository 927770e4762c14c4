/**
 * The providers of a session: observed before they can be lost, warmed up, made
 * safe by the options' policy, and metered. Those that agents bring are treated
 * alike.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Event from "../../Event.ts"
import { Llm } from "../../Llm.ts"
import type { Options } from "../../Pipeline.ts"
import * as Resilience from "../../Resilience.ts"
import { Stt, type Wants } from "../../Stt.ts"
import { Tts } from "../../Tts.ts"
import { meterLlm, meterStt, meterTts } from "../resilience/metering.ts"
import type { Core, Defaults } from "./core.ts"

export interface Providers {
  /** None where the options want none. */
  readonly stt: Stt["Service"] | undefined
  readonly defaults: Defaults
  /** The synthesiser as it was given. */
  readonly speaks: Tts["Service"]
}

type Warmable = Parameters<typeof Resilience.prewarm>[0]

const makeObserve = (
  prewarm: Options["prewarm"],
  { fork, publish }: Pick<Core, "fork" | "publish">
): (component: Event.Component, service: object, warmable: Warmable) => void => {
  const observed = new Set<object>()
  return (component, service, warmable) => {
    if (observed.has(service)) return
    observed.add(service)
    // Before it can be lost: what is told to nobody is not told again.
    fork(
      Stream.runForEach(
        Resilience.availability(service),
        ({ available, provider }) =>
          Effect.sync(() => publish({ _tag: "ProviderAvailability", component, provider, available }))
      )
    )
    for (const breaker of Resilience.breakers(service)) {
      fork(Stream.runForEach(
        breaker.changes,
        ({ from, provider, to }) =>
          Effect.sync(() => publish({ _tag: "BreakerChanged", component, provider, from, to }))
      ))
    }
    if (prewarm !== false) fork(Resilience.prewarm(warmable, { paid: prewarm === "paid" }))
  }
}

export const makeProviders = (
  { prewarm, resilience, stt }: Pick<Options, "prewarm" | "resilience" | "stt">,
  core: Pick<Core, "fork" | "publish">
): Effect.Effect<Providers, never, Stt | Llm | Tts> =>
  Effect.gen(function*() {
    const observe = makeObserve(prewarm, core)
    const guardLlm: Defaults["guardLlm"] = (llm) => {
      observe("llm", llm, { llm })
      return meterLlm(Resilience.llm(llm, resilience))
    }
    const guardTts: Defaults["guardTts"] = (tts) => {
      observe("tts", tts, { tts })
      return meterTts(Resilience.tts(tts, resilience))
    }
    const hears = stt === false ? undefined : yield* Stt
    if (hears !== undefined) observe("stt", hears, { stt: hears })
    const [thinks, speaks] = [yield* Llm, yield* Tts]
    return {
      stt: hears && meterStt(Resilience.stt(hears, resilience)),
      defaults: { llm: guardLlm(thinks), tts: guardTts(speaks), guardLlm, guardTts },
      speaks
    }
  })

/** How much of the audio the recogniser gets. */
export const feedOf = ({ stt }: Providers, { feed }: Pick<Options, "feed">): Wants =>
  stt?.wants === "speech" ? "speech" : feed ?? (stt?.wants === "each" ? "each" : "all")
