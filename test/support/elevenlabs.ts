/** What ElevenLabs' voices answer, written from the published protocol and held to its own package. */
import type * as provider from "./provider.ts"

/** Milliseconds that each character takes. */
export const charMs = 40

export const alignmentOf = (text: string, from = 0) => ({
  chars: [...text],
  charStartTimesMs: Array.from(text, (_, i) => from + i * charMs),
  charDurationsMs: Array.from(text, () => charMs)
})

export const audioOf = (text: string) => Buffer.alloc(24 * charMs * text.length * 2, 1)

/** A server as ElevenLabs describes itself: each text is spoken at once, in two messages that cut words and samples. */
export const wellBehaved = (): NonNullable<Parameters<typeof provider.webSocket>[0]> => ({
  onMessage: (message, peer) => {
    const { text }: { readonly text: string } = JSON.parse(String(message))
    if (text === "") {
      peer.send({ audio: null, isFinal: true, alignment: null, normalizedAlignment: null })
      peer.socket.close(1000)
    } else if (text.trim() !== "") {
      const middle = Math.floor(text.length / 2)
      const audio = audioOf(text)
      const cut = audioOf(text.slice(0, middle)).length + 1
      peer.send({
        audio: audio.subarray(0, cut).toString("base64"),
        isFinal: null,
        alignment: alignmentOf(text.slice(0, middle))
      })
      peer.send({
        audio: audio.subarray(cut).toString("base64"),
        isFinal: null,
        alignment: alignmentOf(text.slice(middle), middle * charMs)
      })
    }
  }
})

export const speech = (bytes: number): provider.Handler => (request, response) => {
  if (request.url.pathname === "/v1/voices") {
    const voices = [{ voice_id: "id-of-bella", name: "Bella - soft and warm" }, { voice_id: "id-of-ann", name: "Ann" }]
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ voices }))
  } else response.writeHead(200, { "content-type": "audio/pcm" }).end(Buffer.alloc(bytes, 1))
}
