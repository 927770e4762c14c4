/** Counts values in buckets whose width is a share of the value; bounded, and never cleared. */

/** Quantiles within 1 % of the true value, in memory that does not grow with the count. */
export interface Sketch {
  readonly push: (value: number) => void
  readonly count: () => number
  readonly average: () => number
  readonly min: () => number
  readonly max: () => number
  readonly quantile: (q: number) => number
}

const accuracy = 0.01
const gamma = (1 + accuracy) / (1 - accuracy)
const lnGamma = Math.log(gamma)
// Between these lie 1,382 buckets: the most that a sketch can ever hold.
const smallest = 1e-3
const largest = 1e9

export const make = (): Sketch => {
  const buckets = new Map<number, number>()
  let small = 0
  let count = 0
  let sum = 0
  let min = Infinity
  let max = -Infinity

  const nearestRank = (rank: number): number => {
    let seen = small
    if (rank <= seen) {
      return 0
    }
    for (const index of Array.from(buckets.keys()).sort((a, b) => a - b)) {
      seen += buckets.get(index)!
      if (rank <= seen) {
        return 2 * gamma ** index / (gamma + 1)
      }
    }
    return max
  }

  return {
    push: (value) => {
      if (!(value >= 0 && value < Infinity)) {
        return
      }
      count++
      sum += value
      min = Math.min(min, value)
      max = Math.max(max, value)
      if (value < smallest) {
        small++
      } else {
        const index = Math.ceil(Math.log(Math.min(value, largest)) / lnGamma)
        buckets.set(index, (buckets.get(index) ?? 0) + 1)
      }
    },
    count: () => count,
    average: () => count === 0 ? 0 : sum / count,
    min: () => count === 0 ? 0 : min,
    max: () => count === 0 ? 0 : max,
    quantile: (q) => count === 0 ? 0 : Math.min(max, Math.max(min, nearestRank(Math.max(1, Math.ceil(q * count)))))
  }
}
