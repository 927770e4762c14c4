/**
 * Speech that a test can read back: a hum that any loudness detector takes for
 * a voice, and in it, at the end of each word, the word itself as tones.
 */
import type * as Duration from "effect/Duration"
import * as Audio from "../Audio.ts"
import * as Check from "../internal/options.ts"
import type { Word } from "../Stt.ts"
import { millis } from "./marks.ts"
import { split } from "./words.ts"

/**
 * How a text sounds.
 *
 * @category options
 * @since 0.1.0
 */
export interface SpeechOptions {
  /** @default 60 */
  readonly msPerCharacter?: number | undefined
  /** Length of the whole; words whose code has no room are noise. @default `msPerCharacter` times the characters, or what the code needs */
  readonly duration?: Duration.Input | undefined
  /** Hz. @default 16000 */
  readonly sampleRate?: number | undefined
  /** Pitch of the hum in Hz, 80 to 400. @default 140 */
  readonly voice?: number | undefined
  /** Stream time of the first sample (ms). */
  readonly at?: number | undefined
}

const speaking = Check.struct<SpeechOptions>()({
  msPerCharacter: Check.number({ least: 0 }),
  duration: Check.duration({ finite: true }),
  sampleRate: Check.hertz(),
  voice: Check.number({ above: 0 }),
  at: Check.number()
})

// A symbol is one byte: a tone of each group at once. All tones lie below
// 3.2 kHz, so that they pass a telephone line.
const symbolMs = 20
const syncSymbols = 2
const low = (i: number): number => 600 + 75 * i
const high = (i: number): number => 1875 + 75 * i
const syncTone = 16

const humLevel = 0.06
const toneLevel = 0.09

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })

const crc8 = (bytes: Iterable<number>): number => {
  let crc = 0xff
  for (const byte of bytes) {
    crc ^= byte
    for (let i = 0; i < 8; i++) crc = (crc & 0x80) === 0 ? crc << 1 : (crc << 1) ^ 0x31
    crc &= 0xff
  }
  return crc
}

interface Packet {
  readonly symbols: ReadonlyArray<readonly [number, number]>
  readonly characters: number
}

const packet = (word: string): Packet => {
  const bytes = encoder.encode(word.trim()).subarray(0, 255)
  const body = [bytes.length, ...bytes]
  return {
    characters: word.length,
    symbols: [
      ...Array.from({ length: syncSymbols }, () => [syncTone, syncTone] as const),
      ...[...body, crc8(body)].map((byte) => [byte >> 4, byte & 15] as const)
    ]
  }
}

const lengthOf = (packet: Packet): number => packet.symbols.length * symbolMs

/** Samples of a text that takes `ms`, or as long as it needs. */
export const sounding = (
  text: string,
  ms: number | undefined,
  sampleRate: number,
  options?: { readonly msPerCharacter?: number | undefined; readonly voice?: number | undefined }
): Int16Array => {
  const perCharacter = options?.msPerCharacter ?? 60
  const packets = split(text).filter((word) => word.trim() !== "").map(packet)
  const needed = packets.reduce((sum, packet) => sum + lengthOf(packet), 0)
  const characters = packets.reduce((sum, packet) => sum + packet.characters, 0)
  const lengths = packets.map((packet) =>
    ms === undefined
      ? Math.max(lengthOf(packet), packet.characters * perCharacter)
      : lengthOf(packet) + Math.max(0, ms - needed) * packet.characters / characters
  )
  const total = ms ?? lengths.reduce((sum, length) => sum + length, 0)
  const out = new Float64Array(Math.round(total * sampleRate / 1000))
  hum(out, sampleRate, options?.voice ?? 140)
  let end = 0
  for (const [i, { symbols }] of packets.entries()) {
    end += lengths[i]!
    const start = end - symbols.length * symbolMs
    for (const [j, [a, b]] of symbols.entries()) {
      tone(out, sampleRate, start + j * symbolMs, low(a))
      tone(out, sampleRate, start + j * symbolMs, high(b))
    }
  }
  const samples = new Int16Array(out.length)
  for (let i = 0; i < out.length; i++) samples[i] = Math.round(Math.max(-1, Math.min(1, out[i]!)) * 32_767)
  return samples
}

const rampMs = 2

const hum = (out: Float64Array, sampleRate: number, pitch: number): void => {
  const ramp = rampMs * sampleRate / 1000
  oscillate(2 * Math.PI * pitch / sampleRate, 0, out.length, (i, sine, cosine) => {
    const edge = Math.min(1, (i + 1) / ramp, (out.length - i) / ramp)
    // 0.7 sin x + 0.3 sin 2x
    out[i] = humLevel * edge * sine * (0.7 + 0.6 * cosine)
  })
}

