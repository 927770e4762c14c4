/**
 * The providers of a session: observed before they can be lost, warmed up, made
 * safe by the options' policy, and metered. Those that agents bring are treated
 * alike.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Event from "../../Event.ts"
import * as Llm from "../../Llm.ts"
import type { Options } from "../../Pipeline.ts"
import * as Resilience from "../../Resilience.ts"
import * as Stt from "../../Stt.ts"
import * as Tts from "../../Tts.ts"
import { meterLlm } from "../llm/metering.ts"
import { measured } from "../stt/delays.ts"
import { meterStt } from "../stt/metering.ts"
import { meterTts } from "../tts/metering.ts"
import type { Core, Defaults } from "./core.ts"

export interface Providers {
  /** None where the options want none. */
  readonly stt: Stt.Stt["Service"] | undefined
  readonly defaults: Defaults
  /** The synthesiser as it was given. */
  readonly speaks: Tts.Tts["Service"]
}

const makeObserve = (
  prewarm: Options["prewarm"],
  { fork, publish }: Pick<Core, "fork" | "publish">
): (component: Event.Component, service: object, warmUp: Effect.Effect<void>) => void => {
  const observed = new Set<object>()
  return (component, service, warmUp) => {
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
    if (prewarm !== false) fork(warmUp)
  }
}

export const makeProviders = (
  { prewarm, resilience, stt }: Pick<Options, "prewarm" | "resilience" | "stt">,
  core: Pick<Core, "fork" | "publish">
): Effect.Effect<Providers, never, Stt.Stt | Llm.Llm | Tts.Tts> =>
  Effect.gen(function*() {
    const observe = makeObserve(prewarm, core)
    const paid = prewarm === "paid"
    const guardLlm: Defaults["guardLlm"] = (llm) => {
      observe("llm", llm, Llm.prewarm(llm, { paid }))
      return meterLlm(Llm.resilient(llm, resilience))
    }
    const guardTts: Defaults["guardTts"] = (tts) => {
      observe("tts", tts, Tts.prewarm(tts, { paid }))
      return meterTts(Tts.resilient(tts, resilience))
    }
    const hears = stt === false ? undefined : yield* Stt.Stt
    if (hears !== undefined) observe("stt", hears, Stt.prewarm(hears, { paid }))
    const [thinks, speaks] = [yield* Llm.Llm, yield* Tts.Tts]
    return {
      stt: hears && meterStt(measured(Stt.resilient(hears, resilience))),
      defaults: { llm: guardLlm(thinks), tts: guardTts(speaks), guardLlm, guardTts },
      speaks
    }
  })

/** How much of the audio the recogniser gets. */
export const feedOf = ({ stt }: Providers, { feed }: Pick<Options, "feed">): Stt.Wants =>
  stt?.wants === "speech" ? "speech" : feed ?? (stt?.wants === "each" ? "each" : "all")
