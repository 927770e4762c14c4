import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Endpointing from "../../src/internal/turn/endpointing.ts"

type Verdict = Endpointing.Verdict
type Step =
  | readonly ["user", number]
  | readonly ["overlap", number]
  | readonly ["silence", number, Verdict?]
  | readonly ["agent", number]
  | readonly ["agentEnd", number]
  | readonly ["update", Parameters<typeof Endpointing.update>[1]]

const run = (state: Endpointing.State, steps: ReadonlyArray<Step>): Endpointing.State =>
  steps.reduce((state, step) => {
    switch (step[0]) {
      case "user":
        return Endpointing.onUserStarted(state, step[1])
      case "overlap":
        return Endpointing.onUserStarted(state, step[1], { overlapping: true })
      case "silence":
        return Endpointing.onUserEnded(state, step[1], step[2])
      case "agent":
        return Endpointing.onAgentStarted(state, step[1])
      case "agentEnd":
        return Endpointing.onAgentEnded(state, step[1])
      case "update":
        return Endpointing.update(state, step[1])
    }
  }, state)

const dynamic = (alpha = 0.5) => Endpointing.make({ mode: "dynamic", minDelay: 300, maxDelay: 1000, alpha })

const after = (steps: ReadonlyArray<Step>) => Endpointing.delays(run(dynamic(), steps))

