/** Names of languages as the recognisers take and tell them. */

/** Codes of the languages that Whisper knows. */
const codes = (
  "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is " +
  "it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk " +
  "sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh"
).split(" ")

let byName: ReadonlyMap<string, string> | undefined

const named = (): ReadonlyMap<string, string> => {
  const names = new Intl.DisplayNames(["en"], { type: "language" })
  return new Map(codes.map((code) => [(names.of(code) ?? code).toLowerCase(), code]))
}

/** The language of a BCP 47 tag alone, as the servers want it: `en` of `en-US`; nothing of `auto`. */
export const spoken = (tag: string): string | undefined => {
  const [language = ""] = tag.trim().toLowerCase().split(/[-_]/)
  return language === "auto" ? undefined : language
}

/** A BCP 47 tag, or `auto`. */
export const tag = /^\s*(auto|[a-z]{2,3}([-_][a-z0-9]+)*)\s*$/i

/** The code of what a server tells: a code, or the English name. */
export const told = (language: string): string | undefined => {
  const name = language.trim().toLowerCase()
  if (/^[a-z]{2,3}(-[a-z0-9]+)*$/.test(name)) return name
  byName ??= named()
  return byName.get(name)
}
