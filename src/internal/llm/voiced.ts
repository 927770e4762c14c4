/** What a model speaks itself: refused where it cannot be played. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import { noAudio } from "../audio/usable.ts"
import type * as Llm from "./model.ts"
import { wordsOf } from "./words.ts"

/** How a reply has begun. */
interface Voice {
  readonly by: "Text" | "Speech" | undefined
  readonly format: Audio.Format | undefined
}

const wrong = ({ by, format }: Voice, delta: Llm.Delta): string | undefined => {
  if (by === "Speech" && delta._tag === "Text" && delta.text !== "") return "gave text in a reply that it speaks itself"
  if (delta._tag !== "Speech") return undefined
  if (by === "Text") return "spoke in a reply that it gives as text"
  if (delta.frame === undefined) return undefined
  const problem = noAudio(delta.frame)
  if (problem !== undefined) return `gave ${problem} as audio`
  const { channels, sampleRate } = delta.frame
  return format !== undefined && (format.sampleRate !== sampleRate || format.channels !== channels)
    ? "gave audio of two formats in one reply"
    : undefined
}

const after = (voice: Voice, delta: Llm.Delta): Voice => {
  if (delta._tag === "Speech") return { by: "Speech", format: voice.format ?? delta.frame }
  return voice.by === undefined && wordsOf(delta) !== "" ? { ...voice, by: "Text" } : voice
}

/** Passes on what can be played, or read to the user. A piece with neither words nor audio is left out. */
export const voiced =
  (fail: (reason: Failure.Reason) => Llm.LlmError) =>
  <E>(reply: Stream.Stream<Llm.Delta, E>): Stream.Stream<Llm.Delta, E | Llm.LlmError> =>
    Stream.mapAccumEffect(reply, (): Voice => ({ by: undefined, format: undefined }), (voice: Voice, delta) => {
      const detail = wrong(voice, delta)
      if (detail !== undefined) return Effect.fail(fail(new Failure.InvalidResponse({ detail })))
      const empty = delta._tag === "Speech" && wordsOf(delta) === "" && (delta.frame?.samples.length ?? 0) === 0 &&
        delta.metadata === undefined
      return Effect.succeed([after(voice, delta), empty ? [] : [delta]] as const)
    })
