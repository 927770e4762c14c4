/** Names of languages: BCP 47 tags as a program gives them, as each provider takes them, and as it tells them. */

/** Codes of the languages that Whisper knows. */
const codes = (
  "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is " +
  "it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk " +
  "sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh"
).split(" ")

let byName: ReadonlyMap<string, string> | undefined

/** Names that Whisper has for languages beside those of the Unicode tables. */
const others: ReadonlyArray<readonly [name: string, code: string]> = [
  ["bengali", "bn"],
  ["myanmar", "my"],
  ["maori", "mi"],
  ["tagalog", "tl"],
  ["nynorsk", "nn"],
  ["mandarin", "zh"],
  ["castilian", "es"],
  ["flemish", "nl"],
  ["valencian", "ca"],
  ["haitian", "ht"],
  ["letzeburgesch", "lb"],
  ["moldavian", "ro"],
  ["moldovan", "ro"],
  ["panjabi", "pa"],
  ["pushto", "ps"],
  ["sinhalese", "si"],
  ["farsi", "fa"]
]

const named = (): ReadonlyMap<string, string> => {
  const names = new Intl.DisplayNames(["en"], { type: "language" })
  return new Map([...others, ...codes.map((code) => [(names.of(code) ?? code).toLowerCase(), code] as const)])
}

/** Codes that name no language. */
const none: ReadonlySet<string> = new Set(["und", "mul", "mis", "zxx", "unk", "nil"])

const subtags = "[a-z]{2,3}([-_][a-z0-9]{1,8})*"

/** A BCP 47 tag. */
export const tag = new RegExp(`^\\s*${subtags}\\s*$`, "i")

/** A BCP 47 tag, or `auto`: what is spoken is found out. */
export const tagOrAuto = new RegExp(`^\\s*(auto|${subtags})\\s*$`, "i")

const isAuto = (given: string): boolean => given.trim().toLowerCase() === "auto"

/** The tag in its usual form: `en-US` of `en_us`, `de` of `deu`; as it is where it is none. */
export const canonical = (given: string): string => {
  const plain = given.trim().replaceAll("_", "-")
  if (!tag.test(plain)) return plain
  try {
    return Intl.getCanonicalLocales(plain)[0] ?? plain
  } catch {
    return plain
  }
}

/** The language of a tag alone: `en` of `en-US`; nothing of `auto`. */
export const spoken = (given: string): string | undefined => isAuto(given) ? undefined : canonical(given).split("-")[0]

/** Languages whose usual place is another than that of the Unicode tables, or that have another code. */
const places: ReadonlyMap<string, string> = new Map([["no", "nb-NO"], ["no-NO", "nb-NO"], ["yue", "zh-HK"]])

/** A language in a place, without its script: `en-US` of `en`, `zh-TW` of `zh-Hant`. */
export const placed = (given: string): string => {
  const usual = canonical(given)
  const known = places.get(usual)
  if (known !== undefined) return known
  try {
    const locale = new Intl.Locale(usual)
    const full = locale.region === undefined ? locale.maximize() : locale
    const { baseName, language, region } = full
    return region === undefined ? usual : baseName.replace(/^[a-z]+(?:-[A-Z][a-z]{3})?/, language)
  } catch {
    return usual
  }
}

/** The tag of what a server tells: a tag, a code of three letters, or the English name. */
export const told = (language: string): string | undefined => {
  // A name may have its place behind it: "English (United States)".
  const name = language.trim().toLowerCase().replace(/\s*\(.*\)$/, "")
  if (none.has(name)) return undefined
  if (tag.test(name)) return canonical(name)
  byName ??= named()
  const code = byName.get(name)
  return code === undefined ? undefined : canonical(code)
}

/** What is told of a transcript: what the server says, else what it was asked for. */
export const heard = (
  answer: string | null | undefined,
  asked: string | undefined
): { readonly language?: string } => {
  const language = (typeof answer === "string" ? told(answer) : undefined) ?? asked
  return language === undefined ? {} : { language }
}
