/** WAV files as other programs write them. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Audio } from "effect-voice"

const id = (text: string) => Array.from(text, (letter) => letter.charCodeAt(0))
const u16 = (value: number) => [value & 255, value >> 8 & 255]
const u32 = (value: number) => [...u16(value & 0xffff), ...u16(value >>> 16)]
const chunk = (name: string, data: ReadonlyArray<number>, size = data.length) => [...id(name), ...u32(size), ...data]

const pcm = (rate = 16_000, channels = 1) => [
  ...u16(1),
  ...u16(channels),
  ...u32(rate),
  ...u32(rate * channels * 2),
  ...u16(channels * 2),
  ...u16(16)
]
const tail = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]
const extensible = (subtype = 1, guid = tail) => [
  ...u16(0xfffe),
  ...pcm().slice(2),
  ...u16(22),
  ...u16(16),
  ...u32(4),
  ...u16(subtype),
  ...guid
]
const samples = (...values: ReadonlyArray<number>) => values.flatMap((value) => u16(value & 0xffff))
const riff = (chunks: ReadonlyArray<number>, size = chunks.length + 4, container = "RIFF") => [
  ...id(container),
  ...u32(size),
  ...id("WAVE"),
  ...chunks
]
const plain = (...values: ReadonlyArray<number>) =>
  riff([...chunk("fmt ", pcm()), ...chunk("data", samples(...values))])

const read = (bytes: ReadonlyArray<number>) => Audio.decodeWav(Uint8Array.from(bytes))
const heard = (bytes: ReadonlyArray<number>): Array<number> => Array.from(Result.getOrThrow(read(bytes)).samples)
const refused = (bytes: ReadonlyArray<number>): string => {
  const result = read(bytes)
  return Result.isFailure(result) ? `${result.failure.reason} ${result.failure.message}` : "read"
}

describe("a WAV file", () => {
  it("may have chunks of odd lengths, with the byte behind them and without", () => {
    const odd = chunk("LIST", [1, 2, 3])
    const format = chunk("fmt ", extensible())
    const audio = chunk("data", samples(5, -6, 7))
    assert.deepStrictEqual(heard(riff([...odd, 0, ...format, ...chunk("note", [9]), 0, ...audio])), [5, -6, 7])
    assert.deepStrictEqual(heard(riff([...odd, ...format, ...chunk("note", [9]), ...audio])), [5, -6, 7])
  })

  it("may be extensible, and is refused by name where its coding is another one", () => {
    const of = (format: ReadonlyArray<number>) => riff([...chunk("fmt ", format), ...chunk("data", samples(1))])
    assert.deepStrictEqual(heard(of(extensible())), [1])
    assert.strictEqual(
      refused(of(extensible(1, tail.toReversed()))),
      "UnsupportedWav subFormat: the extensible format names a private coding"
    )
    assert.include(refused(of(extensible(0x55))), "UnsupportedWav formatTag: MP3 is not read")
    assert.include(refused(of(extensible().slice(0, 18))), "InvalidWav fmt: the chunk has 18 bytes")
  })

  it.each(["RF64", "BW64"])("may have sizes of 64 bits: %s", (container) => {
    const sizes = chunk("ds64", [...u32(100), ...u32(0), ...u32(6), ...u32(0), ...u32(3), ...u32(0), ...u32(0)])
    const rest = [...sizes, ...chunk("fmt ", pcm()), ...chunk("data", samples(1, 2, 3), 0xffffffff)]
    assert.deepStrictEqual(heard(riff([...rest, ...chunk("LIST", [0, 0])], 0xffffffff, container)), [1, 2, 3])
  })

  it("is refused by name where it is of another order of bytes, or has its audio in pieces", () => {
    assert.strictEqual(
      refused(riff(plain(1).slice(12), 40, "RIFX")),
      "UnsupportedWav RIFF: the RIFX variant is not read"
    )
    const pieces = riff([...chunk("fmt ", pcm()), ...chunk("data", samples(1)), ...chunk("data", samples(2))])
    assert.include(refused(pieces), "UnsupportedWav data: the file has several data chunks")
  })
})

describe("WAV files that are joined", () => {
  it("are read as one", () => {
    assert.deepStrictEqual(heard([...plain(1, 2), ...plain(3), ...plain(4, 5)]), [1, 2, 3, 4, 5])
    const noted = riff([...chunk("fmt ", pcm()), ...chunk("data", samples(1)), ...chunk("LIST", [7]), 0])
    assert.deepStrictEqual(heard([...noted, ...plain(2)]), [1, 2])
  })

  it("are so, too, where they were streamed, and their sizes are not known", () => {
    for (const size of [0, 0xffffffff]) {
      const streamed = (...values: ReadonlyArray<number>) =>
        riff([...chunk("fmt ", pcm()), ...chunk("data", samples(...values), size)], size)
      assert.deepStrictEqual(heard([...streamed(1, 2), ...streamed(3, 4)]), [1, 2, 3, 4], String(size))
    }
  })

  it("are refused by name where they differ", () => {
    const other = riff([...chunk("fmt ", pcm(8000)), ...chunk("data", samples(2))])
    assert.include(refused([...plain(1), ...other]), "UnsupportedWav RIFF: files of different formats are joined")
  })

  it("end where what follows is none", () => {
    assert.deepStrictEqual(heard([...plain(1, 2), 0, 0, 0, 1, 2, 3]), [1, 2])
    assert.deepStrictEqual(heard([...plain(1, 2), ...id("RIFF")]), [1, 2])
  })
})
