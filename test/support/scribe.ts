/** What ElevenLabs' realtime recogniser answers, written from its published protocol and held to its own package. */
import type * as provider from "./provider.ts"

const committed = (text: string, from: number, to: number) => [
  { message_type: "committed_transcript", text },
  {
    message_type: "committed_transcript_with_timestamps",
    text: ` ${text}`,
    language_code: "en",
    words: text.split(" ").flatMap((word, i, all) => [
      ...(i === 0 ? [] : [{ text: " ", start: from, end: from, type: "spacing", logprob: 0 }]),
      {
        text: word,
        start: from + (to - from) * i / all.length,
        end: from + (to - from) * (i + 1) / all.length,
        type: "word",
        logprob: Math.log(0.9),
        speaker_id: null
      }
    ])
  }
]

export interface Chunk {
  readonly audio_base_64: string
  readonly commit: boolean
}

/** A server as ElevenLabs describes itself; `relative` ones count the times of words from the last commit. */
export const wellBehaved = (relative = false): NonNullable<Parameters<typeof provider.webSocket>[0]> => {
  const states = new WeakMap<provider.Peer, { from: number; to: number }>()
  return {
    onOpen: (peer) => peer.send({ message_type: "session_started", session_id: "s", config: { sample_rate: 16_000 } }),
    onMessage: (message, peer) => {
      const { audio_base_64, commit }: Chunk = JSON.parse(String(message))
      const state = states.get(peer) ?? { from: 0, to: 0 }
      states.set(peer, state)
      state.to += Buffer.from(audio_base_64, "base64").length / 2 / 16_000
      if (!commit) return peer.send({ message_type: "partial_transcript", text: "Good" })
      if (state.to - state.from < 0.3) {
        peer.send({ message_type: "commit_throttled", error: "Commit request throttled" })
      } else {
        const offset = relative ? state.from : 0
        for (const answer of committed("Good morning.", state.from - offset, state.to - offset)) peer.send(answer)
      }
      state.from = state.to
    }
  }
}
