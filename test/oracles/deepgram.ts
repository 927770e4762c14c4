/** What both oracles of Deepgram need: its client against a stand-in, the audio, and the messages that came. */
import type * as provider from "../support/provider.ts"
import { tone } from "../support/transcribing.ts"
import * as clients from "./clients.ts"

export const pcm = Buffer.concat(tone.map(({ samples }) => Buffer.from(samples.buffer)))

export const messages = ({ received }: provider.Peer) =>
  received.map((message) => typeof message === "string" ? JSON.parse(message) : message)

export const connected = (url: string) =>
  new clients.deepgram!.DeepgramClient({
    apiKey: "the-key",
    environment: { base: url.replace("ws", "http"), production: url, agent: url }
  })
