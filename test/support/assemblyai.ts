/** What AssemblyAI's streaming interface answers, written from its published protocol and held to its own package. */
import type * as provider from "./provider.ts"

/** A message of a turn; its words share the time. */
export const turn = (text: string, from: number, to: number, more: object = {}) => ({
  type: "Turn",
  turn_order: 0,
  turn_is_formatted: true,
  end_of_turn: false,
  transcript: text,
  end_of_turn_confidence: 0,
  words: text.split(" ").filter((word) => word !== "").map((word, i, all) => ({
    text: word,
    start: Math.round(from + (to - from) * i / all.length),
    end: Math.round(from + (to - from) * (i + 1) / all.length),
    confidence: 0.9,
    word_is_final: false
  })),
  utterance: "",
  ...more
})

export const ended = (text: string, from: number, to: number, more: object = {}) =>
  turn(text, from, to, { end_of_turn: true, end_of_turn_confidence: 1, utterance: text, ...more })

export const begin = {
  type: "Begin",
  id: "b",
  expires_at: 1_790_221_526,
  configuration: { model: "universal-3-5-pro" }
}

export const failed = (error_code: number, error: string) => (peer: provider.Peer) => {
  peer.send({ type: "Error", error_code, error })
  peer.socket.close(error_code, "See Error message for details")
}

/** A server as AssemblyAI describes itself; it ends no turn by itself, and refuses audio of another length than it wants. */
export const wellBehaved = (): NonNullable<Parameters<typeof provider.webSocket>[0]> => {
  const states = new WeakMap<provider.Peer, { from: number; to: number; order: number; open: boolean }>()
  return {
    onOpen: (peer) => peer.send(begin),
    onMessage: (message, peer) => {
      const state = states.get(peer) ?? { from: 0, to: 0, order: 0, open: false }
      states.set(peer, state)
      const end = () => {
        if (state.open) peer.send(ended("Good morning.", state.from, state.to, { turn_order: state.order++ }))
        state.open = false
        state.from = state.to
      }
      if (typeof message !== "string") {
        const rate = Number(peer.url.searchParams.get("sample_rate") ?? "16000")
        const ms = message.length / 2 / rate * 1000
        if (ms < 50 || ms > 1000) {
          return failed(
            3007,
            `Input Duration Error: Input Duration Violation: ${ms} ms. Expected between 50 and 1000 ms`
          )(
            peer
          )
        }
        state.to += ms
        if (state.to - state.from < 500) return
        if (!state.open) peer.send({ type: "SpeechStarted", timestamp: state.from, confidence: 0.9 })
        state.open = true
        return peer.send(turn("Good", state.from, state.to, { turn_order: state.order }))
      }
      const { type }: { readonly type: string } = JSON.parse(message)
      if (type === "ForceEndpoint") end()
      if (type === "Terminate") {
        end()
        peer.send({ type: "Termination", audio_duration_seconds: 1, session_duration_seconds: 1 })
        peer.socket.close(1000, "Session Ended")
      }
    }
  }
}
