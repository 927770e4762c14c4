/** The words for when a program gives none, with their audio. */
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import type * as Audio from "../Audio.ts"
import * as broken from "./phrases/apology.ts"
import * as failed from "./phrases/failedReply.ts"

export interface Phrase {
  readonly text: string
  readonly clip: () => Audio.Frame
}

const linear = (code: number): number => {
  const byte = ~code & 0xff
  const magnitude = (((byte & 0x0f) << 3) + 0x84 << ((byte & 0x70) >> 4)) - 0x84
  return (byte & 0x80) === 0 ? magnitude : -magnitude
}

/** Decoded when it is needed, once. */
const phrase = ({ encoded, text }: { readonly encoded: string; readonly text: string }): Phrase => {
  let decoded: Audio.Frame | undefined
  return {
    text,
    clip: () =>
      decoded ??= {
        sampleRate: 8000,
        channels: 1,
        samples: Int16Array.from(Result.getOrThrow(Base64.decode(encoded)), linear)
      }
  }
}

export const apology = phrase(broken)

export const failedReply = phrase(failed)
