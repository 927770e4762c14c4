/** Whether this Node can run the command at all. Read before anything else, so in words that old versions know. */

const parts = (version: string): ReadonlyArray<number> => version.split(".").map(Number)

/** What to say of a version that is older than the least of a range such as `>=22.19.0`. */
export const tooOld = (version: string, range: string): string | undefined => {
  const least = /\d+(\.\d+)*/.exec(range)
  if (least === null) return undefined
  const wanted = parts(least[0])
  const given = parts(version)
  for (let i = 0; i < 2; i++) {
    const [is, must] = [given[i] ?? 0, wanted[i] ?? 0]
    if (is > must) return undefined
    if (is < must) {
      const short = (all: ReadonlyArray<number>): string => all.slice(0, 2).join(".")
      return `effect-voice needs Node ${short(wanted)} or newer, this is ${short(given)}`
    }
  }
  return undefined
}
