/** What `test/support/equality.ts` lets the assertions of all tests see. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

class Late extends Schema.TaggedError<Late>()("Late", { afterMs: Schema.Finite }) {}

describe("errors that are compared", () => {
  it("are equal where all their fields are, wherever they stand", () => {
    assert.deepStrictEqual(new Late({ afterMs: 1 }), new Late({ afterMs: 1 }))
    assert.deepStrictEqual({ reasons: [new Late({ afterMs: 1 })] }, { reasons: [new Late({ afterMs: 1 })] })
    assert.notDeepEqual(new Late({ afterMs: 1 }), new Late({ afterMs: 2 }))
    assert.notDeepEqual({ reasons: [new Late({ afterMs: 1 })] }, { reasons: [new Late({ afterMs: 2 })] })
    assert.notDeepEqual(new Error("a", { cause: 1 }), new Error("b", { cause: 1 }))
  })
})
