/** Cut-offs against the wait, of one kind of policy: what is best at each rate, with 95 % intervals. */
import type { Outcome } from "./policy.ts"

export interface Point {
  readonly setting: object
  readonly outcomes: ReadonlyArray<Outcome>
  /** Share of pauses in which the floor was taken. */
  readonly cuts: number
  /** Mean wait after the end (ms). */
  readonly wait: number
}

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

export const pointOf = (setting: object, outcomes: ReadonlyArray<Outcome>): Point => ({
  setting,
  outcomes,
  cuts: mean(outcomes.flatMap(({ cuts }) => cuts.map(Number))),
  wait: mean(outcomes.map(({ wait }) => wait))
})

/** Wilson's interval of a share. */
export const wilson = (share: number, n: number): readonly [number, number] => {
  const z = 1.96
  const middle = (share + (z * z) / (2 * n)) / (1 + (z * z) / n)
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n))
  return [Math.max(0, middle - half), Math.min(1, middle + half)]
}

/** The quickest point that cuts no more than so often. */
export const quickest = (points: ReadonlyArray<Point>, cuts: number): Point | undefined =>
  points.filter((point) => point.cuts <= cuts).sort((a, b) => a.wait - b.wait)[0]

/** What no other point beats. */
export const frontier = (points: ReadonlyArray<Point>): ReadonlyArray<Point> =>
  points.filter((point) =>
    !points.some((other) =>
      (other.cuts < point.cuts && other.wait <= point.wait) || (other.cuts <= point.cuts && other.wait < point.wait)
    )
  ).sort((a, b) => a.wait - b.wait)

/** Interval of a share of one point's wait in another's: turns are drawn anew 1,000 times. */
export const shareOf = (
  point: Point,
  of: Point
): { readonly share: number; readonly interval: readonly [number, number] } => {
  let state = 1
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 4_294_967_296
  }
  const n = point.outcomes.length
  const drawn = Array.from({ length: 1000 }, () => {
    let [sum, other] = [0, 0]
    for (let i = 0; i < n; i++) {
      const at = Math.floor(random() * n)
      sum += point.outcomes[at]!.wait
      other += of.outcomes[at]!.wait
    }
    return sum / other
  }).sort((a, b) => a - b)
  return { share: point.wait / of.wait, interval: [drawn[25]!, drawn[974]!] }
}
