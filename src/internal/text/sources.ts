/** Marks of sources in a text, which are for the eye: footnotes, citations by number, callouts. */

const footnote = /^\^[^\s\]]{1,40}$/
const numbers = /^\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*$/
/** "1†source", "†2", "doc3". */
const documents = /†|^docs?\s?\d{1,3}(?:\s*,\s*docs?\s?\d{1,3})*$/i
const callout = /^!(?:note|tip|important|warning|caution)$/i

/** Behind these words a number is said: "press [1]", "as in [1]", "your options are [1] tea". */
const choices = new Set(
  ("press dial type select choose enter say option key number button item step room line extension tap pick hit digit note " +
    "drücken drücke sie taste wählen wähle nummer option ziffer appuyez tapez touche choisissez numéro pulse pulsa marque marca " +
    "tecla opción número prema premi digiti tasto opzione numero pressione tecle digite opção toets druk kies optie nummer " +
    "naciśnij wybierz numer opcja klawisz нажмите наберите цифру номер кнопку вариант " +
    "a an the of to in on at by for as with and or than from is are was be see " +
    "ist sind und oder in zu als mit für siehe von le la les de et ou est sont pour voir sur el los y o es son para véase en " +
    "il lo e è sono per vedi di con um uma são é ver em op en of een het zijn zie voor van i lub jest są na w z dla " +
    "и или на в с для см это").split(" ")
)

/** Whether what stands in brackets is said nowhere. */
export const isMark = (content: string): boolean =>
  footnote.test(content) || documents.test(content) || callout.test(content)

/** Whether it may be a citation by its number. */
export const isNumber = (content: string): boolean => numbers.test(content) && !content.startsWith("0")

/** Whether a number that is said stands behind a text. */
export const isChoice = (before: string): boolean => choices.has(/\p{L}+$/u.exec(before)?.[0].toLowerCase() ?? "")

/**
 * Whether a number in brackets cites: directly behind a word or the end of a sentence, or with a space
 * before it behind a word. Elsewhere it is a part of the sentence.
 */
export const cites = (before: string, isSpaced: boolean, next: string): boolean => {
  if (before === "" || before.endsWith("\n")) return false
  if (!isSpaced) return /[\p{L}\p{N}.,!?;:)"'”’»*\]。、！？]$/u.test(before)
  return /[\p{L}\p{N}%°)"'”’»*\]]$/u.test(before)
    ? /[\s.,;:!?)[*_~–—-]/.test(next)
    : /[,;.]$/.test(before) && /[\n.,;!?)]/.test(next)
}
