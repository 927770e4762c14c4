/** Names that were meant. */

/** How many letters are added, left out, wrong, or exchanged with their neighbour. */
const distance = (a: string, b: string): number => {
  let last: ReadonlyArray<number> = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let least = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, last[j - 2]! + 1)
      next.push(least)
    }
    last = row
    row = next
  }
  return row[b.length]!
}

/** The name that a misspelt one was to be: short names must be the nearer, for many are alike. */
export const meant = (name: string, names: ReadonlyArray<string>): string | undefined => {
  const small = name.toLowerCase()
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const known of names) {
    const slips = known.length >= 8 ? 2 : known.length >= 5 ? 1 : 0
    if (Math.abs(small.length - known.length) > slips) continue
    const found = distance(small, known.toLowerCase())
    if (found <= slips && found < least) [best, least] = [known, found]
  }
  return best
}
