/** A stand-in that answers as a capture of `effect-voice doctor` says a provider did. */
import { Effect, type Scope } from "effect"
import type { Capture, Exchange } from "../../src/cli/doctor/capture.ts"
import * as provider from "./provider.ts"

const pieceOf = ({ bytes, text }: Exchange["steps"][number]): string | Buffer | undefined =>
  text ?? (bytes === undefined ? undefined : Buffer.alloc(bytes))

const theirs = ({ steps }: Exchange) => steps.filter(({ from }) => from === "them")

const answered = (exchange: Exchange): provider.Handler => (_, response) => {
  for (const step of theirs(exchange)) {
    const piece = pieceOf(step)
    if (step.status !== undefined) response.writeHead(step.status, { "content-type": step.type ?? "text/plain" })
    if (piece !== undefined) response.write(piece)
    if (step.lost !== undefined) response.socket?.destroy()
    if (step.end !== undefined) response.end()
  }
}

/** Answers each request as the next exchange by that path did, and begins anew behind the last. */
const http = (exchanges: ReadonlyArray<Exchange>) => {
  const counts = new Map<string, number>()
  return provider.http((request, response) => {
    const alike = exchanges.filter(({ method, path }) =>
      method === request.method && path.split("?")[0] === request.url.pathname
    )
    const count = counts.get(request.url.pathname) ?? 0
    counts.set(request.url.pathname, count + 1)
    const exchange = alike[count % Math.max(1, alike.length)]
    if (exchange === undefined) response.writeHead(404).end()
    else answered(exchange)(request, response)
  })
}

/** A message comes when as many texts have been sent as before it in the capture. */
const socket = (exchanges: ReadonlyArray<Exchange>) => {
  const next = new Map<provider.Peer, { readonly steps: Exchange["steps"]; at: number }>()
  const go = (peer: provider.Peer) => {
    const play = next.get(peer)
    if (play === undefined) return
    while (play.at < play.steps.length) {
      const step = play.steps[play.at]
      if (step?.from !== "them") {
        if (step?.bytes === undefined) return
        play.at++
        continue
      }
      play.at++
      const piece = pieceOf(step)
      if (piece !== undefined) peer.send(piece)
      if (typeof step.end === "number") peer.socket.close(step.end === 1005 ? 1000 : step.end, step.reason)
    }
  }
  return provider.webSocket({
    onOpen: (peer, index) => {
      next.set(peer, { steps: exchanges[index % exchanges.length]?.steps ?? [], at: 0 })
      go(peer)
    },
    onMessage: (message, peer) => {
      const play = next.get(peer)
      if (typeof message !== "string" || play === undefined) return
      play.at++
      go(peer)
    }
  })
}

/** Starts it on loopback, and gives its address. */
export const replay = (capture: Capture): Effect.Effect<string, never, Scope.Scope> => {
  const by = (transport: Exchange["transport"]) =>
    capture.exchanges.filter((exchange) => exchange.transport === transport)
  const sockets = by("socket")
  const url = ({ url }: { readonly url: string }) => url
  return sockets.length > 0 ? Effect.map(socket(sockets), url) : Effect.map(http(by("http")), url)
}
