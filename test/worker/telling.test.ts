/** What a process of a pool tells a worker that does not listen, as one that is stopped or debugged. */
import { assert, describe, it } from "@effect/vitest"
import { Exit, Tracer } from "effect"
import { ChildSpans } from "../../src/internal/worker/childTrace.ts"
import { makeTelling } from "../../src/internal/worker/telling.ts"

/** A channel that nobody reads. */
const unread = () => {
  const told: Array<string> = []
  return {
    told,
    writable: true,
    writableLength: 0,
    write(text: string) {
      told.push(text)
      this.writableLength += text.length
    }
  }
}

describe("a process whose worker stands still", () => {
  it("keeps some megabytes of figures for it, and every report of a job", () => {
    const channel = unread()
    const { tell, tellInBounds } = makeTelling(channel)
    for (let i = 0; i < 1000; i++) {
      tellInBounds({ _tag: "Metrics", question: 0, text: "x".repeat(100_000) })
      assert.isTrue(tell({ _tag: "Over", id: `AJ_${i}` }))
    }
    assert.isBelow(channel.writableLength, 5_000_000)
    assert.strictEqual(channel.told.filter((text) => text.includes("Over")).length, 1000)
    // It listens again.
    channel.writableLength = 0
    assert.isTrue(tellInBounds({ _tag: "Metrics", question: 0, text: "[]" }))
  })

  it("tells nobody who is gone", () => {
    const { tell, tellInBounds } = makeTelling({ ...unread(), writable: false })
    assert.isFalse(tell({ _tag: "Ready" }))
    assert.isFalse(tellInBounds({ _tag: "Ready" }))
  })
})

describe("the spans of a process that never end", () => {
  it("are ended by its worker, the oldest first, so that ten thousand are open at most", () => {
    let open = 0
    const failed: Array<string> = []
    const tracer = Tracer.make({
      span: (options) => {
        open++
        const span = new Tracer.NativeSpan(options)
        const end = span.end.bind(span)
        return Object.assign(span, {
          end: (at: bigint, exit: Exit.Exit<unknown, unknown>) => {
            open--
            if (Exit.isFailure(exit)) failed.push(options.name)
            end(at, exit)
          }
        })
      }
    })
    const spans = new ChildSpans(tracer, 0)
    const ids = (i: number) => ({ traceId: "a".repeat(32), spanId: `${i}`, sampled: true })
    for (let i = 0; i < 25_000; i++) {
      spans.began({ _tag: "SpanBegan", ids: ids(i), name: `span ${i}`, kind: "internal", at: "1" })
    }
    assert.strictEqual(open, 10_000)
    assert.deepStrictEqual([failed.length, failed[0], failed.at(-1)], [15_000, "span 0", "span 14999"])
    // Who is heard at last has ended already.
    const ended = { _tag: "SpanEnded", at: "2", attributes: {}, events: [], links: [] } as const
    spans.ended({ ...ended, ids: ids(0) })
    spans.ended({ ...ended, ids: ids(24_999) })
    assert.strictEqual(open, 9999)
    spans.lost(3n, "SIGKILL")
    assert.strictEqual(open, 0)
  })
})
