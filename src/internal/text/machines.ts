/**
 * What machines say when they answer a telephone, by language: an answering machine, a menu, a
 * network that tells that nobody can be reached. People say none of it when they pick up.
 */
import { canonical } from "./words.ts"

export type Machine = "voicemail" | "menu" | "unreachable"

/** In small letters, without accents and punctuation. */
const unaccented = (text: string): string =>
  text.normalize("NFD").replaceAll(/\p{M}/gu, "").replaceAll("ł", "l").replaceAll(/[-–'’]/g, " ").replaceAll(
    /\s+/g,
    " "
  )

const plain = (text: string): string => ` ${unaccented(canonical(text).join(" "))} `

/** Phrases of which a text may hold one: "…" stands for up to three words, "*" for the end of a word, "(a|b)" for a choice. */
const phrases = (...all: ReadonlyArray<string>): RegExp => {
  const sources = all.map((phrase) =>
    unaccented(phrase).replaceAll("(", "(?:").replaceAll(" …", "(?: \\S+){0,3}").replaceAll("*", "\\S*")
  )
  return new RegExp(` (?:${sources.join("|")})(?= )`, "u")
}

/** A message is asked for, or nobody can take the call. */
const voicemail = phrases(
  // English
  "(leave|leaving) … (message|voicemail|name|number)",
  "record … (message|voicemail)",
  "(at|after|following|wait for|until) the … (tone|beep)",
  "(can't|cant|cannot|can not|unable to|not able to) (take|answer|get to|come to) … (call|phone)",
  "(nobody|no one) is available to",
  "take your call right now",
  "(get|call) … (you|back) … as soon as",
  "(will|we'll|i'll|shall) … return your call",
  "you know what to do",
  "automat* voice messag*",
  // German
  "hinterlass* (sie|mir|uns|bitte)",
  "nachricht … hinterlass*",
  "nach dem (ton|piep|piepton|signalton|signal|tonsignal)",
  "nicht ans telefon",
  "(auf|aufs) … (band|mailbox)",
  "mailbox (von|des|der)",
  // French
  "laiss* … (message|messages|coordonnées|nom|numéro)",
  "après (le|la) … (bip|signal|timbre|tonalité)",
  "ne (peux|pouvons|peut) … répondre",
  "rappeller* … (dès|possible)",
  // Spanish
  "(deje|deja|dejar|déjeme|déjame|déjenos|dejen) … (mensaje|recado|nombre)",
  "(después|luego) (de|del) … (señal|tono|bip)",
  "(grabe|graba) … mensaje",
  "no (puedo|podemos) … (atender|contestar|responder)",
  // Portuguese
  "(deixe|deixa|deixar) … (recado|mensagem|nome)",
  "(após|depois) (o|do) … (sinal|bip|tom)",
  "(grave|grava) … (recado|mensagem)",
  "não (posso|podemos|pode) … atender",
  // Italian
  "lasci* … messaggi*",
  "dopo il … (segnale|bip|tono)",
  "non (posso|possiamo) … rispondere",
  // Dutch
  "(laat|spreek) … (bericht*|boodschap|naam)",
  "na de (piep|toon|pieptoon|bliep)",
  "niet … (opnemen|aan de telefoon komen)",
  // Polish
  "(zostaw*|nagra*) … (wiadomość|informację)",
  "po (sygnale|usłyszeniu)",
  "nie mo(gę|żemy) … odebrać",
  // Russian
  "остав* … сообщени*",
  "после … (сигнала|гудка)",
  "не мо(гу|жем|жет) … (ответить|принять|подойти)"
)

/** What a machine calls itself: it may be the one that takes a message, or one that has some for its owner. */
const named = phrases(
  "(voicemail|voice mail|voice mailbox|answering machine)",
  "the person you (are|re) (calling|trying to reach)",
  "(anrufbeantworter|sprachbox|mobilbox)",
  "(messagerie vocale|messagerie de|la messagerie|répondeur|boîte vocale)",
  "(buzón de|contestador|correo de voz)",
  "(caixa postal|correio de voz|secretária eletrônica)",
  "(segreteria telefonica|casella vocale)",
  "antwoordapparaat",
  "(poczt* głosow*|automatyczna sekretarka)",
  "(голосов* почт*|голосов* ящик*|автоответчик*)"
)

/** No call can ever get through so, or no message can be left. */
const unreachable = phrases(
  // English
  "mailbox … (is|s) full",
  "(can't|cant|cannot|can not) accept … messages",
  "(not|never) … been set up",
  "the number you … (dialed|dialled|called)",
  "(not|no longer) in service",
  "has been disconnected",
  "(cannot|can not|can't|could not) be (completed|connected|reached)",
  "circuits are … busy",
  "not accepting … calls",
  // German
  "kein anschluss unter dieser nummer",
  "rufnummer … nicht (vergeben|bekannt|geschaltet)",
  "mailbox … (voll|keine)",
  // French
  "le numéro que vous",
  "(messagerie|boîte vocale) … … (pleine|saturée|ne peut)",
  "n'est (pas|plus) attribué",
  // Spanish
  "el número que … (marcado|marcó)",
  "buzón … … (lleno|no puede)",
  // Portuguese
  "o número … (marcou|discado|discou)",
  "caixa postal … (cheia|lotada)",
  // Italian
  "il numero (selezionato|composto|chiamato|da lei|digitato)",
  "casella … … (piena|non può)",
  // Dutch
  "nummer … niet in gebruik",
  "(voicemail|mailbox) … vol",
  // Polish
  "nie ma takiego numeru",
  "numer … nie istnieje",
  "skrzynka … (pełna|przepełniona)",
  // Russian
  "номер … не (существует|обслуживается)",
  "номер … (отключен|заблокирован)",
  "неправильно (набран|набрали)",
  "ящик … (переполнен|заполнен)"
)

/** Somebody cannot be reached now: a message may yet be asked for. */
const away = phrases(
  "(customer|subscriber|person|party|user) (you|at) … … (unavailable|not available|not reachable|switched off)",
  "(gesprächspartner|teilnehmer|anschluss|rufnummer) … … nicht (erreichbar|verfügbar)",
  "vorübergehend nicht erreichbar",
  "correspondant … … (joignable|disponible)",
  "apagado o fuera",
  "fuera (de|del) (cobertura|área|servicio)",
  "(cliente|abonado|usuario|número) … … no (está|se encuentra) disponible",
  "(desligado|desligada) ou fora",
  "fora (de|da) (área|cobertura)",
  "(cliente|utente|persona|telefono|numero) … … non … (raggiungibile|disponibile|attivo)",
  "(persoon|abonnee|gebruiker) … … niet (bereikbaar|beschikbaar)",
  "abonent … … (niedostępny|zasięgiem|wyłączony)",
  "(wyłączony telefon|poza zasięgiem)",
  "(абонент|аппарат) … … (недоступен|выключен|зоны)"
)

/** Machines begin so, and so do people at work: more may come. */
const beginnings = phrases(
  "you (have|ve) reached",
  "youve reached",
  "(thank you|thanks) for calling",
  "not (available|here)",
  "sie haben die",
  "sie sind verbunden mit",
  "nicht erreichbar",
  "vous êtes (bien|sur)",
  "ha llamado",
  "(te has|se ha) comunicado",
  "você ligou",
  "ligou para",
  "(avete|ha) chiamato",
  "u bent verbonden met",
  "(dodzwoniłeś|dodzwonili) się",
  "(вы позвонили|вас приветствует)"
)

const digit = "(?:\\d|one|two|three|four|five|six|seven|eight|nine|zero|star|pound|hash|" +
  "eins|zwei|drei|vier|null|raute|rautetaste|sterntaste|un|deux|trois|quatre|carre|etoile|diese|uno|dos|tres|cuatro|cero|" +
  "almohadilla|gato|um|dois|quatro|due|tre|quattro|cancelletto|een|twee|drie|" +
  "jeden|dwa|trzy|cztery|zero|один|два|три|четыре|ноль|решетку|звездочку)"

const key = new RegExp(
  " (?:press|dial|drucken|wahlen|tapez|appuyez|faites|pulse|marque|presione|oprima|tecle|digite|pressione|premere|prema|" +
    `premete|premi|digitare|druk|toets|nacisnij|wcisnij|wybierz|нажмите|наберите)(?: \\S+){0,3} ${digit}(?= )`,
  "u"
)

/** Whether a machine may say this, and tells more in a moment. */
export const mayBeMachine = (text: string): boolean => beginnings.test(plain(text))

/** Which machine says this, if one does. */
export const machineOf = (text: string): Machine | undefined => {
  const said = plain(text)
  if (unreachable.test(said)) return "unreachable"
  if (voicemail.test(said)) return "voicemail"
  if (key.test(said)) return "menu"
  if (away.test(said)) return "unreachable"
  return named.test(said) ? "voicemail" : undefined
}
