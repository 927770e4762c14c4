/**
 * What machines say when they answer a telephone, by language: an answering machine, a menu, a
 * network that tells that nobody can be reached. People say none of it when they pick up.
 */
import { canonical } from "./words.ts"

export type Machine = "voicemail" | "menu" | "unreachable"

const voicemail: ReadonlyArray<string> = [
  // English
  "leave a message",
  "leave me a message",
  "leave us a message",
  "leave your message",
  "leave your name",
  "leave a voicemail",
  "record your message",
  "at the tone",
  "after the tone",
  "at the beep",
  "after the beep",
  "voicemail",
  "voice mail",
  "voice mailbox",
  "take your call right now",
  "automatic voice message",
  "the person you are calling",
  "the person you are trying to reach",
  // German
  "hinterlassen sie",
  "nach dem ton",
  "nach dem piepton",
  "nach dem signalton",
  "anrufbeantworter",
  "mailbox von",
  // French
  "laissez un message",
  "laissez moi un message",
  "laissez votre message",
  "laisser un message",
  "apres le bip",
  "apres le signal sonore",
  "messagerie vocale",
  "repondeur",
  // Spanish
  "deje un mensaje",
  "deje su mensaje",
  "deje tu mensaje",
  "despues de la senal",
  "despues del tono",
  "buzon de voz",
  "contestador automatico",
  // Portuguese
  "deixe um recado",
  "deixe uma mensagem",
  "deixe sua mensagem",
  "deixe a sua mensagem",
  "apos o sinal",
  "apos o bip",
  "caixa postal",
  "correio de voz",
  // Italian
  "lasciate un messaggio",
  "lasciare un messaggio",
  "lasci un messaggio",
  "dopo il segnale acustico",
  "segreteria telefonica",
  // Dutch
  "laat een bericht achter",
  "spreek een bericht in",
  "na de piep",
  "na de toon"
]

/** Machines begin so, and so do people at work: more may come. */
const beginnings: ReadonlyArray<string> = [
  "you have reached",
  "you ve reached",
  "youve reached",
  "thank you for calling",
  "thanks for calling",
  "not available",
  "not here",
  "sie haben die",
  "sie sind verbunden mit",
  "nicht erreichbar",
  "vous etes bien",
  "vous etes sur",
  "ha llamado",
  "te has comunicado",
  "se ha comunicado",
  "voce ligou",
  "ligou para",
  "avete chiamato",
  "ha chiamato",
  "u bent verbonden met"
]

const unreachable: ReadonlyArray<string> = [
  "mailbox is full",
  "the number you have dialed",
  "the number you have dialled",
  "the number you dialed",
  "not in service",
  "no longer in service",
  "has been disconnected",
  "kein anschluss unter dieser nummer",
  "rufnummer ist nicht vergeben",
  "vorubergehend nicht erreichbar",
  "le numero que vous avez compose",
  "n est pas attribue",
  "el numero que ha marcado",
  "el numero que usted marco",
  "o numero que marcou",
  "o numero discado",
  "il numero selezionato",
  "dit nummer is niet in gebruik"
]

const digit = "(?:\\d|one|two|three|four|five|six|seven|eight|nine|zero|star|pound|hash|" +
  "eins|zwei|drei|vier|null|raute|un|deux|trois|quatre|diese|uno|dos|tres|cuatro|cero|almohadilla|" +
  "um|dois|quatro|due|tre|quattro|een|twee|drie)"

const key = new RegExp(
  `\\b(?:press|dial|drucken|wahlen|tapez|appuyez|faites|pulse|marque|presione|oprima|tecle|digite|pressione|marque|premere|prema|digitare|druk|toets)` +
    `(?: \\w+){0,3} ${digit}\\b`
)

/** In small letters, without accents and punctuation. */
const plain = (text: string): string =>
  ` ${
    canonical(text).join(" ").normalize("NFD").replaceAll(/\p{M}/gu, "").replaceAll(/[-–'’]/g, " ").replaceAll(
      /\s+/g,
      " "
    )
  } `

const holdsOne = (text: string, phrases: ReadonlyArray<string>): boolean =>
  phrases.some((phrase) => text.includes(` ${phrase} `))

/** Whether a machine may say this, and tells more in a moment. */
export const mayBeMachine = (text: string): boolean => holdsOne(plain(text), beginnings)

/** Which machine says this, if one does. */
export const machineOf = (text: string): Machine | undefined => {
  const said = plain(text)
  if (holdsOne(said, unreachable)) return "unreachable"
  if (holdsOne(said, voicemail)) return "voicemail"
  return key.test(said) ? "menu" : undefined
}
