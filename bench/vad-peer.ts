/**
 * The peer's plugin in a process of its own: told how many streams, it scores
 * the same windows in each, and answers with the CPU time that this took (µs).
 */
import { Result } from "effect"
import { Audio } from "effect-voice"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { pathToFileURL } from "node:url"

/** Windows of 32 ms that are scored in each stream. */
export const peerWindows = 50

// The plugin holds back the last windows that it could score.
const frameCount = Math.ceil((peerWindows + 2) * 512 / 320)

const inferenceDone = 1

/** What is used here of the peer's plugin. */
interface Peer {
  readonly VAD: {
    readonly load: () => Promise<{
      readonly stream: () => AsyncIterable<{ readonly type: number }> & {
        readonly pushFrame: (frame: unknown) => void
        readonly close: () => void
      }
    }>
  }
}

const serve = async (folder: string, send: (message: unknown) => void): Promise<void> => {
  const wav = readFileSync(new URL("../test/fixtures/silero-test.wav", import.meta.url))
  const { samples } = Result.getOrThrow(Audio.decodeWav(wav))
  const require = createRequire(pathToFileURL(join(folder, "package.json")))
  const load = async <A>(name: string): Promise<A> => await import(pathToFileURL(require.resolve(name)).href)
  const { AudioFrame } = await load<{
    readonly AudioFrame: new(samples: Int16Array, rate: number, channels: number, length: number) => unknown
  }>("@livekit/rtc-node")
  const { initializeLogger } = await load<{
    readonly initializeLogger: (options: { readonly pretty: boolean; readonly level: string }) => void
  }>("@livekit/agents")
  initializeLogger({ pretty: false, level: "silent" })
  const { VAD } = await load<Peer>("@livekit/agents-plugin-silero")
  const vad = await VAD.load()
  const frames = Array.from(
    { length: frameCount },
    (_, i) => new AudioFrame(samples.slice(i * 320, (i + 1) * 320), 16_000, 1, 320)
  )
  const talk = async () => {
    const stream = vad.stream()
    for (const frame of frames) stream.pushFrame(frame)
    let scored = 0
    for await (const { type } of stream) {
      if (type === inferenceDone) scored++
      if (scored === peerWindows) return stream.close()
    }
  }
  process.on("message", async (streams) => {
    const cpu = process.cpuUsage()
    await Promise.all(Array.from({ length: Number(streams) }, talk))
    const { system, user } = process.cpuUsage(cpu)
    send(system + user)
  })
  send("ready")
}

if (process.send !== undefined && process.argv[2] !== undefined) {
  await serve(process.argv[2], (message) => process.send?.(message))
}
