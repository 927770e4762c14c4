/**
 * Writes a conversation to a WAV file while it happens, so that memory does not
 * grow with its length: about ten seconds wait to be mixed, the rest is on disk.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import * as Audio from "../../Audio.ts"
import { RoomError } from "../../Room.ts"

// What was heard is reported late, never this late (ms).
const lateness = 2000
const flushEvery = 5000

// A source that is this far (ms) from where its audio should go on begins anew there.
const jitter = 1

interface Source {
  readonly converter: Audio.Converter
  next: number
}

export interface WavMixer {
  /** Mixes a frame into a channel at `at` milliseconds. A source is in order, sources are independent. */
  readonly add: (channel: number, source: unknown, at: number, frame: Audio.Frame) => void
  /** Writes what is certain at `now`, when enough has come together. */
  readonly advance: (now: number, collect: () => void) => void
  /** Writes everything up to `now` and closes the file. */
  readonly finish: (now: number) => void
}

const failure = (path: string, cause: unknown): RoomError =>
  new RoomError({
    reason: "FileUnwritable",
    detail: `record: ${path} cannot be written (${(cause as NodeJS.ErrnoException).code ?? "unknown"})`
  })

export const makeWavMixer = (options: {
  readonly path: string
  readonly format: Audio.Format
}): Effect.Effect<WavMixer & { readonly error: () => RoomError | undefined }, RoomError, Scope.Scope> =>
  Effect.gen(function*() {
    const { format, path } = options
    const { channels, sampleRate } = format
    const perMs = sampleRate / 1000
    const header = Audio.encodeWav({ ...format, samples: new Int16Array(0) })

    let broken: RoomError | undefined
    const guarded = (act: () => void): void => {
      if (broken !== undefined) return
      try {
        act()
      } catch (cause) {
        broken = failure(path, cause)
      }
    }

    const file = yield* Effect.acquireRelease(
      Effect.try({ try: () => fs.openSync(path, "w"), catch: (cause) => failure(path, cause) }),
      (file) => Effect.sync(() => guarded(() => fs.closeSync(file)))
    )
    guarded(() => fs.writeSync(file, header))
    if (broken !== undefined) return yield* broken

    const sources = new Map<unknown, Source & { readonly channel: number }>()
    const mono = { sampleRate, channels: 1 }
    // One sum a channel: sample `i` of a window is sample `written + i` of the file.
    let windows = Array.from({ length: channels }, () => new Int32Array(0))
    let written = 0
    let bytes = 0
    let flushed = 0

    const place = (channel: number, at: number, samples: Int16Array): void => {
      const from = Math.round(at * perMs) - written
      const needed = from + samples.length
      let window = windows[channel]!
      if (needed > window.length) {
        const grown = new Int32Array(Math.max(needed, Math.round(window.length * 1.5)))
        grown.set(window)
        window = windows[channel] = grown
      }
      for (let i = Math.max(0, -from); i < samples.length; i++) window[from + i]! += samples[i]!
    }

    const write = (until: number): void => {
      const count = Math.round(until * perMs) - written
      if (count <= 0) return
      const samples = new Int16Array(count * channels)
      for (let channel = 0; channel < channels; channel++) {
        const window = windows[channel]!
        const filled = Math.min(count, window.length)
        for (let i = 0; i < filled; i++) {
          const sum = window[i]!
          samples[i * channels + channel] = sum > 32_767 ? 32_767 : sum < -32_768 ? -32_768 : sum
        }
      }
      windows = windows.map((window) => window.slice(Math.min(count, window.length)))
      written += count
      guarded(() => {
        bytes += fs.writeSync(file, new Uint8Array(samples.buffer))
      })
    }

    const put = (channel: number, frames: ReadonlyArray<Audio.Frame>): void => {
      for (const { at = 0, samples } of frames) place(channel, at, samples)
    }

    return {
      add: (channel, key, at, frame) => {
        if (broken !== undefined) return
        let source = sources.get(key)
        if (source !== undefined && Math.abs(at - source.next) > jitter) {
          put(channel, source.converter.flush())
          source = undefined
        }
        if (source === undefined) {
          source = { channel, converter: Audio.converter({ from: frame, to: mono }), next: at }
          sources.set(key, source)
        }
        source.next += Audio.durationMs(frame)
        put(channel, source.converter.push([{ ...frame, at }]))
      },
      advance: (now, collect) => {
        if (now - flushed < flushEvery) return
        flushed = now
        collect()
        write(now - lateness)
      },
      finish: (now) => {
        for (const { channel, converter } of sources.values()) put(channel, converter.flush())
        sources.clear()
        write(now)
        const view = new DataView(header.buffer)
        view.setUint32(4, header.length - 8 + bytes, true)
        view.setUint32(header.length - 4, bytes, true)
        guarded(() => fs.writeSync(file, header, 0, header.length, 0))
      },
      error: () => broken
    }
  })
