/**
 * The providers of a session: observed before they can be lost, warmed up, made
 * safe by the options' policy, and metered. Those that agents bring are treated
 * alike.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import type * as Event from "../../Event.ts"
import * as Llm from "../../Llm.ts"
import type { Options } from "../../Pipeline.ts"
import * as Resilience from "../../Resilience.ts"
import * as Stt from "../../Stt.ts"
import * as Tts from "../../Tts.ts"
import { meterLlm } from "../llm/metering.ts"
import { InWriting } from "../session.ts"
import { measured } from "../stt/delays.ts"
import { meterStt } from "../stt/metering.ts"
import { languageOf } from "../text/phrases.ts"
import { meterTts } from "../tts/metering.ts"
import type { Core, Defaults } from "./core.ts"

export interface Providers {
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

/** The voice of what is read: it takes no time. */
const silent = Tts.make({
  name: "writing",
  ...Audio.speech,
  speak: (texts) =>
    Stream.suspend(() => {
      let at = 0
      return Stream.map(texts, (text) => ({
        frame: Audio.silence(1, Audio.speech),
        alignment: [{ text, start: at, end: ++at }]
      }))
    })
})

/** A model that writes what it would speak. */
const writing = (llm: Llm.Llm["Service"]): Llm.Llm["Service"] => ({
  ...llm,
  reply: (request) =>
    Stream.map(
      llm.reply(request),
      (delta) => delta._tag === "Speech" ? { _tag: "Text", text: delta.text ?? "" } : delta
    )
})

export const makeProviders = (
  { prewarm, resilience, stt }: Pick<Options, "prewarm" | "resilience" | "stt">,
  core: Pick<Core, "fork" | "publish">
): Effect.Effect<Providers, never, Stt.Stt | Llm.Llm | Tts.Tts> =>
  Effect.gen(function*() {
    const observe = makeObserve(prewarm, core)
    const paid = prewarm === "paid"
    const inWriting = yield* InWriting
    const guardLlm: Defaults["guardLlm"] = (given) => {
      const llm = inWriting ? writing(given) : given
      observe("llm", llm, Llm.prewarm(llm, { paid }))
      return meterLlm(Llm.resilient(llm, resilience))
    }
    const guardTts: Defaults["guardTts"] = (tts) => {
      if (inWriting) return silent
      observe("tts", tts, Tts.prewarm(tts, { paid }))
      return meterTts(Tts.resilient(tts, resilience))
    }
    // One that two agents share is one, with what was measured of it.
    const recognisers = new WeakMap<object, Stt.Stt["Service"]>()
    const guardStt: Defaults["guardStt"] = (stt) => {
      const before = recognisers.get(stt)
      if (before !== undefined) return before
      observe("stt", stt, Stt.prewarm(stt, { paid }))
      const guarded = meterStt(measured(Stt.resilient(stt, resilience)))
      recognisers.set(stt, guarded)
      return guarded
    }
    const given = stt === false ? undefined : yield* Stt.Stt
    const hears = given && guardStt(given)
    const others = new Map<string, Stt.Stt["Service"] | undefined>()
    /** Agents of one language share one recogniser. One that is set to none hears several, and stays as it is. */
    const sttIn: Defaults["sttIn"] = (language) => {
      if (!others.has(language)) {
        const set = given?.language
        const other = set === undefined || languageOf(set) === languageOf(language)
          ? undefined
          : given?.withLanguage?.(language)
        others.set(language, other && guardStt(other))
      }
      return others.get(language) ?? hears
    }
    const [thinks, speaks] = [yield* Llm.Llm, yield* Tts.Tts]
    return {
      defaults: { stt: hears, llm: guardLlm(thinks), tts: guardTts(speaks), guardStt, sttIn, guardLlm, guardTts },
      speaks
    }
  })

/** How much of the audio the recogniser gets. */
export const feedOf = (stt: Stt.Stt["Service"] | undefined, { feed }: Pick<Options, "feed">): Stt.Wants =>
  stt?.wants === "speech" ? "speech" : feed ?? (stt?.wants === "each" ? "each" : "all")
