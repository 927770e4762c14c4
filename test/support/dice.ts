/** Numbers at random, the same for the same seed. */
export const diceOf = (seed: number) => {
  let state = seed * 2_654_435_761 >>> 0
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 4_294_967_296
  }
  for (let i = 0; i < 8; i++) next()
  return {
    /** From 0, and less than that. */
    below: (most: number) => Math.floor(next() * most),
    int: (from: number, to: number) => from + Math.floor(next() * (to - from + 1)),
    pick: <A>(all: ReadonlyArray<A>): A => all[Math.floor(next() * all.length)]!
  }
}
