/** How formulas are said, by language. It is only data. */
import { languageOf } from "./phrases.ts"

/** Words of one language; where nothing is known of it, signs that its voices read by themselves. */
export interface MathWords {
  readonly plus: string
  readonly minus: string
  readonly times: string
  readonly over: string
  readonly equals: string
  readonly less: string
  readonly more: string
  readonly most: string
  readonly least: string
  readonly unequal: string
  readonly about: string
  readonly plusMinus: string
  readonly squared: string
  readonly cubed: string
  readonly power: string
  readonly root: string
  readonly cubeRoot: string
  readonly infinity: string
  readonly sum: string
  readonly integral: string
}

const names: ReadonlyArray<keyof MathWords> = [
  "plus",
  "minus",
  "times",
  "over",
  "equals",
  "less",
  "more",
  "most",
  "least",
  "unequal",
  "about",
  "plusMinus",
  "squared",
  "cubed",
  "power",
  "root",
  "cubeRoot",
  "infinity",
  "sum",
  "integral"
]

const said = (words: string): MathWords => {
  const list = words.split(/\s*,\s*/)
  return Object.fromEntries(names.map((name, i) => [name, list[i] ?? ""])) as Record<keyof MathWords, string>
}

const english = said(
  "plus, minus, times, over, equals, is less than, is greater than, is at most, is at least, is not equal to, " +
    "is about, plus or minus, squared, cubed, to the power of, the square root of, the cube root of, infinity, the sum of, " +
    "the integral of"
)

const languages: ReadonlyMap<string, MathWords> = new Map([
  ["en", english],
  [
    "de",
    said(
      "plus, minus, mal, durch, gleich, kleiner als, größer als, höchstens, mindestens, ungleich, ungefähr, " +
        "plus minus, zum Quadrat, hoch drei, hoch, die Wurzel aus, die dritte Wurzel aus, unendlich, die Summe von, das Integral von"
    )
  ],
  [
    "fr",
    said(
      "plus, moins, fois, sur, égale, est inférieur à, est supérieur à, est au plus, est au moins, est différent de, " +
        "environ, plus ou moins, au carré, au cube, puissance, la racine carrée de, la racine cubique de, l'infini, la somme de, " +
        "l'intégrale de"
    )
  ],
  [
    "es",
    said(
      "más, menos, por, entre, es igual a, es menor que, es mayor que, es como máximo, es como mínimo, es distinto de, " +
        "aproximadamente, más menos, al cuadrado, al cubo, elevado a, la raíz cuadrada de, la raíz cúbica de, infinito, " +
        "la suma de, la integral de"
    )
  ],
  [
    "it",
    said(
      "più, meno, per, fratto, è uguale a, è minore di, è maggiore di, è al massimo, è almeno, è diverso da, circa, " +
        "più o meno, al quadrato, al cubo, elevato a, la radice quadrata di, la radice cubica di, infinito, la somma di, " +
        "l'integrale di"
    )
  ],
  [
    "pt",
    said(
      "mais, menos, vezes, sobre, é igual a, é menor que, é maior que, é no máximo, é no mínimo, é diferente de, " +
        "aproximadamente, mais ou menos, ao quadrado, ao cubo, elevado a, a raiz quadrada de, a raiz cúbica de, infinito, " +
        "a soma de, a integral de"
    )
  ],
  [
    "nl",
    said(
      "plus, min, keer, gedeeld door, is gelijk aan, is kleiner dan, is groter dan, is hoogstens, is minstens, is ongelijk aan, " +
        "is ongeveer, plus of min, kwadraat, tot de derde, tot de macht, de wortel van, de derdemachtswortel van, oneindig, " +
        "de som van, de integraal van"
    )
  ],
  [
    "pl",
    said(
      "plus, minus, razy, przez, równa się, jest mniejsze niż, jest większe niż, jest co najwyżej, jest co najmniej, " +
        "jest różne od, około, plus minus, do kwadratu, do sześcianu, do potęgi, pierwiastek z, pierwiastek sześcienny z, " +
        "nieskończoność, suma, całka z"
    )
  ],
  [
    "ru",
    said(
      "плюс, минус, умножить на, делить на, равно, меньше, больше, не больше, не меньше, не равно, примерно, плюс-минус, " +
        "в квадрате, в кубе, в степени, корень из, кубический корень из, бесконечность, сумма, интеграл от"
    )
  ]
])

const signs = said("+, −, ×, /, =, <, >, ≤, ≥, ≠, ≈, ±, ², ³, , √, ∛, ∞, ∑, ∫")

export const mathWords = (language: string | undefined): MathWords => languages.get(languageOf(language)) ?? signs
