/** What Deepgram's Flux answers, written from its published protocol: one text in whatever is said. */
import type * as provider from "./provider.ts"

export const turnInfo = (event: string, text: string, from: number, to: number, more: object = {}) => ({
  type: "TurnInfo",
  request_id: "r",
  sequence_id: 1,
  event,
  turn_index: 0,
  audio_window_start: from,
  audio_window_end: to,
  transcript: text,
  words: text.split(" ").filter((word) => word !== "").map((word, i, all) => ({
    word,
    confidence: 0.97,
    start: from + (to - from) * i / all.length,
    end: from + (to - from) * (i + 1) / all.length
  })),
  end_of_turn_confidence: event === "EndOfTurn" ? 0.8 : 0.1,
  ...more
})

/** A server as Deepgram describes itself; it ends no turn by itself. */
export const wellBehaved = (): NonNullable<Parameters<typeof provider.webSocket>[0]> => {
  const states = new WeakMap<provider.Peer, { from: number; to: number; told: number; open: boolean }>()
  return {
    onMessage: (message, peer) => {
      const state = states.get(peer) ?? { from: 0, to: 0, told: 0, open: false }
      states.set(peer, state)
      const say = (event: string, text: string) => peer.send(turnInfo(event, text, state.from, state.to))
      if (typeof message !== "string") {
        state.to += message.length / 2 / 16_000
        if (!state.open && state.to - state.from >= 0.5) {
          state.open = true
          state.told = state.to
          say("StartOfTurn", "Good")
        } else if (state.to - state.told >= 0.25) {
          state.told = state.to
          say("Update", state.open ? "Good" : "")
        }
        return
      }
      const { type }: { readonly type: string } = JSON.parse(message)
      if (type === "ForceEndTurn" && state.open) {
        say("EndOfTurn", "Good morning.")
        state.open = false
        state.from = state.to
      }
      if (type === "CloseStream") peer.socket.close(1000)
    }
  }
}
