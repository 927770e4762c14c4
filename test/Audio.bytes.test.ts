/** Frames as the bytes that providers send and take. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Audio } from "effect-voice"

const samples = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: -32_768, maximum: 32_767 })))
const cuts = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 7 })))

describe("bytes of audio", () => {
  it.prop("are read as what was written, however they are cut", [samples, cuts], ([values, lengths]) => {
    const frame = { ...Audio.speech, samples: Int16Array.from(values) }
    const bytes = Audio.toBytes(frame)
    assert.strictEqual(bytes.length, values.length * 2)
    const decode = Audio.decoder(Audio.speech)
    const read: Array<number> = []
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const length = lengths[i % Math.max(1, lengths.length)] ?? 3
      const piece = decode(bytes.subarray(at, at + length))
      if (piece !== undefined) {
        assert.isTrue(Audio.isFrame(piece))
        read.push(...piece.samples)
      }
      at += length
    }
    assert.deepStrictEqual(read, [...values])
  })

  it("are the frame's own", () => {
    const frame = { ...Audio.speech, samples: Int16Array.of(1, 2) }
    Audio.toBytes(frame).fill(0)
    assert.deepStrictEqual([...frame.samples], [1, 2])
  })

  it("are of a format that can be", () => {
    assert.throws(() => Audio.decoder({ sampleRate: 0, channels: 1 }), Audio.AudioError)
  })
})
