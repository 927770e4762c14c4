/**
 * Cost of audio work for 20 ms of audio, in microseconds and against a plain
 * copy of a 48 kHz frame in the same run. Prints JSON.
 */
import { Result } from "effect"
import { Audio } from "effect-voice"

const tone = (sampleRate: number): Audio.Frame => ({
  samples: Int16Array.from({ length: sampleRate / 50 }, (_, i) => Math.round(20_000 * Math.sin(i / 7))),
  sampleRate,
  channels: 1
})

let sink = 0

const converting = (from: number, to: number) => {
  const converter = Audio.converter({ to: { sampleRate: to, channels: 1 } })
  const frames = [tone(from)]
  return () => {
    sink += converter.push(frames).length
  }
}

const frame48 = tone(48_000)
const windows = Audio.windows(512)
const frames16 = [tone(16_000)]
const wav = Audio.encodeWav(frame48)
const wavFloat = Audio.encodeWav(frame48, { float: true })

const cases: ReadonlyArray<readonly [name: string, run: () => void]> = [
  ["copy of 48 kHz", () => {
    sink += frame48.samples.slice().length
  }],
  ["resample 48 to 16 kHz", converting(48_000, 16_000)],
  ["resample 24 to 48 kHz", converting(24_000, 48_000)],
  ["resample 44.1 to 16 kHz", converting(44_100, 16_000)],
  ["resample 8 to 16 kHz", converting(8000, 16_000)],
  ["convert 16 kHz as it is", converting(16_000, 16_000)],
  ["windows of 512 at 16 kHz", () => {
    sink += windows.push(frames16).length
  }],
  ["decode 16-bit WAV of 48 kHz", () => {
    sink += Result.getOrThrow(Audio.decodeWav(wav)).samples.length
  }],
  ["decode float WAV of 48 kHz", () => {
    sink += Result.getOrThrow(Audio.decodeWav(wavFloat)).samples.length
  }],
  ["gain of 48 kHz", () => {
    sink += Audio.gain(frame48, 6).samples.length
  }],
  ["level of 48 kHz", () => {
    sink += Audio.rms(frame48)
  }]
]

const best = cases.map(() => Infinity)
const rounds = 15
for (let round = 0; round < rounds; round++) {
  for (const [index, [, run]] of cases.entries()) {
    const calls = 1000
    const start = performance.now()
    for (let call = 0; call < calls; call++) {
      run()
    }
    best[index] = Math.min(best[index]!, (performance.now() - start) * 1000 / calls)
  }
}

const rounded = (value: number) => Number(value.toPrecision(3))
const results = cases.map(([name], index) => ({
  name,
  microseconds: rounded(best[index]!),
  copies: rounded(best[index]! / best[0]!)
}))
process.stdout.write(
  `${JSON.stringify({ bench: "audio", frame: "20 ms", rounds, results, sink: Math.sign(sink) }, null, 2)}\n`
)