const tone = (out: Float64Array, sampleRate: number, startMs: number, frequency: number): void => {
  const from = Math.round(startMs * sampleRate / 1000)
  const length = Math.round(symbolMs * sampleRate / 1000)
  const ramp = rampMs * sampleRate / 1000 / 2
  const end = Math.min(from + length, out.length)
  oscillate(2 * Math.PI * frequency / sampleRate, Math.max(0, from), end, (i, sine) => {
    const edge = Math.min(1, (i - from + 1) / ramp, (from + length - i) / ramp)
    out[i]! += toneLevel * edge * sine
  })
}

/** Sine and cosine of `turn * i` for each `i`, by rotation: a sine for each sample would be most of the cost. */
const oscillate = (
  turn: number,
  from: number,
  to: number,
  take: (i: number, sine: number, cosine: number) => void
): void => {
  const a = Math.sin(turn)
  const b = Math.cos(turn)
  let sine = Math.sin(turn * from)
  let cosine = Math.cos(turn * from)
  for (let i = from; i < to; i++) {
    take(i, sine, cosine)
    const next = sine * b + cosine * a
    cosine = cosine * b - sine * a
    sine = next
  }
}

/**
 * Makes audio that is a voice to a loudness detector, and from which
 * `readSpeech` and the scripted recogniser read the text back.
 *
 * **Details**
 *
 * A word is complete, and can be read, where its time ends. The loudness is
 * about -21 dBFS. White space between words comes back as one space; a word
 * longer than 255 bytes is cut. `""` with a `duration` is a noise without words.
 *
 * @category speech
 * @since 0.1.0
 */
export const speech = (text: string, options: SpeechOptions = {}): Audio.Frame => {
  Check.readOrThrow(speaking, options)
  const sampleRate = options.sampleRate ?? 16_000
  const ms = options.duration === undefined ? undefined : millis(options.duration)
  return {
    samples: sounding(text, ms, sampleRate, options),
    sampleRate,
    channels: 1,
    ...(options.at === undefined ? {} : { at: options.at })
  }
}

/**
 * What was read from audio: the words, and when each was complete, in
 * milliseconds from the first sample.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReadSpeech {
  readonly text: string
  readonly words: ReadonlyArray<Word>
}

const rate = 16_000
const symbol = symbolMs * rate / 1000
const guard = symbol / 10
const hop = symbol / 4
const syncLength = syncSymbols * symbol

const turnOf = (frequency: number): number => 2 * Math.cos(2 * Math.PI * frequency / rate)

const powerOf = (a: number, b: number, turn: number, length: number): number =>
  (a * a + b * b - turn * a * b) * 2 / (length * length)

/** Power of one frequency, given by its `turnOf`, among `length` samples from `from`. */
const power = (samples: Float32Array, from: number, length: number, turn: number): number => {
  let a = 0
  let b = 0
  for (let i = from; i < from + length; i++) {
    const c = samples[i]! + turn * a - b
    b = a
    a = c
  }
  return powerOf(a, b, turn, length)
}

/**
 * Four powers side by side, of windows that lie `apart` and of frequencies from
 * `turns[first]` on, or one for all: alone, each step would wait for the step
 * before.
 */
const fourPowers = (
  samples: Float32Array,
  window: { readonly from: number; readonly apart: number; readonly length: number },
  turns: Float64Array,
  first: number,
  each: 0 | 1
): void => {
  const { apart, from, length } = window
  const k = turns[first]!
  const l = turns[first + each]!
  const m = turns[first + 2 * each]!
  const n = turns[first + 3 * each]!
  let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0
  for (let i = from; i < from + length; i++) {
    const p = samples[i]! + k * a - b
    const q = samples[i + apart]! + l * c - d
    const r = samples[i + 2 * apart]! + m * e - f
    const s = samples[i + 3 * apart]! + n * g - h
    b = a
    a = p
    d = c
    c = q
    f = e
    e = r
    h = g
    g = s
  }
  four[0] = powerOf(a, b, k, length)
  four[1] = powerOf(c, d, l, length)
  four[2] = powerOf(e, f, m, length)
  four[3] = powerOf(g, h, n, length)
}

const four = new Float64Array(4)
const lowTurns = Float64Array.from({ length: syncTone + 1 }, (_, i) => turnOf(low(i)))
const highTurns = Float64Array.from({ length: syncTone + 1 }, (_, i) => turnOf(high(i)))

