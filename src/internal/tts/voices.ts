/** A synthesiser whose voices are other services, by name. */
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import * as Check from "../options.ts"
import { breakersOf, keepBreakers } from "../resilience/breaker.ts"
import { prewarmOf } from "../resilience/prewarm.ts"
import { convert } from "./chunks.ts"
import { meteredSpeech } from "./metering.ts"
import * as Tts from "./model.ts"
import { refusing } from "./options.ts"

const named = Check.struct<{
  /** @default "voices" */
  readonly name?: string | undefined
}>()({ name: Check.text({ default: "voices" }) })

export const voices = (
  byName: Readonly<Record<string, Tts.Voice>>,
  options: { readonly name?: string | undefined } = {}
): Tts.Service => {
  const { name } = Check.readOrThrow(named, options, refusing("voices"))
  const names = Object.keys(byName)
  const all = new Map(
    names.flatMap((name) => {
      const voice = byName[name]
      return voice === undefined ? [] : [[name, "tts" in voice ? voice : { tts: voice, voice: undefined }] as const]
    })
  )
  const [first] = all.values()
  const format = { sampleRate: first?.tts.sampleRate ?? 24_000, channels: first?.tts.channels ?? 1 }
  const service: Tts.Service = {
    name,
    resilient: [...all.values()].every(({ tts }) => tts.resilient),
    prewarm: prewarmOf([...all.values()].map(({ tts }) => tts)),
    ...format,
    voices: names,
    speak: <E, R>(
      text: Stream.Stream<string, E, R>,
      options?: Tts.Options
    ): Stream.Stream<Tts.Chunk, E | Tts.TtsError, R> => {
      const chosen = options?.voice === undefined ? first : all.get(options.voice)
      if (chosen !== undefined) {
        return convert(format)(meteredSpeech(chosen.tts, text, { ...options, voice: chosen.voice }))
      }
      const detail = `there is no such voice; use one of: ${names.join(", ")}`
      return Stream.fail(new Tts.TtsError({ provider: name, reason: new Failure.InvalidRequest({ detail }) }))
    }
  }
  return keepBreakers(service, [...all.values()].flatMap(({ tts }) => breakersOf(tts)))
}
