/** How much may be typed: longer texts, and those that come faster than anyone types, are refused. */

/** Characters. */
const longestText = 16_384
const mostAtOnce = 20
const withinMs = 10_000

/** Tells of each text why it is refused, if it is. */
export const makeTextLimit = (now: () => number): (text: string) => string | undefined => {
  const taken: Array<number> = []
  return (text) => {
    const at = now()
    while (taken[0] !== undefined && taken[0] <= at - withinMs) taken.shift()
    if (text.length > longestText) return `longer than ${longestText} characters`
    if (taken.length >= mostAtOnce) return `more than ${mostAtOnce} texts in ${withinMs / 1000} seconds`
    taken.push(at)
    return undefined
  }
}
