/**
 * Greetings of machines as Debian's packages `asterisk-core-sounds-{en,es,fr,it,ru}-wav` have them, spoken by
 * professionals: files, their words, and what they are. The words are those that come with the packages; of es, fr
 * and it they are written after the English ones.
 */

export type Kind = "voicemail" | "menu" | "unreachable"

export interface Greeting {
  readonly language: string
  readonly kind: Kind
  readonly parts: ReadonlyArray<readonly [file: string, text: string]>
}

interface Words {
  readonly digits: readonly [string, string, string]
  readonly theperson: string
  readonly isunavail: string
  readonly isonphone: string
  readonly intro: string
  readonly nobodyavail: string
  readonly mailboxfull: string
  readonly noservice: string
  readonly instructions: string
  readonly review: string
}

const languages: Readonly<Record<string, Words>> = {
  en: {
    digits: ["one", "zero", "two"],
    theperson: "The person at extension",
    isunavail: "is unavailable.",
    isonphone: "is on the phone.",
    intro: "Please leave your message after the tone. When done, hang up or press the pound key.",
    nobodyavail: "Nobody is available to take your call at the moment.",
    mailboxfull: "Sorry, but the user's mailbox can't accept more messages.",
    noservice: "The number you have dialed is not in service. Please check the number and try again.",
    instructions:
      "To look into your messages, press 1 now. You may quit voicemail at any time by pressing the pound key.",
    review: "Press 1 to accept this recording, press 2 to listen to it, press 3 to rerecord your message."
  },
  es: {
    digits: ["uno", "cero", "dos"],
    theperson: "La persona en la extensión",
    isunavail: "no está disponible.",
    isonphone: "está en el teléfono.",
    intro: "Por favor, deje su mensaje después del tono. Cuando termine, cuelgue o presione la tecla gato.",
    nobodyavail: "Nadie está disponible para atender su llamada en este momento.",
    mailboxfull: "Lo sentimos, el buzón del usuario no puede aceptar más mensajes.",
    noservice: "El número que usted marcó no está en servicio. Por favor, verifique el número e intente otra vez.",
    instructions:
      "Para escuchar sus mensajes, presione 1 ahora. Puede salir del correo de voz presionando la tecla gato.",
    review: "Presione 1 para aceptar esta grabación, presione 2 para escucharla, presione 3 para grabarla de nuevo."
  },
  fr: {
    digits: ["un", "zéro", "deux"],
    theperson: "La personne au poste",
    isunavail: "n'est pas disponible.",
    isonphone: "est au téléphone.",
    intro: "Veuillez laisser votre message après la tonalité. Ensuite, raccrochez ou appuyez sur le carré.",
    nobodyavail: "Personne n'est disponible pour prendre votre appel en ce moment.",
    mailboxfull: "Désolé, la boîte vocale de l'usager ne peut accepter d'autres messages.",
    noservice:
      "Le numéro que vous avez composé n'est pas en service. Veuillez vérifier le numéro et essayer de nouveau.",
    instructions: "Pour écouter vos messages, appuyez sur le 1 maintenant. Pour quitter, appuyez sur le carré.",
    review: "Appuyez sur le 1 pour accepter cet enregistrement, sur le 2 pour l'écouter, sur le 3 pour recommencer."
  },
  it: {
    digits: ["uno", "zero", "due"],
    theperson: "La persona all'interno",
    isunavail: "non è disponibile.",
    isonphone: "è al telefono.",
    intro: "Lasciare un messaggio dopo il segnale acustico. Al termine riagganciare o premere cancelletto.",
    nobodyavail: "Nessuno è disponibile a rispondere alla chiamata in questo momento.",
    mailboxfull: "Spiacenti, la casella vocale dell'utente non può accettare altri messaggi.",
    noservice: "Il numero composto non è attivo. Controllare il numero e riprovare.",
    instructions: "Per ascoltare i messaggi premere 1 ora. Per uscire premere il tasto cancelletto.",
    review: "Premere 1 per accettare la registrazione, premere 2 per ascoltarla, premere 3 per registrare di nuovo."
  },
  ru: {
    digits: ["один", "ноль", "два"],
    theperson: "Абонент с номером",
    isunavail: "недоступен.",
    isonphone: "занят.",
    intro: "Оставьте сообщение после сигнала. После этого нажмите решётку или повесьте трубку.",
    nobodyavail: "В данный момент никто не может принять Ваш звонок.",
    mailboxfull: "Извините, но голосовой ящик абонента переполнен.",
    noservice: "Набранный вами номер отключён. Проверьте номер и повторите попытку.",
    instructions: "Для прослушивания сообщений нажмите 1. Для выхода из голосового ящика нажмите решётку.",
    review: "Нажмите один, чтобы принять сообщение, два, чтобы его прослушать, или три, чтобы записать его заново."
  }
}

