/** A caller as a browser is one, in memory and on the Clock, over a network that delays, stalls, cuts and forgets. */
import { Clock, Duration, Effect, FiberSet } from "effect"
import type { Audio } from "effect-voice"
import type { Wire } from "effect-voice/internal/webSocket/call"
import type { Reception } from "effect-voice/internal/webSocket/calls"
import type { Told } from "effect-voice/internal/webSocket/protocol"

const rate = 16_000
const step = 20

interface Chunk {
  readonly samples: Int16Array
  readonly position: number
}

export interface Network {
  /** One way (ms). */
  delay: number
  /** Nothing arrives before this time. */
  stalledUntil: number
  /** What is sent goes nowhere, and nobody is told. */
  halfOpen: boolean
}

export interface Options {
  readonly accept: (wire: Wire) => Reception
  readonly token?: string | undefined
  /** What another page of the same caller was given: a tab that was copied has it, too. */
  readonly resume?: string | undefined
  /** Comes back by itself so soon after its socket was closed (ms); `undefined`: never. */
  readonly returns?: number | undefined
  readonly network?: Partial<Network> | undefined
  /** What the microphone says in the step that begins at a time; `undefined` for silence. */
  readonly microphone?: ((at: number) => Int16Array | undefined) | undefined
}

/** Comes with its scope, and goes with it. */
export const browserCaller = (options: Options) =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
    const fork = yield* FiberSet.makeRuntime<never, unknown, never>()
    const after = (ms: number, act: () => void) =>
      void fork(Effect.andThen(clock.sleep(Duration.millis(ms)), Effect.sync(act)))
    const network: Network = { delay: 0, stalledUntil: 0, halfOpen: false, ...options.network }
    const told: Array<Told> = []
    const heard: Array<{ readonly at: number; readonly frame: Audio.Frame }> = []
    const waiters = new Map<string, (told: Told) => void>()
    let line: { readonly id: number; readonly reception: Reception; since: number } | undefined
    let lines = 0
    let resume = options.resume
    let gone = false
    let muted = false
    let sampleRate = 24_000
    let queue: Array<Chunk> = []
    let offset = 0
    let asked = 0
    let over: string | undefined

    /** In order, and not before it can have come over. */
    const carry = () => {
      let last = 0
      return (act: () => void): void => {
        if (network.halfOpen) return
        const at = Math.max(last, now() + network.delay, network.stalledUntil)
        last = at
        const wait = at - now()
        if (wait <= 0) act()
        else after(wait, () => network.halfOpen ? undefined : act())
      }
    }

    const send = (message: unknown): void => up?.(typeof message === "string" ? message : JSON.stringify(message))
    let up: ((message: string | Uint8Array) => void) | undefined

    const closed = (id: number): void => {
      if (line?.id !== id) return
      line = undefined
      up = undefined
      queue = []
      offset = 0
      if (!gone && over === undefined && options.returns !== undefined) after(options.returns, connect)
    }

    const receive = (id: number, message: string | Uint8Array): void => {
      if (line?.id !== id) return
      if (typeof message !== "string") {
        const position = new DataView(message.buffer, message.byteOffset).getFloat64(0, true)
        const samples = new Int16Array(message.slice(8).buffer)
        queue.push({ samples, position })
        return
      }
      const read = JSON.parse(message) as Told & { readonly id?: string; readonly reason?: string }
      told.push(read)
      if (read.type === "joined") {
        resume = (read as { readonly resume: string }).resume
        sampleRate = (read as { readonly sampleRate: number }).sampleRate
      }
      if (read.type === "clear") {
        queue = []
        offset = 0
      }
      if (read.type === "ping") send({ type: "pong", id: read.id })
      if (read.type === "answer") waiters.get(read.id!)?.(read)
      if (read.type === "ended" || read.type === "refused") over = read.reason
    }

    const connect = (): void => {
      if (line !== undefined || gone) return
      network.halfOpen = false
      const id = ++lines
      const [toServer, toClient] = [carry(), carry()]
      let waiting = 0
      const wire: Wire = {
        send: (message) => {
          waiting += message.length
          toClient(() => {
            waiting -= message.length
            receive(id, message)
          })
        },
        unsent: () => waiting,
        close: () => {
          toClient(() => closed(id))
          after(0, () => reception.closed())
        }
      }
      const reception = options.accept(wire)
      line = { id, reception, since: now() }
      up = (message) => toServer(() => reception.receive(message))
      send({
        type: "join",
        sampleRate: rate,
        ...(options.token === undefined ? {} : { token: options.token }),
        ...(resume === undefined ? {} : { resume })
      })
      if (muted) send({ type: "muted", muted })
    }

    /** Whole steps, as a device plays them. */
    const play = (): void => {
      if (queue.length === 0) return
      const count = step * sampleRate / 1000
      const samples = new Int16Array(count)
      let at = 0
      let position = 0
      while (at < count && queue.length > 0) {
        const chunk = queue[0]!
        const part = chunk.samples.subarray(offset, offset + count - at)
        samples.set(part, at)
        at += part.length
        offset += part.length
        position = chunk.position - (chunk.samples.length - offset) / sampleRate * 1000
        if (offset < chunk.samples.length) break
        queue.shift()
        offset = 0
      }
      heard.push({ at: now(), frame: { sampleRate, channels: 1, samples } })
      after(step, () => send({ type: "played", position }))
    }

    const say = (samples: Int16Array, at: number): void => {
      if (muted || line === undefined) return
      const bytes = new Uint8Array(8 + samples.byteLength)
      new DataView(bytes.buffer).setFloat64(0, Math.max(0, at - line.since), true)
      bytes.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), 8)
      up?.(bytes)
    }

    fork(Effect.forever(Effect.suspend(() => {
      play()
      if (options.microphone !== undefined) {
        const at = now()
        say(options.microphone(at) ?? new Int16Array(step * rate / 1000), at)
      }
      return clock.sleep(Duration.millis(step))
    })))

    return {
      network,
      told,
      heard,
      connect: Effect.sync(connect),
      isConnected: () => line !== undefined,
      over: () => over,
      send: (message: unknown) => Effect.sync(() => send(message)),
      sendBytes: (bytes: Uint8Array) => Effect.sync(() => up?.(bytes)),
      /** Milliseconds of a loud voice, at once. */
      talk: (ms: number) =>
        Effect.sync(() => {
          const at = now()
          for (let k = 0; k < ms; k += step) say(new Int16Array(step * rate / 1000).fill(8000), at + k)
        }),
      mute: (on: boolean) =>
        Effect.sync(() => {
          muted = on
          send({ type: "muted", muted })
        }),
      call: (method: string, payload: string) =>
        Effect.callback<Told>((resume) => {
          const id = String(++asked)
          waiters.set(id, (answer) => resume(Effect.succeed(answer)))
          send({ type: "call", id, method, payload })
        }),
      /** The socket is torn: both sides are told. */
      cut: Effect.sync(() => {
        const was = line
        if (was === undefined) return
        closed(was.id)
        was.reception.closed()
      }),
      /** Nothing passes any more, and nobody is told. */
      forget: Effect.sync(() => {
        network.halfOpen = true
        const was = line
        // Its own side notices after a while.
        if (was !== undefined) after(12_000, () => closed(was.id))
      }),
      leave: Effect.sync(() => {
        send({ type: "leave" })
        gone = true
      })
    }
  })

export type BrowserCaller = Effect.Success<ReturnType<typeof browserCaller>>
