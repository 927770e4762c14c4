/** A caller's voice in pieces, as carriers and networks bring them: in which order it is heard, and with which gaps. */
import { assert, describe, it } from "@effect/vitest"
import { Timeline } from "../../src/internal/telephone/timeline.ts"

interface Piece {
  /** When it comes (ms). */
  readonly now: number
  readonly chunk?: number
  readonly at?: number
  readonly ms?: number
}

/** What is heard: when it begins, and which piece it is, by its place in the list. */
const heard = (pieces: ReadonlyArray<Piece>) => {
  const timeline = new Timeline()
  const placed = pieces.flatMap(({ at, chunk, ms = 20, now }, i) =>
    timeline.push({ _tag: "Media", samples: new Int16Array(ms * 8).fill(i % 30_000), chunk, at }, now)
  )
  return [...placed, ...timeline.flush(pieces.at(-1)?.now ?? 0)]
}

const range = (from: number, to: number): ReadonlyArray<number> =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

const gaps = (placed: ReturnType<typeof heard>): ReadonlyArray<number> =>
  placed.slice(1).flatMap(({ at }, i) => {
    const gap = at - placed[i]!.at - placed[i]!.samples.length / 8
    return gap === 0 ? [] : [Math.round(gap)]
  })

/** Pieces of 20 ms in time, numbered and timed by functions of their count from 1. */
const timed = (
  count: number,
  of: (n: number) => Omit<Piece, "now"> & Partial<Pick<Piece, "now">>
): ReadonlyArray<Piece> => range(1, count).map((n) => ({ now: n * 20, ...of(n) }))