const of = (language: string, words: Words): ReadonlyArray<Greeting> => {
  const person: Greeting["parts"] = [
    ["vm-theperson", words.theperson],
    ["digits/1", words.digits[0]],
    ["digits/0", words.digits[1]],
    ["digits/2", words.digits[2]]
  ]
  const intro = ["vm-intro", words.intro] as const
  const made: ReadonlyArray<readonly [Kind, Greeting["parts"]]> = [
    ["voicemail", [intro]],
    ["voicemail", [...person, ["vm-isunavail", words.isunavail], intro]],
    ["voicemail", [...person, ["vm-isonphone", words.isonphone], intro]],
    ["voicemail", [["vm-nobodyavail", words.nobodyavail], intro]],
    ["unreachable", [["vm-mailboxfull", words.mailboxfull]]],
    ["unreachable", [["ss-noservice", words.noservice]]],
    ["menu", [["vm-instructions", words.instructions]]],
    ["menu", [["vm-review", words.review]]]
  ]
  return made.map(([kind, parts]) => ({ language, kind, parts }))
}

export const greetings: ReadonlyArray<Greeting> = Object.entries(languages).flatMap(([language, words]) =>
  of(language, words)
)

/** What people say who pick up, by the names of espeak's voices: at home, at work, and at length. */
export const people: Readonly<Record<string, ReadonlyArray<string>>> = {
  "en-us": [
    "Hello?",
    "Hi.",
    "Yes?",
    "Hello, this is Ann.",
    "Ann Miller speaking.",
    "Yeah, who's this?",
    "Sea View Hotel, good morning, how can I help you?",
    "Good morning, Sea View Hotel, this is Ann speaking, how may I help you today?",
    "Thank you for calling the Sea View Hotel in Brighton, my name is Ann, how may I help you today?",
    "Hello? Sorry, I am just driving, can you hear me all right? Who is this, please?"
  ],
  de: [
    "Hallo?",
    "Ja, bitte?",
    "Müller.",
    "Müller, guten Tag.",
    "Hotel Seeblick, guten Tag, mein Name ist Anna Müller, was kann ich für Sie tun?"
  ],
  "fr-fr": [
    "Allô ?",
    "Oui, bonjour.",
    "Oui, allô, qui est à l'appareil ?",
    "Hôtel de la Mer, bonjour, Anne à votre service."
  ],
  es: [
    "¿Diga?",
    "¿Sí?",
    "¿Bueno?",
    "Hola, ¿quién es?",
    "Hotel del Mar, buenos días, le atiende Ana, ¿en qué puedo ayudarle?"
  ],
  it: ["Pronto?", "Sì, pronto, chi parla?", "Albergo del Mare, buongiorno, sono Anna, come posso aiutarla?"],
  nl: ["Hallo?", "Met Jansen.", "Goedemorgen, u spreekt met Anna Jansen van Hotel Zeezicht, waarmee kan ik u helpen?"],
  "pt-br": ["Alô?", "Oi, quem fala?", "Hotel do Mar, bom dia, Ana falando, em que posso ajudar?"],
  pl: ["Halo?", "Słucham?", "Tak, słucham, kto mówi?", "Hotel Morski, dzień dobry, Anna Kowalska, w czym mogę pomóc?"],
  ru: ["Алло?", "Да, слушаю.", "Алло, кто это?", "Гостиница Морская, добрый день, меня зовут Анна, чем могу помочь?"]
}
