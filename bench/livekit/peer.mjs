/**
 * The peer of the benchmark: `@livekit/agents` with its Silero plugin, from the
 * folder that `PEER_DIR` names, with providers that take as little time as ours.
 * It is its own agent module: its processes import this file again.
 */
import { createRequire } from "node:module"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath, pathToFileURL } from "node:url"
import { reply } from "./reply.ts"

const { LIVEKIT_API_KEY: key, LIVEKIT_API_SECRET: secret, LIVEKIT_URL: url, PEER_DIR = "" } = process.env
const require = createRequire(pathToFileURL(join(PEER_DIR, "package.json")))
const load = (name) => import(pathToFileURL(require.resolve(name)).href)
const agents = await load("@livekit/agents")
const { AudioFrame } = await load("@livekit/rtc-node")
const { initializeLogger, llm, stt, tts, voice } = agents

class Ears extends stt.STT {
  label = "instant"
  constructor() {
    super({ streaming: false, interimResults: false })
  }
  async _recognize() {
    const heard = { language: "en", text: "Hello.", startTime: 0, endTime: 0, confidence: 1 }
    return { type: stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives: [heard] }
  }
  stream() {
    throw new Error("not a streaming recogniser")
  }
}

class Thought extends llm.LLMStream {
  label = "instant"
  async run() {
    this.queue.put({ id: "1", delta: { role: "assistant", content: "Yes." } })
  }
}

class Mind extends llm.LLM {
  label() {
    return "instant"
  }
  chat({ chatCtx, connOptions = agents.DEFAULT_API_CONNECT_OPTIONS, toolCtx }) {
    return new Thought(this, { chatCtx, toolCtx, connOptions })
  }
}

const frame = reply.sampleRate / 50

class Utterance extends tts.ChunkedStream {
  label = "instant"
  async run() {
    for (let at = 0; at < reply.samples.length; at += frame) {
      const samples = reply.samples.slice(at, at + frame)
      this.queue.put({
        requestId: "1",
        segmentId: "1",
        frame: new AudioFrame(samples, reply.sampleRate, 1, samples.length),
        final: at + frame >= reply.samples.length
      })
    }
    this.queue.close()
  }
}

class Mouth extends tts.TTS {
  label = "instant"
  constructor() {
    super(reply.sampleRate, 1, { streaming: false })
  }
  synthesize(text, connOptions, signal) {
    return new Utterance(text, this, connOptions, signal)
  }
  stream() {
    throw new Error("not a streaming synthesiser")
  }
}

export default agents.defineAgent({
  prewarm: async (proc) => {
    const { VAD } = await load("@livekit/agents-plugin-silero")
    proc.userData.vad = await VAD.load({ minSilenceDuration: 500 })
  },
  entry: async (context) => {
    await context.connect()
    const session = new voice.AgentSession({
      vad: context.proc.userData.vad,
      stt: new Ears(),
      llm: new Mind(),
      tts: new Mouth(),
      turnHandling: {
        turnDetection: "vad",
        endpointing: { minDelay: 0 },
        preemptiveGeneration: { enabled: false },
        interruption: { mode: "vad", minDuration: 500 }
      }
    })
    await session.start({ agent: new voice.Agent({ instructions: "Say yes." }), room: context.room })
  }
})

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  initializeLogger({ pretty: false, level: "error" })
  const server = new agents.AgentServer(
    new agents.ServerOptions({
      agent: fileURLToPath(import.meta.url),
      agentName: "bench",
      loadFunc: async () => 0,
      wsURL: url,
      apiKey: key,
      apiSecret: secret,
      // It takes 8081 where it is told 0.
      port: 20_000 + process.pid % 10_000,
      production: true,
      logLevel: "error"
    })
  )
  server.event.on("worker_registered", () => process.send({ phase: "ready" }))
  await server.run()
}
