import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Audio } from "effect-voice"

interface Code {
  readonly positive: boolean
  readonly segment: number
  readonly step: number
}

/**
 * The laws by the value tables of the standard: what each code stands for, and
 * the magnitude at which its interval begins, both brought to 16 bits.
 */
const laws = [
  {
    name: "the μ-law",
    encode: Audio.encodeMulaw,
    decode: Audio.decodeMulaw,
    read: (code: number): Code => {
      const bits = 255 - code
      return { positive: bits < 128, segment: Math.floor(bits / 16) % 8, step: bits % 16 }
    },
    magnitude: ({ segment, step }: Code) => 4 * (2 ** segment * (2 * step + 33) - 33),
    begin: ({ segment, step }: Code) => 4 * Math.max(0, 2 ** segment * (2 * step + 32) - 33)
  },
  {
    name: "the A-law",
    encode: Audio.encodeAlaw,
    decode: Audio.decodeAlaw,
    read: (code: number): Code => {
      // Every second bit is inverted on the line.
      const bits = code ^ 0b0101_0101
      return { positive: bits >= 128, segment: Math.floor(bits / 16) % 8, step: bits % 16 }
    },
    magnitude: ({ segment, step }: Code) => 8 * (segment === 0 ? 2 * step + 1 : 2 ** (segment - 1) * (2 * step + 33)),
    begin: ({ segment, step }: Code) => 8 * (segment === 0 ? 2 * step : 2 ** (segment - 1) * (2 * step + 32))
  }
]

const next = ({ positive, segment, step }: Code): Code =>
  step === 15 ? { positive, segment: segment + 1, step: 0 } : { positive, segment, step: step + 1 }

const codes = Uint8Array.from({ length: 256 }, (_, code) => code)
const every = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768)

describe("Audio", () => {
  for (const { begin, decode, encode, magnitude, name, read } of laws) {
    describe(name, () => {
      it("reads every code as the standard's table has it", () => {
        const expected = Array.from(codes, (code) => {
          const of = read(code)
          return magnitude(of) === 0 ? 0 : magnitude(of) * (of.positive ? 1 : -1)
        })
        assert.deepStrictEqual([...decode(codes)], expected)
      })

      it("gives every sample the code in whose interval it lies", () => {
        const coded = encode(every)
        every.forEach((sample, i) => {
          const code = read(coded[i]!)
          assert.strictEqual(code.positive, sample >= 0)
          assert.isAtLeast(Math.abs(sample), begin(code), `${sample} became ${coded[i]}`)
          if (coded[i] !== encode(Int16Array.of(sample < 0 ? -32_768 : 32_767))[0]) {
            assert.isAtMost(Math.abs(sample), begin(next(code)), `${sample} became ${coded[i]}`)
          }
        })
      })

      it("keeps the level of what was coded once, and its order", () => {
        const once = decode(encode(every))
        assert.deepStrictEqual(decode(encode(once)), once)
        for (let i = 1; i < once.length; i++) assert.isAtLeast(once[i]!, once[i - 1]!)
      })

      it.prop("works sample by sample, whatever stands beside it", [
        Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: -32_768, maximum: 32_767 })))
      ], ([samples]) => {
        const whole = encode(Int16Array.from(samples))
        assert.deepStrictEqual([...whole], samples.map((sample) => encode(Int16Array.of(sample))[0]!))
        assert.strictEqual(decode(whole).length, samples.length)
      })
    })
  }

  it("has the silence of each law", () => {
    assert.deepStrictEqual([...Audio.encodeMulaw(Int16Array.of(0))], [0xff])
    assert.deepStrictEqual([...Audio.encodeAlaw(Int16Array.of(0))], [0xd5])
  })
})
