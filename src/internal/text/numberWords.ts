/** Number words, by language. It is only data: who reads numbers, and how, is no part of it. */

interface Words {
  /** From zero on. */
  readonly small: string
  /** From twenty on, in tens. */
  readonly tens: string
  /** What stands for one or two in a phrase besides: articles, other genders. */
  readonly one?: string
  readonly two?: string
  /** What else stands for a digit where somebody dictates. */
  readonly dictated?: string
  /** Other words for tens, none of which follows the others. */
  readonly moreTens?: string
  /** Between tens and units: "treinta y dos". */
  readonly and?: string
  /** Tens and a unit in one word; only the Spanish twenties are one. */
  readonly joined?: (unit: string, tens: string) => string | undefined
}

/** Units that bear an accent at the end of a word. */
const accented: ReadonlyMap<string, string> = new Map([["dos", "dós"], ["tres", "trés"], ["seis", "séis"], [
  "tre",
  "tré"
]])

const languages: ReadonlyArray<Words> = [
  {
    small: "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen " +
      "seventeen eighteen nineteen",
    tens: "twenty thirty forty fifty sixty seventy eighty ninety",
    one: "a an",
    dictated: "oh o double triple hash star"
  },
  {
    small: "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn " +
      "siebzehn achtzehn neunzehn",
    tens: "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    one: "ein eine einen",
    dictated: "zwo",
    joined: (unit, tens) => `${unit === "eins" ? "ein" : unit}und${tens}`
  },
  {
    small: "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize",
    tens: "vingt trente quarante cinquante soixante",
    one: "une",
    moreTens: "septante huitante octante nonante quatre-vingt quatre-vingts",
    and: "et"
  },
  {
    small: "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis " +
      "diecisiete dieciocho diecinueve",
    tens: "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    one: "un una",
    and: "y",
    joined: (unit, tens) => tens === "veinte" ? `veinti${accented.get(unit) ?? unit}` : undefined
  },
  {
    small:
      "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici " +
      "diciassette diciotto diciannove",
    tens: "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
    one: "un una",
    joined: (unit, tens) => `${/^[uo]/.test(unit) ? tens.slice(0, -1) : tens}${accented.get(unit) ?? unit}`
  },
  {
    small:
      "zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete " +
      "dezoito dezenove",
    tens: "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
    one: "uma",
    two: "duas",
    and: "e"
  },
  {
    small:
      "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien " +
      "achttien negentien",
    tens: "twintig dertig veertig vijftig zestig zeventig tachtig negentig",
    one: "één",
    joined: (unit, tens) => `${unit}${unit.endsWith("e") ? "ën" : "en"}${tens}`
  },
  {
    small: "zero jeden dwa trzy cztery pięć sześć siedem osiem dziewięć dziesięć jedenaście dwanaście trzynaście " +
      "czternaście piętnaście szesnaście siedemnaście osiemnaście dziewiętnaście",
    tens:
      "dwadzieścia trzydzieści czterdzieści pięćdziesiąt sześćdziesiąt siedemdziesiąt osiemdziesiąt dziewięćdziesiąt",
    one: "jedna jedną jedno",
    two: "dwie"
  },
  {
    small:
      "ноль один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать четырнадцать " +
      "пятнадцать шестнадцать семнадцать восемнадцать девятнадцать",
    tens: "двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто",
    one: "одна одну одно",
    two: "две",
    dictated: "нуль"
  }
]

const split = (words: string | undefined): ReadonlyArray<string> => words === undefined ? [] : words.split(" ")

const valued = (
  words: (language: Words) => string | undefined,
  value: (index: number) => number
): ReadonlyMap<string, number> =>
  new Map(languages.flatMap((language) => split(words(language)).map((word, index) => [word, value(index)] as const)))

/** From zero to nineteen. */
export const small = valued(({ small }) => small, (index) => index)

/** Twenty, thirty, and so on. */
export const tens = valued(({ tens }) => tens, (index) => 20 + 10 * index)

const withoutAccents = (word: string): string => word.normalize("NFD").replace(/\p{M}/gu, "")

/** Tens and a unit in one word, also without the accent that some leave out: "dreiundzwanzig", "veintitrés", "trentuno". */
export const compounds: ReadonlyMap<string, number> = new Map(
  languages.flatMap(({ joined, small, tens }) =>
    joined === undefined ? [] : split(tens).flatMap((ten, i) =>
      split(small).slice(1, 10).flatMap((unit, j) => {
        const word = joined(unit, ten)
        const value = 20 + 10 * i + j + 1
        return word === undefined ? [] : [[withoutAccents(word), value] as const, [word, value] as const]
      })
    )
  )
)

/** Between tens and units. */
export const and: ReadonlySet<string> = new Set(languages.flatMap((language) => split(language.and)))

/** Words for one digit, as who dictates says them. */
export const digits: ReadonlySet<string> = new Set([
  ...[...small].flatMap(([word, value]) => value < 10 ? [word] : []),
  ...languages.flatMap((language) => split(language.dictated))
])

/** Words for two digits, to which none is added. */
export const teens: ReadonlySet<string> = new Set([...small].flatMap(([word, value]) => value < 10 ? [] : [word]))

/** Words for two digits, to which one may be added. */
export const allTens: ReadonlySet<string> = new Set([
  ...tens.keys(),
  ...languages.flatMap((language) => split(language.moreTens))
])

/** In a phrase, articles among them: "1" for "a" of "a moment", "2" for "deux" of "deux secondes". */
export const inPhrases: ReadonlyMap<string, string> = new Map(
  languages.flatMap(({ one, small, two }) => [
    ...[...split(one), split(small)[1]!].map((word) => [word, "1"] as const),
    ...[...split(two), split(small)[2]!].map((word) => [word, "2"] as const)
  ])
)