describe("endpointing", () => {
  const rows: ReadonlyArray<readonly [name: string, steps: ReadonlyArray<Step>, min: number, max: number]> = [
    [
      "a pause inside the turn raises the minimum",
      [["silence", 100_000], ["user", 100_400], ["silence", 100_500]],
      350,
      1000
    ],
    [
      "an exchange of turns leaves the maximum",
      [["silence", 0], ["agent", 600], ["user", 1500], ["silence", 2000]],
      300,
      1000
    ],
    ["a minimum above the maximum is clamped", [["update", { minDelay: 1500 }]], 1000, 1000],
    ["a pause is learned", [["silence", 0], ["user", 1000], ["silence", 1500]], 650, 1000],
    [
      "what was learned is clamped to a new maximum",
      [["silence", 0], ["user", 1000], ["silence", 1500], ["update", { maxDelay: 500 }]],
      500,
      500
    ],
    [
      "a backchannel teaches nothing",
      [["silence", 0], ["agent", 500], ["overlap", 1500], ["silence", 1800, "backchannel"]],
      300,
      1000
    ],
    [
      "agent speech between two utterances is no pause",
      [["silence", 0], ["agent", 300], ["agentEnd", 600], ["user", 800], ["silence", 1200]],
      300,
      1000
    ],
    [
      "a new alpha counts from the next pause on",
      [["silence", 0], ["user", 1000], ["silence", 1500], ["update", { alpha: 0.2 }]],
      650,
      1000
    ],
    [
      "a new alpha weighs the next pause",
      [["silence", 0], ["user", 1000], ["silence", 1500], ["update", { alpha: 0.2 }], ["user", 2500], [
        "silence",
        3000
      ]],
      930,
      1000
    ],
    [
      "an overlap does not turn agent speech into a pause",
      [["agent", 0], ["overlap", 500], ["silence", 800], ["agentEnd", 5000], ["user", 6000], ["silence", 8000]],
      300,
      1000
    ],
    [
      "an interruption far into an answer is not a pause",
      [["silence", 0], ["agent", 500], ["overlap", 2000], ["silence", 2500, "interruption"]],
      300,
      1000
    ],
    [
      "an agent silenced by the interruption still was overlapped",
      [["silence", 0], ["agent", 150], ["overlap", 400], ["agentEnd", 600], ["silence", 900, "interruption"]],
      350,
      1000
    ],
    [
      "a pause after having talked over the agent's last word is the user's own",
      [["silence", 0], ["agent", 5000], ["overlap", 5900], ["agentEnd", 6000], ["silence", 6500], ["user", 6900], [
        "silence",
        7500
      ]],
      350,
      1000
    ],
    [
      "only the first of two starts counts",
      [["silence", 0], ["user", 400], ["user", 900], ["silence", 1000]],
      350,
      1000
    ],
    [
      "a silence of minutes counts as the maximum",
      [["silence", 0], ["user", 120_000], ["silence", 121_000]],
      650,
      1000
    ],
    [
      "a shorter pause lowers it again",
      [["silence", 0], ["user", 1000], ["silence", 1500], ["user", 1800], ["silence", 2000]],
      475,
      1000
    ],
    ["a new minimum below what nothing was learned of", [["update", { minDelay: 100 }]], 100, 1000],
    [
      "two remarks over one speech of the agent are no pause",
      [
        ["silence", 0],
        ["user", 1000],
        ["silence", 1500],
        ["agent", 2500],
        ["overlap", 2550],
        ["silence", 2600],
        ["overlap", 2800],
        ["silence", 2900]
      ],
      825,
      1000
    ],
    [
      "fixed: nothing was learned for later either",
      [["update", { mode: "fixed" }], ["silence", 0], ["user", 900], ["silence", 1000], ["update", {
        mode: "dynamic"
      }]],
      300,
      1000
    ],
    [
      "fixed: the configured delays",
      [["update", { mode: "fixed" }], ["silence", 0], ["user", 900], ["silence", 1000]],
      300,
      1000
    ]
  ]

  it.each(rows)("%s", (_, steps, min, max) => {
    const delays = after(steps)
    assert.closeTo(delays.min, min, 1e-9)
    assert.strictEqual(delays.max, max)
  })

  const learns: ReadonlyArray<
    readonly [
      agent: "none" | "ended" | "active",
      overlapping: boolean,
      verdict: Verdict,
      agentAt: number,
      userAt: number,
      min: number
    ]
  > = [
    ["none", false, "unknown", 0, 400, 350],
    ["none", false, "backchannel", 0, 400, 350],
    ["ended", false, "unknown", 500, 1500, 300],
    ["ended", false, "backchannel", 500, 1500, 300],
    ["active", false, "unknown", 900, 1800, 300],
    ["active", false, "backchannel", 900, 1800, 300],
    ["active", true, "unknown", 150, 400, 350],
    ["active", true, "interruption", 150, 400, 350],
    ["active", true, "backchannel", 200, 1500, 300],
    ["active", true, "backchannel", 150, 350, 325]
  ]

  it.each(learns)(
    "agent %s, overlap %s, %s (agent at %d, user at %d) → %d",
    (agent, overlapping, verdict, agentAt, userAt, min) => {
      const steps: ReadonlyArray<Step> = [
        ["user", -1000],
        ["silence", 0],
        ...(agent === "none" ? [] : [["agent", agentAt] as const]),
        ...(agent === "ended" ? [["agentEnd", agentAt + 500] as const] : []),
        [overlapping ? "overlap" : "user", userAt],
        ["silence", userAt + 500, verdict]
      ]
      assert.closeTo(after(steps).min, min, 1e-9)
    }
  )

  it("takes 0.9 as the weight of the past", () => {
    const state = Endpointing.make({ mode: "dynamic", minDelay: 500, maxDelay: 3000 })
    assert.closeTo(Endpointing.delays(run(state, [["silence", 0], ["user", 1500], ["silence", 1600]])).min, 600, 1e-9)
  })

  const at = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4000 }))
  const verdict = Schema.Literals(["unknown", "interruption", "backchannel"])
  const step = Schema.Union([
    Schema.Tuple([Schema.Literals(["user", "overlap", "agent", "agentEnd"]), at]),
    Schema.Tuple([Schema.Literal("silence"), at, verdict])
  ])
  const options = {
    minDelay: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2000 })),
    maxDelay: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3000 })),
    alpha: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
    steps: Schema.Array(step)
  }
  // Steps carry the time since the one before.
  const timed = (steps: ReadonlyArray<typeof step.Type>): ReadonlyArray<Step> => {
    let now = 0
    return steps.map((step): Step => {
      now += step[1]
      return step[0] === "silence" ? ["silence", now, step[2]] : [step[0], now]
    })
  }

  it.prop("never leaves the configured range", options, ({ alpha, maxDelay, minDelay, steps }) => {
    const { max, min } = Endpointing.delays(
      run(Endpointing.make({ mode: "dynamic", minDelay, maxDelay, alpha }), timed(steps))
    )
    assert.strictEqual(max, maxDelay)
    assert.isAtLeast(min, Math.min(minDelay, maxDelay))
    assert.isAtMost(min, maxDelay)
  }, { arbitrary: { runs: 500, size: 40 } })

  it.prop("fixed never learns", options, ({ alpha, maxDelay, minDelay, steps }) => {
    assert.deepStrictEqual(
      Endpointing.delays(run(Endpointing.make({ mode: "fixed", minDelay, maxDelay, alpha }), timed(steps))),
      { min: Math.min(minDelay, maxDelay), max: maxDelay }
    )
  }, { arbitrary: { runs: 500, size: 40 } })

  it.prop("learns nothing from an agent that was let finish", options, ({ alpha, steps }) => {
    const exchanges = steps.flatMap((step, i): ReadonlyArray<Step> => {
      const t = i * 100_000
      return [["user", t], ["silence", t + 1000], ["agent", t + 1000 + step[1]], ["agentEnd", t + 10_000 + step[1]]]
    })
    const state = Endpointing.make({ mode: "dynamic", minDelay: 300, maxDelay: 1000, alpha })
    assert.strictEqual(Endpointing.delays(run(state, exchanges)).min, 300)
  })
})
