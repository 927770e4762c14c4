/** Callers who are gone and back in every order: who may be back is waited for to the millisecond, and who has left has left. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Room } from "effect-voice"
import * as Testing from "effect-voice/testing"

type Step = readonly [at: number, what: Room.LeaveReason | "joins"]

const waited = 10_000

/** When the session ended for its participant, who then asked whether the agent is there, where it did not. */
const course = (steps: ReadonlyArray<Step>) =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      options: { returnTimeout: waited },
      llm: ["I am here."],
      preset: "mechanics",
      at: [
        ...steps.map(([at, what]) => ({
          at,
          do: (_: unknown, caller: Testing.Caller["Service"]) =>
            what === "joins" ? caller.joins : caller.room.leave(caller.identity, what)
        })),
        { at: 40_000, do: (_, caller) => caller.speaks(40_000, 41_000, "Are you there?") }
      ],
      until: 50_000
    })
    const [closed] = timeline.of("SessionClosed")
    const left = closed?.reason === "participant_left" ? closed.at : undefined
    return { left, messages: timeline.messages }
  })

const here = { left: undefined, messages: ["user: Are you there?", "assistant: I am here."] }
const gone = (left: number) => ({ left, messages: [] })

const mayReturn = ["connection_lost", "duplicate_identity", "unknown"] as const
const forGood = ["left", "removed", "room_closed", "user_unavailable", "user_rejected", "sip_failure"] as const

const flaps = (count: number, every: number, reason: Room.LeaveReason): ReadonlyArray<Step> =>
  Array.from({ length: count }, (_, i): ReadonlyArray<Step> => [
    [2000 + i * every, reason],
    [2000 + i * every + every / 2, "joins"]
  ]).flat()

describe("a participant", () => {
  it.effect.each(mayReturn.flatMap((reason) => [0, 1, 100, 5000, waited - 1].map((after) => [reason, after] as const)))(
    "who is gone (%s) is here again after %d ms",
    ([reason, after]) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* course([[2000, reason], [2000 + after, "joins"]]), here)
      })
  )

  it.effect.each(mayReturn.flatMap((reason) => [waited + 1, waited + 1000].map((after) => [reason, after] as const)))(
    "who is gone (%s) is too late after %d ms",
    ([reason, after]) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* course([[2000, reason], [2000 + after, "joins"]]), gone(2000 + waited))
      })
  )

  it.effect.each(forGood.flatMap((reason) => [1, 5000].map((after) => [reason, after] as const)))(
    "who has left (%s) has left, also where somebody of that name comes after %d ms",
    ([reason, after]) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* course([[2000, reason], [2000 + after, "joins"]]), gone(2000))
      })
  )

  it.effect.each<readonly [string, ReadonlyArray<Step>, ReturnType<typeof gone> | typeof here]>([
    ["a hundred times in a row", flaps(100, 300, "connection_lost"), here],
    ["a hundred times, each within a millisecond", flaps(100, 2, "duplicate_identity"), here],
    ["for other reasons each time", [
      [2000, "connection_lost"],
      [3000, "joins"],
      [4000, "unknown"],
      [5000, "joins"],
      [6000, "duplicate_identity"],
      [7000, "joins"]
    ], here],
    ["twice, of which the first does not count any more", [
      [2000, "connection_lost"],
      [11_000, "joins"],
      [12_500, "connection_lost"],
      [22_000, "joins"]
    ], here],
    ["and has left in the end", [[2000, "connection_lost"], [3000, "joins"], [4000, "left"]], gone(4000)],
    ["and has left, and is lost after that", [[2000, "left"], [2000, "connection_lost"], [2500, "joins"]], gone(2000)],
    ["twice without having come in between", [[2000, "connection_lost"], [7000, "unknown"]], gone(12_000)],
    ["and comes twice", [[2000, "connection_lost"], [3000, "joins"], [3001, "joins"]], here],
    ["and comes without having been gone", [[2000, "joins"], [2500, "joins"]], here],
    ["after a hundred times", [...flaps(100, 100, "connection_lost"), [15_000, "unknown"]], gone(25_000)]
  ])("who is lost %s", ([, steps, expected]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* course(steps), expected)
    }))
})
