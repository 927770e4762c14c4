/** How much may come of what others send: so much at once, and so much more in each millisecond. Owns nothing. */

/** Takes some of it at a time (ms) of any one clock; tells whether there was enough. */
export type Allowance = (much: number, now: number) => boolean

export const makeAllowance = (most: number, perMs: number, since: number): Allowance => {
  let left = most
  let at = since
  return (much, now) => {
    left = Math.min(most, left + (now - at) * perMs) - much
    at = now
    return left >= 0
  }
}