/** Power of a mark, which is that of its weaker tone; anything less than `needed` where that is not reached. */
const syncPower = (samples: Float32Array, from: number, length: number, needed: number): number => {
  const one = power(samples, from, length, lowTurns[syncTone]!)
  return one < needed ? one : Math.min(one, power(samples, from, length, highTurns[syncTone]!))
}

const loudness = (samples: Float32Array, from: number, length: number): number => {
  let sum = 0
  for (let i = from; i < from + length; i++) sum += samples[i]! * samples[i]!
  return sum / length
}

const loudest = (samples: Float32Array, from: number, turns: Float64Array): number => {
  let best = 0
  let most = -1
  for (let first = 0; first < 16; first += 4) {
    fourPowers(samples, { from, apart: 0, length: symbol - 2 * guard }, turns, first, 1)
    for (let i = 0; i < 4; i++) {
      if (four[i]! <= most) continue
      most = four[i]!
      best = first + i
    }
  }
  return best
}

/** Byte of the symbol that begins at `from`; `undefined` past the end. */
const byteAt = (samples: Float32Array, from: number): number | undefined =>
  from + symbol - guard > samples.length
    ? undefined
    : loudest(samples, from + guard, lowTurns) << 4 | loudest(samples, from + guard, highTurns)

/** Where a mark that was met at `near` begins: there it fits best. */
const align = (samples: Float32Array, near: number): number => {
  let best = near
  let most = -1
  const last = Math.min(near + symbol, samples.length - syncLength)
  const apart = rate / 1000
  let from = Math.max(0, near - syncLength)
  for (; from + 3 * apart <= last; from += 4 * apart) {
    const window = { from, apart, length: syncLength }
    fourPowers(samples, window, lowTurns, syncTone, 0)
    const lows = [...four]
    if (Math.max(...lows) <= most) continue
    fourPowers(samples, window, highTurns, syncTone, 0)
    for (const [i, low] of lows.entries()) {
      const found = Math.min(low, four[i]!)
      if (found <= most) continue
      most = found
      best = from + i * apart
    }
  }
  for (; from <= last; from += apart) {
    const found = syncPower(samples, from, syncLength, most)
    if (found > most) {
      most = found
      best = from
    }
  }
  return best
}

/** Reads the word whose mark begins at `from`. */
const wordAt = (samples: Float32Array, from: number): { readonly text: string; readonly end: number } | undefined => {
  const start = from + syncLength
  const length = byteAt(samples, start)
  if (length === undefined || length === 0) return undefined
  const body = [length]
  for (let i = 1; i <= length; i++) {
    const byte = byteAt(samples, start + i * symbol)
    if (byte === undefined) return undefined
    body.push(byte)
  }
  if (byteAt(samples, start + (length + 1) * symbol) !== crc8(body)) return undefined
  try {
    return { text: decoder.decode(Uint8Array.from(body.slice(1))), end: start + (length + 2) * symbol }
  } catch {
    return undefined
  }
}

/**
 * Reads the words that `speech` put into audio.
 *
 * **Details**
 *
 * Takes any rate from 8 kHz on, any channel count and any part of the audio. A
 * word is found whole or not at all.
 *
 * @category speech
 * @since 0.1.0
 */
export const readSpeech = (frame: Audio.Frame): ReadSpeech => {
  const mono = frame.channels === 1 ? frame : Audio.toMono(frame)
  const converter = mono.sampleRate === rate ? undefined : Audio.converter({ to: Audio.speech })
  const converted = converter === undefined ? [mono] : [...converter.push([mono]), ...converter.flush()]
  const samples = Audio.toFloat32(Audio.concat(converted))
  const words: Array<Word> = []
  const ms = (position: number): number => Math.round(position / rate * 1000)
  let from = 0
  let begun = 0
  while (from + symbol <= samples.length) {
    const level = loudness(samples, from, symbol)
    if (level < 1e-7 || syncPower(samples, from, symbol, level / 5) < level / 5) {
      from += hop
      continue
    }
    const word = wordAt(samples, align(samples, from))
    if (word === undefined) {
      from += hop
      continue
    }
    words.push({ text: word.text, start: ms(begun), end: ms(word.end) })
    begun = word.end
    from = word.end
  }
  return { text: words.map((word) => word.text).join(" "), words }
}

// -48 dBFS: far below the quietest speech that is tested with.
const loud = 0.004 ** 2

/** Whether samples are loud enough to be a voice. */
export const isLoud = (samples: Float32Array, from: number, length: number): boolean =>
  loudness(samples, from, length) > loud

/** Whether a frame is loud enough to be a voice. */
export const isVoiced = (frame: Audio.Frame): boolean => frame.samples.length > 0 && Audio.rms(frame) ** 2 > loud
