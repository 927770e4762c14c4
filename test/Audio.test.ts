import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, FileSystem, Option, Queue, Result, Schema, Stream } from "effect"
import { Audio } from "effect-voice"
import { TestClock } from "effect/testing"
import { correctable } from "./support/clock.ts"

const random = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 - 1 }))

const mono = (sampleRate: number): Audio.Format => ({ sampleRate, channels: 1 })

const sine = (hz: number, sampleRate: number, count: number, amplitude = 30_000): Audio.Frame => ({
  samples: Int16Array.from(
    { length: count },
    (_, i) => Math.round(amplitude * Math.sin(2 * Math.PI * hz * i / sampleRate))
  ),
  sampleRate,
  channels: 1
})

const noise = (next: () => number, format: Audio.Format, count: number): Audio.Frame => ({
  samples: Int16Array.from({ length: count * format.channels }, () => Math.floor(next() * 65536) - 32768),
  ...format
})

const cut = (next: () => number, frame: Audio.Frame, longest: number, at?: number): Array<Audio.Frame> => {
  const frames: Array<Audio.Frame> = []
  const { channels, sampleRate } = frame
  for (let start = 0; start < frame.samples.length;) {
    const end = start + Math.floor(next() * (longest + 1)) * channels
    frames.push({
      samples: frame.samples.slice(start, end),
      sampleRate,
      channels,
      at: at === undefined ? undefined : at + start / channels / sampleRate * 1000
    })
    start = Math.min(end, frame.samples.length)
  }
  return frames
}

const convert = (frames: ReadonlyArray<Audio.Frame>, to: Audio.Format): Array<Audio.Frame> => {
  const converter = Audio.converter({ to })
  return [...frames.flatMap((frame) => converter.push([frame])), ...converter.flush()]
}

const joined = (frames: ReadonlyArray<Audio.Frame>): Array<number> =>
  frames.flatMap((frame) => Array.from(frame.samples))

const thrown = (f: () => unknown): Audio.AudioError => {
  try {
    f()
  } catch (error) {
    assert.instanceOf(error, Audio.AudioError)
    return error
  }
  return assert.fail("nothing was thrown")
}

/** RMS of the part that no end of the signal reaches, for signals of a second or so. */
const innerRms = (samples: ReadonlyArray<number>): number => {
  const inner = samples.slice(Math.floor(samples.length / 4), Math.floor(samples.length * 3 / 4))
  return Math.sqrt(inner.reduce((sum, sample) => sum + sample * sample, 0) / inner.length)
}

const pairs: ReadonlyArray<readonly [from: number, to: number]> = [
  [48_000, 16_000],
  [44_100, 16_000],
  [22_050, 16_000],
  [24_000, 16_000],
  [48_000, 8_000],
  [48_000, 44_100],
  [48_000, 24_000],
  [8_000, 16_000],
  [16_000, 24_000],
  [24_000, 48_000],
  [22_050, 48_000],
  [8_000, 44_100],
  [44_101, 16_000],
  [12_347, 48_000]
]

