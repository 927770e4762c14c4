/** Numbers below a hundred, in words or digits: recognisers write them one way or the other. */

/** From zero on, by language: English, German, French, Spanish, Portuguese. */
const small = [
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen " +
  "eighteen nineteen",
  "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn " +
  "achtzehn neunzehn",
  "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize",
  "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete " +
  "dieciocho diecinueve",
  "zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete dezoito " +
  "dezenove"
]

/** From twenty on. */
const tens = [
  "twenty thirty forty fifty sixty seventy eighty ninety",
  "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
  "vingt trente quarante cinquante soixante",
  "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
  "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa"
]

const valuesOf = (lists: ReadonlyArray<string>, value: (index: number) => number): ReadonlyMap<string, number> =>
  new Map(lists.flatMap((list) => list.split(" ").map((word, index) => [word, value(index)] as const)))

const smallValues = valuesOf(small, (index) => index)
const tensValues = valuesOf(tens, (index) => 20 + 10 * index)

/** "Dreiundzwanzig". */
const joined = (word: string): number | undefined => {
  const [, unit = "", ten = ""] = /^(\p{L}+)und(\p{L}+)$/u.exec(word) ?? []
  const [one, many] = [unit === "ein" ? 1 : smallValues.get(unit), tensValues.get(ten)]
  return one === undefined || many === undefined ? undefined : many + one
}

/** Between tens and units: "vingt et un", "treinta y dos", "trinta e dois". */
const and: ReadonlySet<string> = new Set(["et", "y", "e"])

/** The number that begins at `at`, and how many words it has. */
const numberAt = (words: ReadonlyArray<string>, at: number): readonly [value: number, words: number] | undefined => {
  const word = words[at]!
  const ten = tensValues.get(word)
  if (ten === undefined) {
    const value = smallValues.get(word) ?? joined(word)
    return value === undefined ? undefined : [value, 1]
  }
  const behind = and.has(words[at + 1] ?? "") ? 2 : 1
  const unit = smallValues.get(words[at + behind] ?? "") ?? 0
  return unit > 0 && unit < 10 ? [ten + unit, behind + 1] : [ten, 1]
}

/** The same words, in lower case, with their numbers in digits: "twenty three" as "23", and "7:30" as "7 30". */
export const inDigits = (all: ReadonlyArray<string>): Array<string> => {
  const words = all.flatMap((word) => /^\d+[:.]\d+$/.test(word) ? word.split(/[:.]/) : word.split("-"))
  const out: Array<string> = []
  for (let at = 0; at < words.length;) {
    const [value, length] = numberAt(words, at) ?? [undefined, 1]
    out.push(value === undefined ? words[at]! : String(value))
    at += length
  }
  return out
}
