/**
 * Callers of the benchmark: rtc-node itself, many rooms in one process. They
 * ask, listen, and measure what they hear; every third time they talk into the
 * answer. Told by its parent what to do, it tells what came of it.
 */
import {
  AudioFrame,
  AudioSource,
  AudioStream,
  LocalAudioTrack,
  RemoteAudioTrack,
  Room,
  TrackPublishOptions,
  TrackSource
} from "@livekit/rtc-node"
import { Effect } from "effect"
import { Audio } from "effect-voice"
import { AccessToken, AgentDispatchClient } from "livekit-server-sdk"
import { readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"

export interface Job {
  readonly url: string
  readonly key: string
  readonly secret: string
  readonly rooms: ReadonlyArray<string>
  readonly turns: number
  /** Whom to dispatch; nobody where the agent is there already. */
  readonly agentName: string | undefined
  readonly interrupts: boolean
}

export interface Result {
  readonly joinMs: ReadonlyArray<number>
  readonly replyMs: ReadonlyArray<number>
  readonly silenceMs: ReadonlyArray<number>
  readonly missed: number
}

const rate = 16_000
const frame = rate / 100
const loud = 0.01
const patience = 10_000

const rms = (samples: Int16Array): number =>
  Math.sqrt(samples.reduce((sum, sample) => sum + (sample / 32_768) ** 2, 0) / samples.length)

/** The question, in pieces of 10 ms. */
const question = (() => {
  const bytes = readFileSync(new URL("../../test/fixtures/weather_question.wav", import.meta.url))
  const wav = Effect.runSync(Effect.fromResult(Audio.decodeWav(bytes)))
  const converter = Audio.converter({ to: Audio.speech })
  const { samples } = Audio.concat([...converter.push([wav]), ...converter.flush()])
  return Array.from({ length: Math.floor(samples.length / frame) }, (_, i) => samples.slice(i * frame, (i + 1) * frame))
})()
const firstLoud = question.findIndex((piece) => rms(piece) > loud)
const lastLoud = question.findLastIndex((piece) => rms(piece) > loud)
const silence = new Int16Array(frame)

const enter = async (job: Job, name: string) => {
  const { key, secret, url } = job
  const token = new AccessToken(key, secret, { identity: `caller-${name}` })
  token.addGrant({ roomJoin: true, room: name })
  const room = new Room()
  let lastHeard = 0
  let onLoud: (() => void) | undefined
  room.on("trackSubscribed", (track) => {
    if (!(track instanceof RemoteAudioTrack)) return
    void (async () => {
      for await (const { data } of new AudioStream(track, { sampleRate: rate, frameSizeMs: 10 })) {
        if (rms(data) <= loud) continue
        lastHeard = performance.now()
        onLoud?.()
      }
    })()
  })
  await room.connect(url, await token.toJwt(), { autoSubscribe: true, dynacast: false })
  const source = new AudioSource(rate, 1, 200)
  const track = LocalAudioTrack.createAudioTrack("microphone", source)
  await room.localParticipant!.publishTrack(track, new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }))

  // The microphone never stops: silence between the questions. One piece each 10 ms, by the clock; what this process
  // could not give in time is made up for, but a queue that grew by it is let run out before the next question: else
  // each delay would stay, and count as the agent's.
  let queue: Array<{ readonly samples: Int16Array; readonly onSent?: (at: number) => void }> = []
  const over = new AbortController()
  const microphone = (async () => {
    let due = performance.now()
    while (!over.signal.aborted) {
      const next = queue.shift()
      if (next !== undefined || source.queuedDuration < 20) {
        const at = performance.now() + source.queuedDuration
        await source.captureFrame(new AudioFrame(Int16Array.from(next?.samples ?? silence), rate, 1, frame))
        next?.onSent?.(at)
      }
      due += 10
      const wait = due - performance.now()
      if (wait > 0) await sleep(wait)
    }
  })()
  /** When the first and when the last loud piece left the microphone. */
  const ask = async () => {
    const times = { first: 0, last: 0 }
    const asked = Promise.withResolvers<void>()
    queue = question.map((samples, i) => ({
      samples,
      onSent: (at: number) => {
        if (i === firstLoud) times.first = at
        if (i !== lastLoud) return
        times.last = at
        asked.resolve()
      }
    }))
    await asked.promise
    return times
  }
  /** The agent's first loud piece from now on. */
  const reply = (): Promise<number | undefined> => {
    const heard = Promise.withResolvers<number>()
    onLoud = () => {
      onLoud = undefined
      heard.resolve(performance.now())
    }
    return Promise.race([heard.promise, sleep(patience, undefined, { ref: false })])
  }
  /** When the agent was last heard, once it has been silent for a while. */
  const quiet = async () => {
    while (performance.now() - lastHeard < 700) await sleep(10)
    return lastHeard
  }
  const join = async () => {
    if (job.agentName === undefined) return undefined
    const begin = performance.now()
    const joined = Promise.withResolvers<number>()
    room.on("participantConnected", () => joined.resolve(performance.now() - begin))
    await new AgentDispatchClient(url.replace("ws", "http"), key, secret).createDispatch(name, job.agentName)
    return joined.promise
  }
  const leave = async () => {
    over.abort()
    await microphone
    source.clearQueue()
    await room.disconnect()
    await track.close()
  }
  return { ask, reply, quiet, join, leave }
}

type Caller = Awaited<ReturnType<typeof enter>>

const talk = async (caller: Caller, job: Job, index: number) => {
  const replyMs: Array<number> = []
  const silenceMs: Array<number> = []
  let missed = 0
  await sleep(index * 137 % 1000)
  for (let turn = 0; turn < job.turns; turn++) {
    const { last } = await caller.ask()
    const at = await caller.reply()
    if (at === undefined) {
      missed++
      continue
    }
    replyMs.push(at - last)
    if (job.interrupts && turn % 3 === 1) {
      await sleep(400)
      const { first, last } = await caller.ask()
      const silent = await Promise.race([caller.quiet(), sleep(patience)])
      if (typeof silent === "number" && silent < last) silenceMs.push(silent - first)
      if (await caller.reply() === undefined) missed++
    }
    await caller.quiet()
  }
  return { replyMs, silenceMs, missed }
}

process.once("message", (job: Job) => {
  void (async () => {
    const callers: Array<Caller> = []
    for (const room of job.rooms) callers.push(await enter(job, room))
    const joinMs: Array<number> = []
    for (const caller of callers) {
      const ms = await caller.join()
      if (ms !== undefined) joinMs.push(ms)
    }
    process.send!({ phase: "joined" })
    await sleep(2500)
    process.send!({ phase: "begin" })
    const all = await Promise.all(callers.map((caller, i) => talk(caller, job, i)))
    const result: Result = {
      joinMs,
      replyMs: all.flatMap(({ replyMs }) => replyMs),
      silenceMs: all.flatMap(({ silenceMs }) => silenceMs),
      missed: all.reduce((sum, { missed }) => sum + missed, 0)
    }
    process.send!({ phase: "end", result })
    await Promise.all(callers.map((caller) => caller.leave()))
    process.exit(0)
  })()
})
process.send!({ phase: "ready" })
