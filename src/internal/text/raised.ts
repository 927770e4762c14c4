/** What is raised behind a text: a power, the end of an ordinal number, or the mark of a note. */

/** Squares and cubes are of these; behind other words a raised number is that of a note. */
const units: ReadonlySet<string> = new Set("km cm mm dm ft in mi yd nm µm ms".split(" "))

const ordinals = /^(?:th|st|nd|rd|er|re|e|è?me|o|a|os|as)$/

export const raised = (before: string, exponent: string): "power" | "ending" | "note" => {
  if (/^[b-zB-Z]$/.test(exponent) && exponent !== "o" && exponent !== "e") return "power"
  const word = /[\p{L}µ]+$/u.exec(before)?.[0] ?? ""
  if (word.length > 1 && !units.has(word) && /^\[?[\d*†]{1,2}\]?$/.test(exponent)) return "note"
  if (/^\[\d{1,2}\]$/.test(exponent)) return "note"
  const ends = ordinals.test(exponent) && /\d$/.test(before) || word !== "" && /^\p{L}{2,}$/u.test(exponent)
  return ends ? "ending" : "power"
}