describe("pieces of a voice", () => {
  it.each<readonly [name: string, pieces: ReadonlyArray<Piece>, heard: number, gaps: ReadonlyArray<number>]>([
    ["numbers that begin again with the stream", timed(200, (n) => ({ chunk: n <= 100 ? n : n - 100 })), 198, []],
    ["numbers that begin again with 0", timed(200, (n) => ({ chunk: n <= 100 ? n : n - 101 })), 200, []],
    ["numbers that begin again after a second", timed(100, (n) => ({ chunk: n <= 50 ? n : n - 50 })), 98, []],
    ["numbers of 8 bits", timed(1000, (n) => ({ chunk: n % 256 })), 1000, []],
    ["numbers of 16 bits", timed(1000, (n) => ({ chunk: (n + 65_000) % 65_536 })), 1000, []],
    ["numbers from 0", timed(50, (n) => ({ chunk: n - 1, at: (n - 1) * 20 })), 50, []],
    ["numbers that begin anywhere", timed(50, (n) => ({ chunk: n + 700 })), 50, []],
    ["always the same number", timed(50, () => ({ chunk: 0 })), 50, []],
    [
      "neighbours in the wrong order",
      timed(51, (n) => ({ chunk: n % 3 === 2 ? n + 1 : n % 3 === 0 ? n - 1 : n })),
      51,
      []
    ],
    ["each piece twice", timed(100, (n) => ({ chunk: Math.ceil(n / 2), now: Math.ceil(n / 2) * 20 })), 50, []],
    ["one piece that is lost", timed(50, (n) => ({ chunk: n < 20 ? n : n + 1, now: (n < 20 ? n : n + 1) * 20 })), 50, [
      20
    ]],
    [
      "two pieces that are lost",
      timed(50, (n) => ({ chunk: n < 20 ? n : n + 2, now: (n < 20 ? n : n + 2) * 20 })),
      50,
      [40]
    ],
    ["the last but one that is lost", timed(10, (n) => ({ chunk: n < 10 ? n : 11 })), 10, [20]],
    ["a second that is lost", timed(50, (n) => ({ chunk: n < 20 ? n : n + 50, now: (n < 20 ? n : n + 50) * 20 })), 50, [
      1000
    ]],
    [
      "a caller for whom nothing is sent while they are silent",
      timed(50, (n) => {
        const at = n <= 25 ? n * 20 : n * 20 + 9000
        return { chunk: n, at, now: at + 40 }
      }),
      50,
      [9000]
    ],
    ["a jump of the numbers, while no time has passed", timed(50, (n) => ({ chunk: n < 20 ? n : n + 2000 })), 50, []],
    [
      "a jump of the times, while none has passed",
      timed(50, (n) => ({ at: (n - 1) * 20 + (n < 20 ? 0 : 59_000) })),
      50,
      []
    ],
    ["times of a date", timed(50, (n) => ({ at: 1_700_000_000_000 + n * 20 })), 50, []],
    ["times that stand still", timed(50, () => ({ at: 0 })), 50, []],
    ["times that go back", timed(50, (n) => ({ at: 1000 - n * 20 })), 50, []],
    ["times of another stream", timed(50, (n) => ({ at: 5000 + n * 20 })), 50, []],
    ["pieces of 10 ms", timed(50, (n) => ({ chunk: n, ms: 10, at: (n - 1) * 10, now: n * 10 })), 50, []],
    ["pieces of 30 ms", timed(50, (n) => ({ chunk: n, ms: 30, at: (n - 1) * 30, now: n * 30 })), 50, []],
    ["pieces of 40 ms", timed(50, (n) => ({ chunk: n, ms: 40, at: (n - 1) * 40, now: n * 40 })), 50, []],
    [
      "pieces of 160 ms, of which one is lost",
      timed(50, (n) => {
        const chunk = n < 20 ? n : n + 1
        return { chunk, ms: 160, now: chunk * 160 }
      }),
      50,
      [160]
    ],
    ["pieces whose length changes", timed(50, (n) => ({ chunk: n, ms: n % 2 === 0 ? 40 : 20, now: n * 30 })), 50, []],
    [
      "a burst after a stall of ten seconds",
      timed(600, (n) => ({ chunk: n, at: (n - 1) * 20, now: n < 50 ? n * 20 : Math.max(n * 20, 11_000) })),
      600,
      []
    ],
    [
      "a burst at the beginning, for a call that was taken late",
      timed(600, (n) => ({ chunk: n, at: (n - 1) * 20, now: Math.max(n * 20, 8000) })),
      600,
      []
    ],
    [
      "a loss behind a burst at the beginning",
      timed(600, (n) => {
        const chunk = n < 500 ? n : n + 50
        return { chunk, at: (chunk - 1) * 20, now: Math.max(chunk * 20, 8000) }
      }),
      600,
      [1000]
    ],
    ["jitter of 200 ms", timed(600, (n) => ({ chunk: n, at: (n - 1) * 20, now: n * 20 + (n * 7919) % 200 })), 600, []]
  ])("are heard, whatever tells of them: %s", (_, pieces, count, between) => {
    const placed = heard(pieces)
    assert.deepStrictEqual([placed.length, gaps(placed)], [count, between])
    // In the order in which they were said.
    if (new Set(pieces.map(({ chunk }) => chunk)).size === pieces.length && !pieces.some(({ chunk }) => chunk === 0)) {
      const order = placed.map(({ samples }) => pieces[samples[0]!]!.chunk!)
      const back = order.slice(1).filter((chunk, i) => chunk < order[i]!).length
      assert.strictEqual(back, 0)
    }
  })

  it.each([
    ["faster", 1.001],
    ["slower", 0.999],
    ["as fast, in times that are rounded down", 1]
  ])("of a carrier whose clock is %s for an hour end when they are heard", (_, rate) => {
    const placed = heard(timed(180_000, (n) => ({
      chunk: n,
      at: Math.floor((n - 1) * 20 * rate),
      now: n * 20 * rate
    })))
    assert.strictEqual(placed.length, 180_000)
    const end = placed.at(-1)!.at + 20
    assert.isAtLeast(end, 3_600_000)
    assert.isAtMost(end, 3_600_000 * Math.max(1, rate) + 20)
    assert.isTrue(gaps(placed).every((gap) => gap >= 20 && gap < 40), "no gap is shorter than a piece")
  })

  it("keep no more than a piece and a second of silence, however their times run ahead", () => {
    // In samples instead of milliseconds.
    const placed = heard(timed(500, (n) => ({ at: n * 160 })))
    assert.strictEqual(placed.length, 500)
    assert.isAtMost(placed.at(-1)!.at, 500 * 20 + 1000)
  })
})
