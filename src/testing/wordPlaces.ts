/** Where words stand in texts that keep their order. */

export const words = (text: string): ReadonlyArray<string> => text.split(/\s+/u).filter((word) => word !== "")

/** Where a text stands in some others, from a place on. */
export const places = (others: ReadonlyArray<{ readonly at: number; readonly text: string }>) => {
  const all = others.map(({ at, text }) => ({ at, words: words(text) }))
  let other = 0
  let from = 0
  return {
    find: (said: ReadonlyArray<string>) => {
      for (let i = other; i < all.length; i++) {
        const one = all[i]!
        for (let j = i === other ? from : 0; j + said.length <= one.words.length; j++) {
          if (said.every((word, k) => one.words[j + k] === word)) return { at: one.at, i, to: j + said.length }
        }
      }
      return undefined
    },
    goTo: (place: { readonly i: number; readonly to: number }) => {
      other = place.i
      from = place.to
    }
  }
}