describe("Audio", () => {
  it("knows how long a frame lasts", () => {
    const frame = { samples: new Int16Array(640), sampleRate: 16_000, channels: 2 }
    assert.strictEqual(Audio.durationMs(frame), 20)
    assert.strictEqual(Duration.toMillis(Audio.duration(frame)), 20)
  })

  describe("converter", () => {
    it("passes frames of the right format through as they are", () => {
      const frame = { ...sine(440, 16_000, 320), at: 7 }
      const converter = Audio.converter({ to: Audio.speech })
      assert.strictEqual(converter.push([frame])[0], frame)
      assert.deepStrictEqual(converter.flush(), [])
    })

    it.each(pairs)("is flat to 0.9 of the lower Nyquist frequency, without delay: %d to %d Hz", (from, to) => {
      const nyquist = Math.min(from, to) / 2
      for (const part of [0.01, 0.1, 0.3, 0.5, 0.7, 0.8, 0.85, 0.9]) {
        const hz = part * nyquist
        const out = joined(convert([sine(hz, from, from / 4)], mono(to)))
        // Correlation with the ideal sine at the new rate sees gain and delay alike.
        let inPhase = 0
        let quadrature = 0
        const start = Math.floor(out.length / 4)
        const end = start + Math.round(Math.floor(hz * out.length / 2 / to) * to / hz)
        for (let i = start; i < end; i++) {
          inPhase += out[i]! * Math.sin(2 * Math.PI * hz * i / to)
          quadrature += out[i]! * Math.cos(2 * Math.PI * hz * i / to)
        }
        const gain = 2 * Math.hypot(inPhase, quadrature) / (end - start) / 30_000
        assert.isBelow(Math.abs(20 * Math.log10(gain)), 0.02, `ripple at ${hz} Hz`)
        const delay = Math.atan2(quadrature, inPhase) / (2 * Math.PI * hz) * to
        assert.isBelow(Math.abs(delay), 0.01, `delay in samples at ${hz} Hz`)
      }
    })

    it.each(pairs.filter(([from, to]) => from > to))("lets nothing fold back: %d to %d Hz", (from, to) => {
      const reference = 30_000 / Math.SQRT2
      for (let hz = to / 2; hz < from / 2; hz += (from - to) / 2 / 23) {
        const out = joined(convert([sine(hz, from, from / 4)], mono(to)))
        assert.isBelow(20 * Math.log10(innerRms(out) / reference), -75, `${hz} Hz`)
      }
    })

    it.each(pairs.filter(([from, to]) => from < to))("leaves no images: %d to %d Hz", (from, to) => {
      for (const part of [0.05, 0.33, 0.61, 0.9]) {
        const hz = part * from / 2
        const out = joined(convert([sine(hz, from, from / 4)], mono(to)))
        const rest = out.map((sample, i) => sample - 30_000 * Math.sin(2 * Math.PI * hz * i / to))
        assert.isBelow(20 * Math.log10(innerRms(rest) / innerRms(out)), -70, `${hz} Hz`)
      }
    })

    it("keeps the loudness of constant audio at every phase", () => {
      for (const [from, to] of pairs) {
        const frame = { samples: new Int16Array(from / 5 | 0).fill(20_000), ...mono(from) }
        const out = joined(convert([frame], mono(to)))
        for (const sample of out.slice(out.length / 4, out.length * 3 / 4)) {
          assert.strictEqual(sample, 20_000)
        }
      }
    })

    it("cuts what overshoots to full scale", () => {
      const square = {
        samples: Int16Array.from({ length: 4800 }, (_, i) => i % 96 < 48 ? 32_767 : -32_768),
        ...mono(48_000)
      }
      const out = joined(convert([square], mono(16_000)))
      assert.strictEqual(Math.max(...out), 32_767)
      assert.strictEqual(Math.min(...out), -32_768)
    })

    it.prop("gives the same samples for any chunking, and exactly as many as the time asks for", [Seed], ([seed]) => {
      const next = random(seed)
      const pick = <A>(values: ReadonlyArray<A>) => values[Math.floor(next() * values.length)]!
      const rates = [8000, 16_000, 22_050, 24_000, 44_100, 48_000, 11_025, 12_347]
      const from = { sampleRate: pick(rates), channels: pick([1, 2, 3]) }
      const to = { sampleRate: pick(rates), channels: pick([1, 2]) }
      const count = Math.floor(next() * 6000)
      const whole = noise(next, from, count)
      const expected = joined(convert([whole], to))
      assert.strictEqual(expected.length, Math.round(count * to.sampleRate / from.sampleRate) * to.channels)
      const pieces = cut(next, whole, pick([1, 7, 160, 960, 5000]))
      assert.deepStrictEqual(joined(convert(pieces, to)), expected)
      const converter = Audio.converter({ from, to })
      assert.deepStrictEqual(joined([...converter.push(pieces), ...converter.flush()]), expected)
    })

    it("may be used again after a flush", () => {
      const converter = Audio.converter({ to: Audio.speech })
      const run = () => joined([...converter.push([sine(440, 48_000, 4801)]), ...converter.flush()])
      const first = run()
      assert.strictEqual(first.length, 1600)
      assert.deepStrictEqual(run(), first)
      assert.deepStrictEqual(converter.flush(), [])
    })

    it("follows changes of rate and channels in mid-stream", () => {
      const second = (sampleRate: number, channels: number, index: number): Audio.Frame => ({
        samples: Int16Array.from(
          { length: sampleRate / 10 * channels },
          (_, i) =>
            Math.round(20_000 * Math.sin(2 * Math.PI * 200 * (Math.floor(i / channels) / sampleRate + index / 10)))
        ),
        sampleRate,
        channels,
        at: 1000 + index * 100
      })
      const out = convert([
        second(48_000, 2, 0),
        second(48_000, 1, 1),
        second(8_000, 1, 2),
        second(16_000, 1, 3),
        second(44_100, 2, 4),
        second(22_050, 6, 5)
      ], Audio.speech)
      const samples = joined(out)
      assert.strictEqual(samples.length, 9600)
      for (let i = 0; i < samples.length; i++) {
        const fromSeam = Math.min(...[0, 3200, 4800, 6400, 8000, 9600].map((seam) => Math.abs(seam - i)))
        if (fromSeam > 100) {
          assert.approximately(samples[i]!, 20_000 * Math.sin(2 * Math.PI * 200 * i / 16_000), 3, `sample ${i}`)
        }
      }
      let end = 1000
      for (const frame of out) {
        assert.approximately(frame.at!, end, 1e-6)
        end += Audio.durationMs(frame)
      }
    })

    it("owes no sample over many changes of rate", () => {
      const frames = Array.from(
        { length: 400 },
        (_, i) => sine(300, i % 2 === 0 ? 44_100 : 22_050, i % 2 === 0 ? 101 : 50)
      )
      const exact = 200 * (101 / 44_100 + 50 / 22_050) * 16_000
      assert.approximately(joined(convert(frames, Audio.speech)).length, exact, 0.51)
    })

    it("tells the time of its output, also where the source learns it late", () => {
      const frames = cut(random(1), sine(440, 48_000, 9600), 960, 500)
      const out = convert(frames.map((frame, i) => i < 3 ? { ...frame, at: undefined } : frame), Audio.speech)
      assert.isUndefined(out[0]!.at)
      const known = out.filter((frame) => frame.at !== undefined)
      const before = out.slice(0, out.length - known.length).reduce((sum, frame) => sum + Audio.durationMs(frame), 0)
      assert.approximately(known[0]!.at!, 500 + before, 1e-6)
      for (
        const frame of convert(
          frames.map(({ channels, sampleRate, samples }) => ({ samples, sampleRate, channels })),
          Audio.speech
        )
      ) {
        assert.isFalse("at" in frame)
      }
    })

    it("keeps a gap as a gap and takes jitter for continuous", () => {
      const frame = (at: number) => ({ ...sine(440, 48_000, 960), at })
      const out = convert([frame(0), frame(35), frame(41), frame(500), frame(520)], Audio.speech)
      assert.strictEqual(joined(out).length, 1600)
      const jumps = out.flatMap((piece, i) => {
        const end = i === 0 ? 0 : out[i - 1]!.at! + Audio.durationMs(out[i - 1]!)
        return Math.abs(piece.at! - end) > 1e-6 ? [[end, piece.at!]] : []
      })
      assert.deepStrictEqual(jumps, [[60, 500]])
    })

    it("starts anew where the time of the source does", () => {
      const out = convert(
        [{ ...sine(440, 48_000, 960), at: 90_000 }, { ...sine(440, 48_000, 960), at: 0 }],
        Audio.speech
      )
      assert.strictEqual(joined(out).length, 640)
      assert.strictEqual(out.find((frame) => frame.at! < 90_000)?.at, 0)
    })

    it("mixes channels without clipping", () => {
      const channels = (samples: ReadonlyArray<number>, count: number, to: number) =>
        joined(convert([{ samples: Int16Array.from(samples), sampleRate: 16_000, channels: count }], {
          sampleRate: 16_000,
          channels: to
        }))
      assert.deepStrictEqual(channels([32_767, 32_767, 10, -10, 5, 8], 2, 1), [32_767, 0, 7])
      assert.deepStrictEqual(channels([1, 2], 1, 2), [1, 1, 2, 2])
      assert.deepStrictEqual(channels([1, 2], 2, 4), [1, 2, 1, 2])
      assert.deepStrictEqual(channels([3, 4, 5, 6, 7, 8], 6, 2), [5, 6])
      assert.deepStrictEqual(channels([3, 10, 5], 3, 2), [4, 10])
    })

    it("resamples each channel by itself, after mixing", () => {
      const left = sine(440, 48_000, 4800).samples
      const right = sine(1000, 48_000, 4800, 9000).samples
      const interleave = (...channels: ReadonlyArray<Int16Array>): Audio.Frame => ({
        samples: Int16Array.from(
          { length: 4800 * channels.length },
          (_, i) => channels[i % channels.length]![Math.floor(i / channels.length)]!
        ),
        sampleRate: 48_000,
        channels: channels.length
      })
      for (const sampleRate of [16_000, 44_100]) {
        const alone = (samples: Int16Array) => joined(convert([{ samples, ...mono(48_000) }], mono(sampleRate)))
        const lefts = alone(left)
        const rights = alone(right)
        const expected = lefts.flatMap((sample, i) => [sample, rights[i]!])
        assert.deepStrictEqual(joined(convert([interleave(left, right)], { sampleRate, channels: 2 })), expected)
        assert.deepStrictEqual(joined(convert([interleave(left, right, left)], { sampleRate, channels: 2 })), expected)
      }
    })

    it("refuses impossible formats by name", () => {
      for (
        const [format, field] of [
          [{ sampleRate: 0, channels: 1 }, "sampleRate"],
          [{ sampleRate: 16_000.5, channels: 1 }, "sampleRate"],
          [{ sampleRate: Number.NaN, channels: 1 }, "sampleRate"],
          [{ sampleRate: 16_000, channels: 0 }, "channels"],
          [{ sampleRate: 16_000, channels: 65 }, "channels"]
        ] as const
      ) {
        const checks = [
          () => Audio.converter({ to: format }),
          () => Audio.converter({ from: format, to: Audio.speech }),
          () => Audio.converter({ to: Audio.speech }).push([{ samples: new Int16Array(4), ...format }]),
          () => Audio.windows(10).push([{ samples: new Int16Array(4), ...format }]),
          () => Audio.silence(10, format),
          () => Audio.resample(Stream.empty, format),
          () => Result.getOrThrow(Audio.validateFormat(format))
        ]
        for (const check of checks) {
          const error = thrown(check)
          assert.strictEqual(error.reason, "InvalidFormat")
          assert.strictEqual(error.field, field)
          assert.include(error.message, field)
        }
      }
      assert.isTrue(Result.isSuccess(Audio.validateFormat(Audio.speech)))
    })
  })

  describe("windows", () => {
    it.prop("cuts any chunking into the same windows and loses nothing", [Seed], ([seed]) => {
      const next = random(seed)
      const channels = 1 + Math.floor(next() * 2)
      const size = 1 + Math.floor(next() * 600)
      const whole = noise(next, { sampleRate: 16_000, channels }, Math.floor(next() * 5000))
      const windows = Audio.windows(size)
      const out = cut(next, whole, 1 + Math.floor(next() * 1500), 250).flatMap((frame) => windows.push([frame]))
      const rest = windows.rest()
      for (const [i, window] of out.entries()) {
        assert.strictEqual(window.samples.length, size * channels)
        assert.strictEqual(window.samples.buffer.byteLength, size * channels * 2)
        assert.approximately(window.at!, 250 + i * size / 16, 1e-6)
      }
      assert.deepStrictEqual(joined(rest === undefined ? out : [...out, rest]), Array.from(whole.samples))
      assert.isBelow(rest?.samples.length ?? 0, size * channels)
      assert.isUndefined(windows.rest())
    })

    it("passes a frame that is a window through as it is", () => {
      const windows = Audio.windows(320)
      const frame = sine(440, 16_000, 320)
      assert.strictEqual(windows.push([frame])[0], frame)
    })

    it("takes the time of a window from its first sample, across gaps", () => {
      const frame = (at: number) => ({ ...sine(440, 16_000, 160), at })
      const out = Audio.windows(240).push([frame(0), frame(10), frame(1000), frame(1010)])
      assert.deepStrictEqual(out.map((window) => window.at), [0, 15])
      assert.deepStrictEqual(Audio.windows(200).push([frame(0), frame(1000), frame(1010)]).map((window) => window.at), [
        0,
        1002.5
      ])
    })

    it("fills a window up with silence where the format changes", () => {
      const windows = Audio.windows(4)
      const one = (sampleRate: number) => ({ samples: Int16Array.of(1, 2, 3), sampleRate, channels: 1 })
      assert.deepStrictEqual(windows.push([one(8000), one(16_000)]), [
        { samples: Int16Array.of(1, 2, 3, 0), sampleRate: 8000, channels: 1 }
      ])
      assert.deepStrictEqual(windows.rest(), one(16_000))
    })

    it("refuses a size that is none", () => {
      for (const size of [0, -1, 1.5, Number.NaN]) {
        assert.strictEqual(thrown(() => Audio.windows(size)).field, "size")
      }
    })
  })

  describe("levels and pieces", () => {
    const of = (...samples: ReadonlyArray<number>): Audio.Frame => ({
      samples: Int16Array.from(samples),
      ...Audio.speech
    })

    it("measures", () => {
      assert.strictEqual(Audio.rms(of()), 0)
      assert.strictEqual(Audio.rms(of(-32_768, -32_768)), 1)
      assert.strictEqual(Audio.dbfs(of(0, 0)), -Infinity)
      assert.approximately(Audio.dbfs(sine(440, 16_000, 16_000, 32_767)), -3.01, 0.01)
      assert.approximately(Audio.dbfs(of(16_384, -16_384)), -6.02, 0.01)
    })

    it("amplifies to full scale and no further", () => {
      const frame = { ...of(1000, -1000, 30_000, -30_000), at: 3 }
      assert.strictEqual(Audio.gain(frame, 0), frame)
      assert.deepStrictEqual(Audio.gain(frame, 20), { ...of(10_000, -10_000, 32_767, -32_768), at: 3 })
      assert.deepStrictEqual(Array.from(Audio.gain(frame, -Infinity).samples, Math.abs), [0, 0, 0, 0])
      assert.deepStrictEqual(Array.from(frame.samples), [1000, -1000, 30_000, -30_000])
    })

    it("mixes to full scale and no further, as long as the longest", () => {
      assert.deepStrictEqual(Audio.mix([of(30_000, 1), { ...of(30_000, 2, 3), at: 5 }, of(-30_000)]), {
        ...of(30_000, 3, 3),
        at: 5
      })
      assert.deepStrictEqual(Audio.mix([of(30_000, -30_000), of(30_000, -30_000)]), of(32_767, -32_768))
      assert.deepStrictEqual(Audio.mix([]), of())
    })

    it("joins frames of one format only", () => {
      assert.deepStrictEqual(Audio.concat([{ ...of(1, 2), at: 9 }, of(3)]), { ...of(1, 2, 3), at: 9 })
      assert.deepStrictEqual(Audio.concat([]), of())
      for (const join of [Audio.concat, Audio.mix, Audio.encodeWav]) {
        const error = thrown(() => join([of(1), { ...of(1), sampleRate: 8000 }]))
        assert.strictEqual(error.reason, "InvalidArgument")
        assert.include(error.message, "8000")
      }
    })

    it("slices by time, within the frame", () => {
      const frame = { samples: Int16Array.from({ length: 16 }, (_, i) => i), sampleRate: 1000, channels: 2, at: 100 }
      assert.deepStrictEqual(Audio.slice(frame, 2, 4), {
        samples: Int16Array.of(4, 5, 6, 7),
        sampleRate: 1000,
        channels: 2,
        at: 102
      })
      assert.deepStrictEqual(Array.from(Audio.slice(frame, "6 millis").samples), [12, 13, 14, 15])
      assert.deepStrictEqual(Array.from(Audio.slice(frame, -5, 1).samples), [0, 1])
      assert.deepStrictEqual(Array.from(Audio.slice(frame, 7, 3).samples), [])
      assert.deepStrictEqual(Array.from(Audio.slice(frame, 90, 99).samples), [])
    })

    it("makes silence", () => {
      assert.deepStrictEqual(Audio.silence("5 millis", { sampleRate: 400, channels: 2 }), {
        samples: Int16Array.of(0, 0, 0, 0),
        sampleRate: 400,
        channels: 2
      })
      assert.strictEqual(thrown(() => Audio.silence("Infinity", Audio.speech)).field, "length")
    })

    it("goes to float and back without loss", () => {
      const frame = noise(random(3), { sampleRate: 16_000, channels: 2 }, 5000)
      assert.deepStrictEqual(Audio.fromFloat32(Audio.toFloat32(frame), frame), frame)
      const odd = Audio.fromFloat32(Float32Array.of(2, -2, Number.NaN, Infinity, 1), {
        sampleRate: 16_000,
        channels: 2
      }, 8)
      assert.deepStrictEqual(odd, {
        samples: Int16Array.of(32_767, -32_768, 0, 32_767),
        sampleRate: 16_000,
        channels: 2,
        at: 8
      })
    })

    it("mixes to mono", () => {
      const frame = of(1, 2)
      assert.strictEqual(Audio.toMono(frame), frame)
      assert.deepStrictEqual(
        Audio.toMono({ samples: Int16Array.of(2, 4, -6, 6), sampleRate: 16_000, channels: 2, at: 1 }),
        { ...of(3, 0), at: 1 }
      )
    })

    it("knows a frame", () => {
      assert.isTrue(Audio.isFrame(of(1)))
      assert.isTrue(Audio.isFrame({ ...of(1), at: 4 }))
      const shared = new Int16Array(4).subarray(1)
      for (
        const wrong of [
          undefined,
          null,
          1,
          {},
          { ...of(1), at: "now" },
          { ...of(1), at: Number.NaN },
          { ...of(1), channels: 2 },
          { ...of(1), sampleRate: -1 },
          { ...of(1), samples: [1] },
          { ...of(1), samples: shared }
        ]
      ) {
        assert.isFalse(Audio.isFrame(wrong))
      }
    })
  })

  describe("streams", () => {
    it.effect("resamples as the converter does and keeps chunks", () =>
      Effect.gen(function*() {
        const frames = cut(random(4), sine(440, 48_000, 9600), 900, 10)
        const out = yield* Stream.fromArray(frames).pipe(Audio.resample(Audio.speech), Stream.runCollect)
        assert.deepStrictEqual(out, convert(frames, Audio.speech))
        let chunks = 0
        yield* Stream.fromArrays(frames.slice(0, 8), frames.slice(8)).pipe(
          Audio.resample(mono(24_000)),
          Stream.mapArray((chunk) => {
            chunks++
            return chunk
          }),
          Stream.runDrain
        )
        assert.isAbove(frames.length, 10)
        assert.isAtMost(chunks, 3)
      }))

    it.effect("keeps each run's state to itself and passes failures on", () =>
      Effect.gen(function*() {
        const stream = Stream.make(sine(440, 48_000, 960)).pipe(Audio.resample(Audio.speech))
        assert.deepStrictEqual(yield* Stream.runCollect(stream), yield* Stream.runCollect(stream))
        const failed = yield* Stream.make(sine(440, 48_000, 9600)).pipe(
          Stream.concat(Stream.fail("lost" as const)),
          Audio.resample(Audio.speech),
          Stream.runDrain,
          Effect.flip
        )
        assert.strictEqual(failed, "lost")
      }))

    it.effect("cuts by samples and by time", () =>
      Effect.gen(function*() {
        const frames = cut(random(5), sine(440, 24_000, 5000), 700)
        for (const size of [{ samples: 480 }, { duration: "20 millis" }] as const) {
          const out = yield* Stream.fromArray(frames).pipe(Audio.rechunk(size), Stream.runCollect)
          assert.deepStrictEqual(out.map((frame) => frame.samples.length), [...new Array<number>(10).fill(480), 200])
        }
        assert.strictEqual(thrown(() => Audio.rechunk(Stream.empty, { duration: 0 })).field, "duration")
        assert.strictEqual(thrown(() => Audio.rechunk(Stream.empty, { samples: 0 })).field, "size")
      }))

    const arrivals = Effect.fnUntraced(function*<E>(frames: Stream.Stream<Audio.Frame, E>) {
      const times: Array<number> = []
      const fiber = yield* frames.pipe(
        Audio.pace,
        Stream.runForEach(() => Effect.map(Clock.currentTimeMillis, (now) => times.push(now))),
        Effect.forkChild({ startImmediately: true })
      )
      return { times, fiber }
    })

    it.effect("paces frames by their length without drift", () =>
      Effect.gen(function*() {
        yield* TestClock.adjust(1234)
        // 12.5 ms a frame: no whole number of milliseconds.
        const { fiber, times } = yield* arrivals(
          Stream.fromArray(Array.from({ length: 401 }, () => sine(440, 16_000, 200)))
        )
        assert.deepStrictEqual(times, [1234])
        yield* TestClock.adjust(12)
        assert.deepStrictEqual(times, [1234])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(times, [1234, 1247])
        yield* TestClock.adjust("6 seconds")
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(times, Array.from({ length: 401 }, (_, i) => 1234 + Math.ceil(i * 12.5)))
      }))

    it.effect("paces frames by the time that passes, whatever becomes of the wall clock", () =>
      Effect.gen(function*() {
        for (const ms of [-3_600_000, -61_000, 61_000, 3_600_000]) {
          const { run, step } = yield* correctable
          const origin = yield* Clock.currentTimeMillis
          const frames = Stream.fromArray(Array.from({ length: 6 }, () => sine(440, 16_000, 320)))
          const times: Array<number> = []
          const passed = Clock.clockWith((clock) => Effect.sync(() => clock.monotonicTimeNanosUnsafe()))
          const fiber = yield* run(Stream.runForEach(
            Audio.pace(frames),
            () => Effect.map(passed, (nanos) => times.push(Number(nanos) / 1e6 - origin))
          )).pipe(Effect.forkChild({ startImmediately: true }))
          yield* TestClock.adjust(50)
          step(ms)
          yield* TestClock.adjust(50)
          assert.deepStrictEqual(times, [0, 20, 40, 60, 80, 100], `${ms}`)
          yield* Fiber.interrupt(fiber)
        }
      }))

    it.effect("waits out gaps and follows a time that starts anew", () =>
      Effect.gen(function*() {
        const frameAt = (at: number) => ({ ...sine(440, 16_000, 320), at })
        const at = [7000, 7020, 7540, 7560, 0, 20]
        const { fiber, times } = yield* arrivals(Stream.fromArray(at.map((at) => frameAt(at))))
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(times, [0, 20, 540, 560, 580, 600])
      }))

    it.effect("catches up after a stall", () =>
      Effect.gen(function*() {
        const queue = yield* Queue.unbounded<Audio.Frame>()
        const { fiber, times } = yield* arrivals(Stream.fromQueue(queue))
        const frame = sine(440, 16_000, 320)
        yield* Queue.offer(queue, frame)
        yield* TestClock.adjust(70)
        yield* Queue.offerAll(queue, Array.from({ length: 6 }, () => frame))
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(times, [0, 70, 70, 70, 80, 100, 120])
        yield* Fiber.interrupt(fiber)
      }))
  })

  describe("WAV", () => {
    const le = (value: number, width: number) =>
      Array.from({ length: width }, (_, i) => Math.floor(value / 2 ** (8 * i)) & 255)
    const text = (value: string) => Array.from(value, (letter) => letter.charCodeAt(0))
    const chunk = (id: string, body: ReadonlyArray<number>, size = body.length) => [
      ...text(id),
      ...le(size, 4),
      ...body,
      ...(body.length % 2 === 1 ? [0] : [])
    ]
    const fmt = (options: {
      readonly tag?: number
      readonly channels?: number
      readonly rate?: number
      readonly bits?: number
      readonly align?: number
      readonly more?: ReadonlyArray<number>
    } = {}) => {
      const { bits = 16, channels = 1, rate = 16_000, tag = 1 } = options
      const align = options.align ?? channels * bits / 8
      return chunk("fmt ", [
        ...le(tag, 2),
        ...le(channels, 2),
        ...le(rate, 4),
        ...le(rate * align, 4),
        ...le(align, 2),
        ...le(bits, 2),
        ...options.more ?? []
      ])
    }
    const subtype = (tag: number) => [...le(tag, 2), 0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113]
    const riff = (chunks: ReadonlyArray<ReadonlyArray<number>>, size?: number) => {
      const body = [...text("WAVE"), ...chunks.flat()]
      return Uint8Array.from([...text("RIFF"), ...le(size ?? body.length, 4), ...body])
    }
    const samplesOf = (bytes: Uint8Array) => Array.from(Result.getOrThrow(Audio.decodeWav(bytes)).samples)
    const errorOf = (bytes: Uint8Array) => Option.getOrThrow(Result.getFailure(Audio.decodeWav(bytes)))
    const bytesOf = (view: ArrayBufferView) => Array.from(new Uint8Array(view.buffer))

    it.prop("reads what it writes", [Seed, Schema.Boolean], ([seed, float]) => {
      const next = random(seed)
      const format = { sampleRate: 8000 + Math.floor(next() * 40_000), channels: 1 + Math.floor(next() * 3) }
      const frame = noise(next, format, Math.floor(next() * 300))
      assert.deepStrictEqual(Result.getOrThrow(Audio.decodeWav(Audio.encodeWav(frame, { float }))), frame)
      assert.deepStrictEqual(
        Audio.encodeWav(frame.samples.length === 0 ? [frame] : cut(next, frame, 50), { float }),
        Audio.encodeWav(frame, { float })
      )
    })

    it("writes the plain header that every reader knows", () => {
      const frame = { samples: Int16Array.of(1, -2), sampleRate: 8000, channels: 2 }
      assert.deepStrictEqual(
        Audio.encodeWav(frame),
        riff([fmt({ channels: 2, rate: 8000 }), chunk("data", [1, 0, 254, 255])])
      )
    })

    it("reads every width", () => {
      const cases: ReadonlyArray<readonly [Parameters<typeof fmt>[0], ReadonlyArray<number>, ReadonlyArray<number>]> = [
        [{ bits: 8 }, [0, 128, 255], [-32_768, 0, 32_512]],
        [{ bits: 16 }, [0, 128, 255, 127, 255, 255], [-32_768, 32_767, -1]],
        [{ bits: 12, align: 2 }, [0, 128, 240, 127], [-32_768, 32_752]],
        [{ bits: 20, align: 3 }, [0, 0, 64], [16_384]],
        [{ bits: 8, tag: 6 }, [0xd5, 0x55, 0xaa], [8, -8, 32_256]],
        [{ bits: 8, tag: 7, more: [0, 0] }, [0xff, 0x80, 0x00], [0, 32_124, -32_124]],
        [
          { bits: 8, channels: 2, tag: 0xfffe, more: [...le(22, 2), ...le(8, 2), ...le(4, 4), ...subtype(7)] },
          [0x80, 0xff, 0x80],
          [32_124, 0]
        ],
        [{ bits: 24 }, [0, 0, 128, 0, 1, 0, 255, 255, 127, 127, 0, 0, 255, 255, 255], [-32_768, 1, 32_767, 0, 0]],
        [{ bits: 32 }, [...le(0x80000000, 4), ...le(0x00010000, 4), ...le(0x7fffffff, 4)], [-32_768, 1, 32_767]],
        [{ bits: 32, tag: 3 }, bytesOf(Float32Array.of(-1, 0.5, 3, Number.NaN)), [-32_768, 16_384, 32_767, 0]],
        [{ bits: 64, tag: 3 }, bytesOf(Float64Array.of(-1, 0.25, -7)), [-32_768, 8192, -32_768]],
        [{ bits: 24, tag: 0xfffe, more: [...le(22, 2), ...le(20, 2), ...le(4, 4), ...subtype(1)] }, [0, 1, 0], [1]],
        [
          { bits: 32, tag: 0xfffe, more: [...le(22, 2), ...le(32, 2), ...le(4, 4), ...subtype(3)] },
          bytesOf(Float32Array.of(0.5)),
          [16_384]
        ]
      ]
      for (const [options, data, samples] of cases) {
        assert.deepStrictEqual(
          samplesOf(riff([fmt(options), chunk("data", data)])).map((sample) => sample + 0),
          samples
        )
      }
    })

    it("finds the data among other chunks, also at odd offsets of the bytes", () => {
      const bytes = riff([
        chunk("JUNK", [1, 2, 3]),
        chunk("bext", []),
        fmt(),
        chunk("LIST", [...text("INFOISFT"), 1, 0, 0, 0, 65]),
        chunk("data", [1, 0, 2, 0]),
        chunk("LIST", [9, 9])
      ])
      assert.deepStrictEqual(samplesOf(bytes), [1, 2])
      const shifted = new Uint8Array(bytes.length + 1)
      shifted.set(bytes, 1)
      assert.deepStrictEqual(samplesOf(shifted.subarray(1)), [1, 2])
      assert.deepStrictEqual(samplesOf(riff([chunk("data", [1, 0, 2, 0]), fmt()])), [1, 2])
    })

    it("reads what streaming writers and cut files leave", () => {
      assert.deepStrictEqual(samplesOf(riff([fmt(), chunk("data", [1, 0, 2, 0], 0xffffffff)], 0xffffffff)), [1, 2])
      assert.deepStrictEqual(samplesOf(riff([fmt(), chunk("data", [1, 0, 2, 0], 0)], 0)), [1, 2])
      assert.deepStrictEqual(samplesOf(riff([fmt(), chunk("data", []), chunk("LIST", [1, 2])])), [])
      assert.deepStrictEqual(samplesOf(riff([fmt(), chunk("data", [1, 0, 2, 0], 0)])), [1, 2])
      assert.deepStrictEqual(samplesOf(riff([fmt(), chunk("data", [...text("LIST"), ...le(999, 4)], 0)])).length, 4)
      assert.deepStrictEqual(samplesOf(riff([fmt(), chunk("data", [1, 0, 2], 4000)]).slice(0, -1)), [1])
      assert.deepStrictEqual(samplesOf(riff([fmt({ channels: 2 }), chunk("data", [1, 0, 2, 0, 3, 0])])), [1, 2])
    })

    it("says what is wrong with a header", () => {
      const data = chunk("data", [1, 0])
      const notRiff = riff([fmt(), data])
      notRiff[0] = 0
      const notWave = riff([fmt(), data])
      notWave[8] = 0
      const rifx = riff([fmt(), data])
      rifx[3] = 88
      const cases: ReadonlyArray<readonly [Uint8Array, Audio.AudioError["reason"], string]> = [
        [new Uint8Array(), "InvalidWav", "RIFF"],
        [notRiff, "InvalidWav", "RIFF"],
        [rifx, "UnsupportedWav", "RIFF"],
        [notWave, "InvalidWav", "WAVE"],
        [riff([]), "InvalidWav", "fmt"],
        [riff([data]), "InvalidWav", "fmt"],
        [riff([fmt()]), "InvalidWav", "data"],
        [riff([chunk("fmt ", [1, 0, 1, 0]), data]), "InvalidWav", "fmt"],
        [riff([fmt({ tag: 0xfffe }), data]), "InvalidWav", "fmt"],
        [riff([fmt({ tag: 0xfffe, more: new Array<number>(24).fill(1) }), data]), "UnsupportedWav", "subFormat"],
        [riff([fmt({ tag: 17, bits: 4 }), data]), "UnsupportedWav", "formatTag"],
        [riff([fmt({ channels: 0 }), data]), "InvalidWav", "channels"],
        [riff([fmt({ rate: 0 }), data]), "InvalidWav", "sampleRate"],
        [riff([fmt({ rate: 4_000_000_000 }), data]), "InvalidWav", "sampleRate"],
        [riff([fmt({ bits: 4, align: 1 }), data]), "UnsupportedWav", "bitsPerSample"],
        [riff([fmt({ bits: 40, align: 5 }), data]), "UnsupportedWav", "bitsPerSample"],
        [riff([fmt({ bits: 16, tag: 7 }), data]), "UnsupportedWav", "bitsPerSample"],
        [riff([fmt({ bits: 16, tag: 3 }), data]), "UnsupportedWav", "bitsPerSample"],
        [riff([fmt({ align: 3 }), data]), "InvalidWav", "blockAlign"]
      ]
      for (const [bytes, reason, field] of cases) {
        const error = errorOf(bytes)
        assert.deepStrictEqual([error.reason, error.field], [reason, field], error.message)
      }
      assert.include(errorOf(riff([fmt({ tag: 17, bits: 4 }), data])).message, "IMA ADPCM")
    })

    it.prop("never throws, whatever the bytes", [Seed], ([seed]) => {
      const next = random(seed)
      const byte = () => Math.floor(next() * 256)
      const good = riff([
        fmt({ bits: 24, channels: 2, tag: 0xfffe, more: [...le(22, 2), ...le(24, 2), ...le(3, 4), ...subtype(1)] }),
        chunk("LIST", [1, 2, 3]),
        chunk("data", Array.from({ length: 60 }, byte))
      ])
      for (let round = 0; round < 40; round++) {
        const mutated = good.slice(0, next() < 0.3 ? Math.floor(next() * good.length) : good.length)
        for (let hits = Math.floor(next() * 4); hits > 0; hits--) {
          mutated[Math.floor(next() * Math.min(mutated.length, 80))] = next() < 0.3 ? 255 : byte()
        }
        const garbage = Uint8Array.from({ length: Math.floor(next() * 100) }, byte)
        for (const bytes of [mutated, garbage, Uint8Array.from([...good.subarray(0, 12), ...garbage])]) {
          const result = Audio.decodeWav(bytes)
          if (Result.isSuccess(result)) {
            assert.isTrue(Audio.isFrame(result.success))
            assert.isAtMost(result.success.samples.length, bytes.length)
          } else {
            assert.notStrictEqual(result.failure.detail, "")
          }
        }
      }
    }, { arbitrary: { runs: 200 } })

    it.effect("reads and writes files, and names the one it cannot", () =>
      Effect.gen(function*() {
        const files = yield* FileSystem.FileSystem
        const folder = yield* files.makeTempDirectoryScoped()
        const frame = sine(440, 24_000, 999)
        const path = `${folder}/tone.wav`
        yield* Audio.writeWav(path, cut(random(6), frame, 100))
        assert.deepStrictEqual(yield* Audio.readWav(path), frame)
        const missing = yield* Effect.flip(Audio.readWav(`${folder}/none.wav`))
        assert.strictEqual(missing.reason, "FileFailed")
        assert.include(missing.message, "none.wav")
        assert.include(missing.message, "NotFound")
        const unwritable = yield* Effect.flip(Audio.writeWav(`${folder}/no/tone.wav`, frame))
        assert.strictEqual(unwritable.reason, "FileFailed")
        const mixed = yield* Effect.flip(Audio.writeWav(path, [frame, sine(440, 8000, 9)]))
        assert.strictEqual(mixed.reason, "InvalidArgument")
        yield* files.writeFile(path, new Uint8Array(50))
        assert.strictEqual((yield* Effect.flip(Audio.readWav(path))).reason, "InvalidWav")
      }).pipe(Effect.provide(NodeServices.layer)))
  })
})
