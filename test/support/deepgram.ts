/** What Deepgram's streaming interface answers, written from its published protocol and held to its own package. */
import type * as provider from "./provider.ts"

export const results = (text: string, from: number, to: number, final: boolean, more: object = {}) => ({
  type: "Results",
  channel_index: [0, 1],
  start: from,
  duration: to - from,
  is_final: final,
  speech_final: false,
  channel: {
    alternatives: [{
      transcript: text,
      confidence: 0.97,
      words: text.split(" ").filter((word) => word !== "").map((word, i, all) => ({
        word: word.toLowerCase().replace(/\W/g, ""),
        punctuated_word: word,
        start: from + (to - from) * i / all.length,
        end: from + (to - from) * (i + 1) / all.length,
        confidence: 0.97
      }))
    }]
  },
  metadata: { request_id: "r", model_info: { name: "general-nova-3", version: "v", arch: "nova-3" }, model_uuid: "u" },
  ...more
})

/** A server as Deepgram describes itself: it hears one text in whatever is said. */
export const wellBehaved = (): NonNullable<Parameters<typeof provider.webSocket>[0]> => {
  const states = new WeakMap<provider.Peer, { from: number; to: number }>()
  return {
    onMessage: (message, peer) => {
      const state = states.get(peer) ?? { from: 0, to: 0 }
      states.set(peer, state)
      if (typeof message !== "string") {
        state.to += message.length / 2 / 16_000
        if (state.to - state.from >= 0.5) peer.send(results("Good", state.from, state.to, false))
        return
      }
      const { type }: { readonly type: string } = JSON.parse(message)
      const text = state.to > state.from ? "Good morning." : ""
      if (type === "Finalize") peer.send(results(text, state.from, state.to, true, { from_finalize: true }))
      if (type === "CloseStream") {
        if (text !== "") peer.send(results(text, state.from, state.to, true))
        peer.send({ type: "Metadata", request_id: "r", duration: state.to, channels: 1 })
        peer.socket.close(1000)
      }
      state.from = state.to
    }
  }
}
