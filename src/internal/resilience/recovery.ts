import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Llm from "../../Llm.ts"
import type { Recoveries, Recovery } from "../../Resilience.ts"
import type * as Stt from "../../Stt.ts"
import type * as Tts from "../../Tts.ts"
import { answersOf, remember } from "../stt/transcripts.ts"
import { millis } from "./options.ts"

/** What stands in for a service: the service itself, asked in other ways. */
export const insteadOf = <Service extends { readonly name: string }>(
  service: Service,
  recoveries: ReadonlyArray<Recovery<Service>>,
  delay: (service: Service, ms: number) => Service
): readonly [Service, ...ReadonlyArray<Service>] => [
  service,
  ...recoveries.flatMap(({ after, change, name }) => {
    const changed = change(service)
    if (changed === undefined) return []
    const ms = millis(`recoveries.${name}.after`, after, 0)
    return [{ ...(ms === 0 ? changed : delay(changed, ms)), name: `${service.name}:${name}` }]
  })
]

const later = (ms: number) => <A, E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
  Stream.unwrap(Effect.as(Effect.sleep(ms), self))

export const delayStt = (service: Stt.Service, ms: number): Stt.Service => {
  const heard = answersOf(service)
  return remember(
    { ...service, transcribe: (audio) => later(ms)(service.transcribe(audio)) },
    (audio) => later(ms)(heard(audio))
  )
}

export const delayLlm = (service: Llm.Llm["Service"], ms: number): Llm.Llm["Service"] => ({
  ...service,
  reply: (request) => later(ms)(service.reply(request))
})

export const delayTts = (service: Tts.Tts["Service"], ms: number): Tts.Tts["Service"] => ({
  ...service,
  speak: (text, options) => later(ms)(service.speak(text, options))
})

export const defaults: Recoveries = {
  stt: [{ name: "en", after: "1 second", change: (stt) => stt.withLanguage?.("en") ?? stt }],
  llm: [{
    name: "gpt-4o-mini",
    change: (llm) => ({
      ...llm,
      model: "gpt-4o-mini",
      reply: (request) =>
        llm.reply({ ...request, settings: { model: "gpt-4o-mini", maxTokens: 100, temperature: 0.5 } })
    })
  }],
  tts: [{
    name: "Antoni",
    change: (tts) => ({ ...tts, speak: (text, options) => tts.speak(text, { ...options, voice: "Antoni" }) })
  }]
}
