/** What Cartesia's voices answer over the WebSocket, written from the published protocol and held to its own package. */
import type * as provider from "./provider.ts"

/** Milliseconds that each character takes. */
export const charMs = 40

export const audioOf = (text: string) => Buffer.alloc(24 * charMs * text.length * 2, 1)

/** A message to the server. */
export interface Asked {
  readonly context_id: string
  readonly transcript?: string
  readonly continue?: boolean
  readonly cancel?: boolean
}

export const asked = (message: string | Buffer): Asked => JSON.parse(String(message))

export const chunk = (context_id: string, audio: Buffer) => ({
  type: "chunk",
  context_id,
  status_code: 206,
  done: false,
  data: audio.toString("base64"),
  step_time: 12
})

/** The words of a text that begins at a time of the context (ms), without the signs around them where they are `bare`. */
export const timestamps = (context_id: string, text: string, fromMs: number, bare = false) => {
  const words = [...text.matchAll(/\S+/g)]
  return {
    type: "timestamps",
    context_id,
    status_code: 206,
    done: false,
    word_timestamps: {
      words: words.map(([word]) => bare ? word.replaceAll(/[^\p{L}\p{N}]/gu, "") : word),
      start: words.map(({ index }) => (fromMs + index * charMs) / 1000),
      end: words.map(({ 0: word, index }) => (fromMs + (index + word.length) * charMs) / 1000)
    }
  }
}

export const done = (context_id: string) => ({ type: "done", context_id, status_code: 206, done: true })

export const failed = (status_code: number, error_code: string | null, words: string) => (context_id?: string) => ({
  type: "error",
  ...(context_id === undefined ? undefined : { context_id }),
  done: true,
  status_code,
  error_code,
  title: words,
  message: words,
  request_id: "r"
})

/** A server as Cartesia describes itself: each text is spoken at once, in two messages that cut words and samples. */
export const wellBehaved = (bare = false): NonNullable<Parameters<typeof provider.webSocket>[0]> => {
  const contexts = new WeakMap<provider.Peer, Map<string, number>>()
  return {
    onMessage: (message, peer) => {
      const { cancel, context_id, continue: more, transcript = "" } = asked(message)
      const all = contexts.get(peer) ?? new Map<string, number>()
      contexts.set(peer, all)
      if (cancel === true) return void all.delete(context_id)
      const from = all.get(context_id) ?? 0
      all.set(context_id, from + transcript.length * charMs)
      if (transcript !== "") {
        const audio = audioOf(transcript)
        const cut = Math.floor(transcript.length / 2) * charMs * 48 + 1
        peer.send(chunk(context_id, audio.subarray(0, cut)))
        peer.send(timestamps(context_id, transcript, from, bare))
        peer.send(chunk(context_id, audio.subarray(cut)))
        peer.send({ type: "flush_done", context_id, status_code: 206, done: false, flush_done: true, flush_id: 1 })
      }
      if (more !== true) {
        all.delete(context_id)
        peer.send(done(context_id))
      }
    }
  }
}
