/** What the caller hears when nothing else can be said. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import type { Options } from "../../Pipeline.ts"
import type * as Tts from "../../Tts.ts"
import * as standard from "../apology.ts"

export interface Apology {
  readonly text: string
  /** Its audio, where that is at hand; else the synthesiser is asked. */
  readonly frames: () => ReadonlyArray<Audio.Frame> | undefined
  /** Has its audio made before it is needed. */
  readonly prepare: Effect.Effect<void>
}

/** Audio that was made once is made for the whole process. */
const made = new WeakMap<object, Map<string, ReadonlyArray<Audio.Frame>>>()

const render = (
  provider: object,
  tts: Tts.Tts["Service"],
  text: string,
  voice: string | undefined
): Effect.Effect<ReadonlyArray<Audio.Frame>, Tts.TtsError> =>
  Effect.suspend(() => {
    const key = JSON.stringify([text, voice ?? null])
    const known = made.get(provider) ?? new Map<string, ReadonlyArray<Audio.Frame>>()
    made.set(provider, known)
    const frames = known.get(key)
    if (frames !== undefined) return Effect.succeed(frames)
    return Effect.map(Stream.runCollect(tts.speak(Stream.make(text), { voice })), (chunks) => {
      const rendered = chunks.map(({ frame }) => frame).filter(({ samples }) => samples.length > 0)
      known.set(key, rendered)
      return rendered
    })
  })

export const makeApology = (
  options: Options["apology"],
  /** Whose voice it is: its audio is the same in every session. */
  provider: object,
  tts: Tts.Tts["Service"],
  voice: string | undefined
): Apology | undefined => {
  if (options === false) return undefined
  const text = options?.text ?? standard.text
  if (options?.clip !== undefined) {
    const { clip } = options
    return { text, frames: () => "samples" in clip ? [clip] : clip, prepare: Effect.void }
  }
  if (text === standard.text) return { text, frames: () => [standard.clip()], prepare: Effect.void }
  let frames: ReadonlyArray<Audio.Frame> | undefined
  return {
    text,
    frames: () => frames,
    prepare: render(provider, tts, text, voice).pipe(
      Effect.map((rendered) => {
        if (rendered.length > 0) frames = rendered
      }),
      Effect.catch(({ provider, reason }) =>
        Effect.logWarning("the apology could not be made beforehand").pipe(
          Effect.annotateLogs({ provider, reason: reason._tag })
        )
      )
    )
  }
}
