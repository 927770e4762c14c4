/** Words with ready audio: the caller hears them when nothing else can be said, or a reply has failed. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import type * as Tts from "../../Tts.ts"
import type { Phrase } from "../phrases.ts"

export interface Prepared {
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

/** Whose voice it is: its audio is the same in every session. */
interface Voice {
  readonly provider: object
  readonly tts: Tts.Tts["Service"]
  readonly voice: string | undefined
}

export const prepared = (
  options:
    | { readonly text?: string | undefined; readonly clip?: Audio.Frame | ReadonlyArray<Audio.Frame> | undefined }
    | false
    | undefined,
  /** What is said where nothing else is asked for. */
  standard: Phrase,
  { provider, tts, voice }: Voice
): Prepared | undefined => {
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
        Effect.logWarning("words for when something fails could not be synthesised beforehand").pipe(
          Effect.annotateLogs({ provider, reason: reason._tag })
        )
      )
    )
  }
}
