/** What a worker hears of a process of its pool: lines, in bounds. */
import { assert, describe, it } from "@effect/vitest"
import { Readable } from "node:stream"
import { setImmediate as immediate } from "node:timers/promises"
import { listen, longestMessage } from "../../src/internal/worker/intake.ts"

/** Each moment is over with the next turn of the loop, or when the test says so. */
const heard = (source: Readable, later: (act: () => void) => void = setImmediate) => {
  const all = { lines: new Array<string>(), tooLong: 0, held: 0 }
  const ended = Promise.withResolvers<void>()
  listen(source, {
    later: (_, act) => later(act),
    onLine: (line) => void all.lines.push(line),
    onTooLong: () => void all.tooLong++,
    onHeld: () => void all.held++,
    onEnd: ended.resolve
  })
  return { all, ended: ended.promise }
}

/** Of the event loop. */
const turn = () => immediate()

const of = (...pieces: ReadonlyArray<string>) => Readable.from(pieces.map((piece) => Buffer.from(piece)))

describe("the intake of a channel", () => {
  it("gives lines however they are cut, and what stands alone at the end is none", async () => {
    const text = ["one", "zwölf 🐝", "", "three", "a half"].join("\n")
    const bytes = Buffer.from(text)
    for (const size of [1, 2, 3, 7, 1000]) {
      const pieces = Array.from(
        { length: Math.ceil(bytes.length / size) },
        (_, i) => bytes.subarray(i * size, (i + 1) * size)
      )
      const { all, ended } = heard(Readable.from(pieces))
      await ended
      assert.deepStrictEqual(all.lines, ["one", "zwölf 🐝", "three"], `${size}`)
    }
  })

  it("loses a message that is too long, and tells of it, and hears the next", async () => {
    const piece = "x".repeat(65_536)
    const long = Array.from({ length: longestMessage / piece.length + 1 }, () => piece)
    const { all, ended } = heard(of("before\n", ...long, "\nafter\n"))
    await ended
    assert.deepStrictEqual([all.lines, all.tooLong], [["before", "after"], 1])
    const whole = heard(of(`${"x".repeat(longestMessage)}\n`))
    await whole.ended
    assert.deepStrictEqual([whole.all.lines.map(({ length }) => length), whole.all.tooLong], [[longestMessage], 0])
  })

  it("hears so many within a moment, lets others come first, and loses none", async () => {
    const source = new Readable({ read: () => undefined })
    const moments: Array<() => void> = []
    const { all, ended } = heard(source, (act) => void moments.push(act))
    for (let i = 0; i < 2000; i++) source.push(`${i}\n`)
    source.push(null)
    for (let moment = 1; moment <= 7; moment++) {
      await turn()
      await turn()
      assert.deepStrictEqual([all.lines.length, all.held, moments.length], [256 * moment, moment, 1])
      moments.pop()!()
    }
    await ended
    assert.deepStrictEqual(all.lines, Array.from({ length: 2000 }, (_, i) => String(i)))
  })

  it("does not read on while it holds: what is written waits where it is", async () => {
    let pieces = 0
    const source = new Readable({
      highWaterMark: 65_536,
      read() {
        pieces++
        this.push(`${"x".repeat(65_000)}\n`)
      }
    })
    const { all } = heard(source, () => undefined)
    while (all.lines.length < 16) await turn()
    const read = pieces
    await turn()
    await turn()
    // 1 MB in a moment, and what the stream has read ahead.
    assert.strictEqual(all.lines.length, 16)
    assert.isAtMost(read, 19)
    assert.isAtMost(pieces, 19)
    source.destroy()
  })
})
