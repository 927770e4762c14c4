import { Effect } from "effect"
import { Audio, Vad } from "effect-voice"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as ort from "onnxruntime-node"
import * as silero from "../../src/internal/vad/silero.ts"

export const convert = (frame: Audio.Frame, to: Audio.Format): Audio.Frame => {
  const converter = Audio.converter({ to })
  return Audio.concat([...converter.push([frame]), ...converter.flush()])
}

/** The whole windows of a recording at a rate of the model's. */
export const windowsOf = (frame: Audio.Frame, sampleRate: silero.SampleRate): Array<Float32Array> => {
  const { windowSize } = silero.formats[sampleRate]
  const samples = Audio.toFloat32(convert(frame, { sampleRate, channels: 1 }))
  return Array.from(
    { length: Math.floor(samples.length / windowSize) },
    (_, i) => samples.slice(i * windowSize, (i + 1) * windowSize)
  )
}

/** The same audio from another place on. */
export const rotated = (frame: Audio.Frame, by: number): Audio.Frame => ({
  ...frame,
  samples: Int16Array.from(frame.samples, (_, i) => frame.samples[(i + by) % frame.samples.length]!)
})

export const farthest = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number =>
  a.length === b.length ? Math.max(0, ...a.map((x, i) => Math.abs(x - b[i]!))) : Number.POSITIVE_INFINITY

/** The published graph, window by window with fresh tensors, as its authors show it. */
export const published = (sampleRate: silero.SampleRate) =>
  Effect.gen(function*() {
    const { contextSize, windowSize } = silero.formats[sampleRate]
    const session = yield* Effect.acquireRelease(
      Effect.promise(() => ort.InferenceSession.create(silero.bundled, { intraOpNumThreads: 1, interOpNumThreads: 1 })),
      (session) => Effect.promise(() => session.release())
    )
    const scorer = () => {
      let state = new ort.Tensor("float32", new Float32Array(256), [2, 1, 128])
      let context = new Float32Array(contextSize)
      const one = async (window: Float32Array): Promise<number> => {
        const input = Float32Array.from([...context, ...window])
        const { output, stateN } = await session.run({
          input: new ort.Tensor("float32", input, [1, input.length]),
          state,
          sr: new ort.Tensor("int64", [BigInt(sampleRate)], [])
        })
        state = stateN as typeof state
        context = window.slice(windowSize - contextSize)
        return Number(output!.data[0])
      }
      return {
        score: (windows: ReadonlyArray<Float32Array>) =>
          Effect.forEach(windows, (window) => Effect.promise(() => one(window))),
        reset: () => {
          state = new ort.Tensor("float32", new Float32Array(256), [2, 1, 128])
          context = new Float32Array(contextSize)
        }
      }
    }
    const vadOf = (scorer: Effect.Effect<Vad.Scorer>) => Vad.make({ name: "published", sampleRate, windowSize, scorer })
    return {
      scorer,
      vad: vadOf(Effect.sync(scorer)),
      /** Of one recording: what the graph said of its windows is said again, whatever the options are. */
      vadOfOne: () => {
        const told: Array<number> = []
        return vadOf(Effect.sync(() => {
          const graph = scorer()
          let at = 0
          return {
            ...graph,
            score: (windows: ReadonlyArray<Float32Array>) => {
              const known = told.slice(at, at + windows.length)
              at += windows.length
              return known.length === windows.length
                ? Effect.succeed(known)
                : Effect.tap(
                  graph.score(windows),
                  (probabilities) => Effect.sync(() => void told.push(...probabilities))
                )
            }
          }
        }))
      }
    }
  })

/** A model file for as long as it is used. */
export const withModel = <A, E, R>(bytes: Uint8Array, use: (path: string) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-voice-"))),
    (folder) => {
      const path = join(folder, "model.onnx")
      writeFileSync(path, bytes)
      return use(path)
    },
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )

/** The published model with one word of its file instead of another, of the same length. */
export const altered = (from: string, to: string): Uint8Array =>
  Buffer.from(readFileSync(silero.bundled).toString("latin1").replaceAll(from, to), "latin1")
