import { describe, it } from "@effect/vitest"
import * as Testing from "effect-voice/testing"

describe("random conversations", () => {
  it.effect("keep every invariant", () => Testing.check({ runs: 50 }), 60_000)
})
