/** What callers say, by what they want with it, in nine languages. */

export type Language = "en" | "de" | "fr" | "es" | "pt" | "it" | "nl" | "pl" | "ru"

export const languages = ["en", "de", "fr", "es", "pt", "it", "nl", "pl", "ru"] as const satisfies ReadonlyArray<
  Language
>

interface Phrases {
  readonly continuer: readonly [string, ...ReadonlyArray<string>]
  /** Answers of one word: signs of listening, where nothing was asked. */
  readonly agreement: readonly [string, ...ReadonlyArray<string>]
  readonly cutIn: readonly [string, ...ReadonlyArray<string>]
  readonly hold: readonly [string, ...ReadonlyArray<string>]
  /** What an answer and a question begin with. */
  readonly answer: readonly [string, ...ReadonlyArray<string>]
  readonly question: readonly [string, ...ReadonlyArray<string>]
}

export const phrases: Readonly<Record<Language, Phrases>> = {
  en: {
    continuer: ["mm-hm", "uh-huh", "Mhm."],
    agreement: ["Yes.", "Okay.", "Sure.", "Right."],
    cutIn: ["Stop!", "Wait.", "No!", "Stop, please."],
    hold: ["Hang on.", "One moment."],
    answer: ["Yes, please,", "I would like", "For"],
    question: ["What is", "When is", "Can you tell me"]
  },
  de: {
    continuer: ["mhm", "Mhm.", "aha"],
    agreement: ["Ja.", "Okay.", "Gut."],
    cutIn: ["Stopp!", "Warte.", "Nein!", "Halt, bitte."],
    hold: ["Moment bitte.", "Einen Moment."],
    answer: ["Ja, bitte,", "Ich möchte", "Für"],
    question: ["Was ist", "Wann ist", "Können Sie mir sagen,"]
  },
  fr: {
    continuer: ["mm-hm", "Hum hum."],
    agreement: ["Oui.", "D'accord.", "Bien."],
    cutIn: ["Stop !", "Attendez.", "Non !"],
    hold: ["Un instant.", "Un moment."],
    answer: ["Oui, merci,", "Je voudrais", "Pour"],
    question: ["Quel est", "Quand est", "Pouvez-vous me dire"]
  },
  es: {
    continuer: ["ajá", "mm-hm"],
    agreement: ["Sí.", "Vale.", "Claro."],
    cutIn: ["¡Para!", "Espera.", "¡No!"],
    hold: ["Un momento.", "Un segundo."],
    answer: ["Sí, por favor,", "Quisiera", "Para"],
    question: ["¿Qué es", "¿Cuándo es", "¿Puede decirme"]
  },
  pt: {
    continuer: ["aham", "uhum"],
    agreement: ["Sim.", "Claro.", "Certo."],
    cutIn: ["Pare!", "Espere.", "Não!"],
    hold: ["Um momento.", "Só um segundo."],
    answer: ["Sim, por favor,", "Eu queria", "Para"],
    question: ["Qual é", "Quando é", "Pode me dizer"]
  },
  it: {
    continuer: ["mhm", "Già."],
    agreement: ["Sì.", "Certo.", "Va bene."],
    cutIn: ["Stop!", "Aspetti.", "No!", "Basta, per favore."],
    hold: ["Un attimo.", "Un momento, per favore."],
    answer: ["Sì, grazie,", "Vorrei", "Per"],
    question: ["Qual è", "Quando è", "Può dirmi"]
  },
  nl: {
    continuer: ["mhm", "Ja, ja.", "aha"],
    agreement: ["Oké.", "Prima.", "Precies."],
    cutIn: ["Stop!", "Wacht.", "Nee!", "Stop, alstublieft."],
    hold: ["Momentje.", "Wacht even."],
    answer: ["Ja, graag,", "Ik wil", "Voor"],
    question: ["Wat is", "Wanneer is", "Kunt u mij zeggen"]
  },
  pl: {
    continuer: ["mhm", "Aha.", "No."],
    agreement: ["Tak.", "Dobrze.", "Jasne."],
    cutIn: ["Stop!", "Przestań.", "Nie!", "Stop, proszę."],
    hold: ["Chwileczkę.", "Moment, proszę."],
    answer: ["Tak, proszę,", "Chcę", "Dla"],
    question: ["Jaki jest", "Kiedy jest", "Czy może pan powiedzieć,"]
  },
  ru: {
    continuer: ["угу", "Ага."],
    agreement: ["Да.", "Хорошо.", "Конечно."],
    cutIn: ["Стоп!", "Подождите.", "Нет!", "Хватит, пожалуйста."],
    hold: ["Минутку.", "Секунду, пожалуйста."],
    answer: ["Да, пожалуйста,", "Я хочу", "Для"],
    question: ["Какой", "Когда", "Вы можете сказать,"]
  }
}

/** All answers of one word, without their signs. */
export const agreement: ReadonlySet<string> = new Set(
  Object.values(phrases).flatMap(({ agreement }) =>
    agreement.map((text) => text.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, " ").trim())
  )
)
