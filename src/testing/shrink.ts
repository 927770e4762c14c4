/** Makes a conversation smaller without losing what is wrong with it. */
import * as Effect from "effect/Effect"
import * as Check from "../internal/options.ts"
import type { Conversation } from "./randomConversation.ts"

/** Lists without one stretch of their items: large stretches first. */
const without = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  const smaller: Array<ReadonlyArray<A>> = []
  for (let size = items.length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < items.length; from += size) {
      smaller.push([...items.slice(0, from), ...items.slice(from + size)])
    }
  }
  return smaller
}

/** Lists in which one item is the plain one: those behind it keep their place. */
const plainer = <A extends object>(items: ReadonlyArray<A>, plain: A): ReadonlyArray<ReadonlyArray<A>> =>
  items.flatMap((item, i) => Object.keys(item).length === Object.keys(plain).length ? [] : [items.with(i, plain)])

const candidates = (now: Conversation): ReadonlyArray<Conversation> => [
  ...without(now.user).map((user) => ({ ...now, user })),
  ...without(now.program).map((program) => ({ ...now, program })),
  ...without(now.connections).map((connections) => ({ ...now, connections })),
  ...(now.hookMs > 0 ? [{ ...now, hookMs: 0 }] : []),
  ...(now.interims ? [{ ...now, interims: false }] : []),
  ...Object.keys(now.turn).map((key) => ({
    ...now,
    turn: Object.fromEntries(Object.entries(now.turn).filter(([other]) => other !== key))
  })),
  ...without(now.replies).map((replies) => ({ ...now, replies })),
  ...plainer(now.replies, { text: "OK." }).map((replies) => ({ ...now, replies })),
  ...without(now.speeches).map((speeches) => ({ ...now, speeches })),
  ...plainer(now.speeches, {}).map((speeches) => ({ ...now, speeches }))
]

const shrinking = Check.struct<NonNullable<Parameters<typeof shrink>[2]>>()({
  attempts: Check.whole()
})

/**
 * Greedily makes a conversation smaller for as long as it still fails.
 *
 * **Details**
 *
 * Takes the first smaller conversation that fails and begins again with it;
 * gives up after `attempts` (default 400) runs.
 *
 * @category properties
 * @since 0.1.0
 */
export const shrink = <E, R>(
  failing: Conversation,
  stillFails: (conversation: Conversation) => Effect.Effect<boolean, E, R>,
  options: { readonly attempts?: number | undefined } = {}
): Effect.Effect<Conversation, E, R> =>
  Effect.gen(function*() {
    let { attempts: left = 400 } = Check.readOrThrow(shrinking, options)
    let smallest = failing
    let changed = true
    while (changed && left > 0) {
      changed = false
      for (const candidate of candidates(smallest)) {
        if (left-- <= 0) break
        if (yield* stillFails(candidate)) {
          smallest = candidate
          changed = true
          break
        }
      }
    }
    return smallest
  })
