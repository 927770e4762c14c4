/** Calls of tools as servers tell them, at random: each seed is one answer. */
import type { Fragment } from "../../src/internal/llm/calls.ts"

export const random = (seed: number) => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    below,
    one: <A>(values: ReadonlyArray<A>): A => values[below(values.length)]!,
    chance: (share: number) => next() < share
  }
}

export type Random = ReturnType<typeof random>

const names = ["get_weather", "get_time", "book", "hang_up"]

/** Parameters with all that could be taken for the end of them. */
const paramsOf = (dice: Random): object => ({
  ...(dice.chance(0.8) ? { city: dice.one(["Paris", "a \"}\" in\\ it", "{[", "å\n🙂", ""]) } : undefined),
  ...(dice.chance(0.4) ? { rooms: [{ nights: dice.below(9) }, { nights: null }] } : undefined),
  ...(dice.chance(0.2) ? { pad: "x".repeat(dice.below(300)) } : undefined)
})

export const cut = (text: string, dice: Random): ReadonlyArray<string> => {
  const at = Array.from({ length: dice.below(6) }, () => dice.below(text.length + 1)).toSorted((a, b) => a - b)
  return [0, ...at].map((from, i) => text.slice(from, at[i] ?? text.length))
}

export const parsedOr = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Calls as one of many servers tells them, and what they are. */
export const conversation = (seed: number) => {
  const dice = random(seed)
  const index = dice.one(["own", "zero", "none"] as const)
  const id = dice.one(["every", "first", "none", ...(index === "own" ? ["changing" as const] : [])] as const)
  const sure = index === "own" || id === "every"
  const cuts = dice.chance(0.7)
  const naming = id === "changing" ? "first" : dice.one(["first", "every", ...(sure && cuts ? ["split" as const] : [])])
  const interleaved = sure && dice.chance(0.6)
  // Without anything to tell them apart, each fragment comes by itself.
  const alone = naming === "split" || (cuts && index !== "own" && id !== "every")
  const style = JSON.stringify({ index, id, naming, cuts, interleaved, alone })

  const wanted = Array.from({ length: 1 + dice.below(5) }, (_, i) => ({
    id: `id-${seed}-${i}`,
    name: dice.one(names),
    params: paramsOf(dice)
  }))
  const queues = wanted.map(({ id: mine, name, params }, i) => {
    const text = dice.chance(0.2) ? JSON.stringify(params, undefined, 2) : JSON.stringify(params)
    const at = 1 + dice.below(name.length - 1)
    const pieces: ReadonlyArray<unknown> = naming === "split"
      ? ["", "", ...cut(text, dice)]
      : cuts
      ? cut(text, dice)
      : [dice.chance(0.3) ? params : text]
    const isFirst = (piece: number) => piece === 0
    return pieces.map((params, piece): Fragment => ({
      index: index === "own" ? i : index === "zero" ? 0 : undefined,
      id: id === "every" || (id === "first" && isFirst(piece))
        ? mine
        : id === "changing"
        ? `${mine}-${piece}`
        : dice.one([undefined, ""]),
      name: naming === "split"
        ? [name.slice(0, at), name.slice(at)][piece]
        : naming === "every" || isFirst(piece)
        ? name
        : dice.one([undefined, ""]),
      params
    }))
  })
  const order: Array<number> = []
  const fragments: Array<Fragment> = []
  while (queues.some((queue) => queue.length > 0)) {
    const open = queues.flatMap((queue, i) => queue.length > 0 ? [i] : [])
    const from = interleaved ? dice.one(open) : open[0]!
    if (!order.includes(from)) order.push(from)
    fragments.push(queues[from]!.shift()!)
  }
  const deltas: Array<Array<Fragment>> = []
  for (const fragment of fragments) {
    if (deltas.length > 0 && !alone && dice.chance(0.4)) deltas.at(-1)!.push(fragment)
    else deltas.push([fragment])
    if (dice.chance(0.05)) deltas.push([])
  }
  return {
    style,
    deltas,
    ids: id === "every" || id === "first",
    wanted: index === "own" ? wanted : order.map((i) => wanted[i]!)
  }
}
