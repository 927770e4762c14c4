/** The character of an entity of HTML. */

const named: ReadonlyMap<string, string> = new Map(Object.entries({
  aelig: "æ",
  AElig: "Æ",
  amp: "&",
  apos: "'",
  asymp: "≈",
  bull: "•",
  cent: "¢",
  copy: "©",
  dagger: "†",
  deg: "°",
  divide: "÷",
  emsp: " ",
  ensp: " ",
  euro: "€",
  frac12: "½",
  frac14: "¼",
  frac34: "¾",
  ge: "≥",
  gt: ">",
  hellip: "…",
  iexcl: "¡",
  infin: "∞",
  iquest: "¿",
  laquo: "«",
  larr: "←",
  ldquo: "“",
  le: "≤",
  lsquo: "‘",
  lt: "<",
  mdash: "—",
  micro: "µ",
  middot: "·",
  minus: "−",
  nbsp: " ",
  ndash: "–",
  ne: "≠",
  oelig: "œ",
  OElig: "Œ",
  ordf: "ª",
  ordm: "º",
  oslash: "ø",
  Oslash: "Ø",
  para: "¶",
  plusmn: "±",
  pound: "£",
  quot: "\"",
  raquo: "»",
  rarr: "→",
  rdquo: "”",
  reg: "®",
  rsquo: "’",
  sect: "§",
  shy: "",
  sup1: "¹",
  sup2: "²",
  sup3: "³",
  szlig: "ß",
  thinsp: " ",
  times: "×",
  trade: "™",
  yen: "¥",
  zwnj: "\u200c"
}))

/** Marks above and below a letter. */
const marks: ReadonlyMap<string, string> = new Map([
  ["acute", "\u0301"],
  ["grave", "\u0300"],
  ["circ", "\u0302"],
  ["uml", "\u0308"],
  ["tilde", "\u0303"],
  ["ring", "\u030a"],
  ["cedil", "\u0327"],
  ["caron", "\u030c"]
])

const accented = (name: string): string | undefined => {
  const [, letter = "", mark = ""] = /^([a-zA-Z])([a-z]+)$/.exec(name) ?? []
  const combining = marks.get(mark)
  return combining === undefined ? undefined : (letter + combining).normalize("NFC")
}

/** The entity as it is where it is none. */
export const entityText = (entity: string): string => {
  const code = /^&#(?:(\d{1,7})|x([0-9a-f]{1,6}));$/i.exec(entity)
  if (code !== null) {
    const point = code[1] === undefined ? Number.parseInt(code[2] ?? "", 16) : Number(code[1])
    const isText = point >= 32 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff)
    return point === 10 || point === 13 || point === 9 ? " " : isText ? String.fromCodePoint(point) : entity
  }
  const name = entity.slice(1, -1)
  return named.get(name) ?? accented(name) ?? entity
}
