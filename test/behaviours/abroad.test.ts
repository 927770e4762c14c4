/** What callers say beside an agent in Italian, Dutch, Polish and Russian, in English within another language, and in languages without phrases. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Text } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { over } from "../support/overSpeech.ts"

const statements = {
  de: "Ihr Zimmer liegt im zweiten Stock und hat einen Blick auf die Altstadt und auf den Fluss und den Hafen.",
  fr: "Votre chambre se trouve au deuxième étage avec une belle vue sur la vieille ville et sur le port.",
  es: "Su habitación está en el segundo piso con una vista preciosa al casco antiguo y al río y al puerto.",
  it: "La sua camera si trova al secondo piano con una bella vista sul centro storico e sul fiume e sul porto.",
  pt: "O seu quarto fica no segundo andar com uma vista bonita para a cidade velha e para o rio e o porto.",
  nl: "Uw kamer ligt op de tweede verdieping met een mooi uitzicht over de oude stad en de rivier en de haven.",
  pl: "Pokój znajduje się na drugim piętrze z pięknym widokiem na stare miasto i na rzekę i na port.",
  ru: "Ваш номер находится на втором этаже с прекрасным видом на старый город и на реку и на порт.",
  tr: "Odanız ikinci katta, eski şehre, nehre ve limana bakan güzel bir manzarası var.",
  zh: "您的房间在二楼，可以看到老城、河流和港口的美丽景色。",
  ko: "객실은 이층에 있으며 구시가지와 강과 항구가 보이는 아름다운 전망이 있습니다.",
  hi: "आपका कमरा दूसरी मंज़िल पर है जहाँ से पुराने शहर और नदी का सुंदर दृश्य दिखता है।",
  ar: "غرفتك في الطابق الثاني مع إطلالة جميلة على المدينة القديمة والنهر والميناء."
}

const questions = {
  de: "Soll ich Ihnen das Zimmer mit dem Blick auf die Altstadt jetzt gleich buchen?",
  it: "Vuole che le prenoti subito la camera con vista sul centro storico?",
  nl: "Zal ik de kamer met uitzicht over de oude stad nu voor u boeken?",
  pl: "Czy mam teraz zarezerwować pokój z widokiem na stare miasto?",
  ru: "Забронировать для вас номер с видом на старый город прямо сейчас?",
  tr: "Eski şehir manzaralı odayı şimdi sizin için ayırtayım mı?",
  zh: "要我现在为您预订能看到老城的房间吗",
  ko: "구시가지가 보이는 객실을 지금 예약해 드릴까요",
  hi: "क्या मैं अभी आपके लिए वह कमरा बुक कर दूँ?",
  ar: "هل تريد أن أحجز لك الغرفة الآن؟"
}

const outcome = (timeline: Testing.Timeline): string => {
  const cut = timeline.of("SpeechFinished")[0]?.outcome === "interrupted" ? "cut" : "whole"
  const aside = timeline.of("UserSpeechSetAside").map(({ reason }) => reason)
  const turns = timeline.of("UserSpeechCommitted").map(() => "turn")
  return [cut, ...aside, ...turns].join(", ")
}

const listens = "whole, continuer"
const agree = "whole, agreement"
const hold = "cut, hold"
const turn = "cut, turn"

type Row = readonly [language: keyof typeof statements, words: string, outcome: string, tag?: string]
const all = (language: keyof typeof statements, outcome: string, words: string, tag?: string): ReadonlyArray<Row> =>
  words.split(" | ").map((one): Row => tag === undefined ? [language, one, outcome] : [language, one, outcome, tag])

const rows: ReadonlyArray<Row> = [
  ...all("it", listens, "Mhm. | Già. | Ah, capisco! | eh già"),
  ...all(
    "it",
    agree,
    "Sì. | Sì, sì. | Va bene. | D'accordo. | d accordo | Certo, certo. | Esatto! | Ho capito. | perfetto | Continui."
  ),
  ...all(
    "it",
    turn,
    "Basta! | No. | No, no. | Aspetta! | Aspetti, per favore. | Stop. | Scusi. | Non così veloce. | No, grazie. | Aiuto!"
  ),
  ...all(
    "it",
    hold,
    "Un attimo. | Un momento, per favore. | 1 minuto | Scusi, un secondo. | Aspetti un attimo. | Resti in linea. | Sì, un momento."
  ),
  ...all("it", hold, "Può aspettare un momento?"),
  ...all("it", agree, "Va bene.", "ita"),
  ...all("nl", listens, "Ja. | Ja, ja. | Mhm. | Ach zo. | Oh ja."),
  ...all("nl", agree, "Oké. | oke | Prima. | Dat klopt. | Precies! | Ja, goed. | Natuurlijk. | Ga verder."),
  ...all(
    "nl",
    turn,
    "Stop! | Nee. | Nee, nee. | Wacht! | Nee, dank u. | Hou op! | Luister eens. | Mag ik iets zeggen? | Niet zo snel."
  ),
  ...all(
    "nl",
    hold,
    "Momentje. | Een ogenblik alstublieft. | 1 minuutje | Wacht even. | Sorry, wacht even. | Even wachten, hoor. | Ja, momentje. | Blijf aan de lijn."
  ),
  ...all("nl", hold, "Kunt u een moment wachten?"),
  ...all("nl", agree, "Precies.", "dut"),
  ...all("pl", listens, "Mhm. | Aha. | No. | No tak. | Rozumiem."),
  ...all(
    "pl",
    agree,
    "Tak. | Tak, tak. | Dobrze. | W porządku. | w porzadku | Jasne! | Zgadza się. | Oczywiście. | Mów dalej."
  ),
  ...all(
    "pl",
    turn,
    "Stop! | Nie. | Nie, nie. | Przestań! | Proszę przestać. | Przepraszam. | Dość. | Nie, dziękuję. | Nie tak szybko."
  ),
  ...all(
    "pl",
    hold,
    "Chwileczkę. | chwileczke | Moment. | Jedną minutę, proszę. | 1 minutę | Proszę poczekać. | Przepraszam, chwilę. | Tak, momencik."
  ),
  ...all("pl", hold, "Czy może pan chwilę poczekać?"),
  ...all("pl", listens, "No.", "pol"),
  ...all("ru", listens, "Угу. | Ага. | Понятно. | Ясно. | Хмм. | угу-угу"),
  ...all(
    "ru",
    agree,
    "Да. | Да-да. | Хорошо. | Конечно! | Всё верно. | все верно | Договорились. | Ладно, хорошо. | Продолжайте."
  ),
  ...all(
    "ru",
    turn,
    "Стоп! | Нет. | Нет, нет. | Хватит! | Подождите! | Извините. | Перестаньте, пожалуйста. | Нет, спасибо. | Не так быстро."
  ),
  ...all(
    "ru",
    hold,
    "Минутку. | Секундочку, пожалуйста. | 1 минуту | Подождите минутку. | Извините, одну минуту. | еще минуту | Ещё минуту. | Не кладите трубку."
  ),
  ...all("ru", hold, "Можете подождать минутку?"),
  ...all("ru", agree, "Да.", "rus"),
  // English within another language.
  ...all(
    "de",
    hold,
    "Sorry, one moment. | Sorry, einen Moment. | One second, bitte. | Hold on. | Entschuldigung, Moment."
  ),
  ...all("de", agree, "Okay. | Yes, okay. | Perfect."),
  ...all("de", turn, "Wait! | Stop, please. | No, no."),
  ...all("fr", hold, "One moment, s'il vous plaît. | Pardon, un instant."),
  ...all("es", hold, "Just a second, por favor. | Perdón, un momento."),
  ...all("it", hold, "Sorry, un attimo. | One moment, please."),
  ...all("pt", hold, "Desculpe, um momento. | Sorry, one moment."),
  ...all("nl", agree, "Yes. | Yeah, oké. | Sure."),
  ...all("pl", agree, "Okay, okay. | Yes, jasne."),
  ...all("ru", hold, "Sorry, секунду. | One moment."),
  // Without a list nothing is set aside: a voice of a second interrupts, and a short one is a turn once the agent is silent.
  ...all("tr", turn, "Evet, tamam anladım. | Dur, lütfen dur. | Bir dakika lütfen."),
  ...all("zh", turn, "好的，我知道了。 | 请等一下。"),
  ...all("ko", turn, "네, 알겠습니다. | 잠깐만요."),
  ...all("hi", turn, "हाँ, ठीक है। | एक मिनट रुकिए।"),
  ...all("ar", turn, "نعم، حسنا. | لحظة من فضلك.")
]

const unknown = new Set(["tr", "zh", "ko", "hi", "ar"])

describe("over a statement", () => {
  it.effect.each(rows)("%s: %s: %s", ([language, words, expected, tag]) =>
    Effect.gen(function*() {
      for (const interims of [true, false]) {
        const ms = unknown.has(language) ? 1200 : 600
        const timeline = yield* over(statements[language], [Testing.say(5000, 5000 + ms, words)], {
          stt: { interims, language: tag ?? language },
          until: 30_000
        })
        assert.strictEqual(outcome(timeline), expected, interims ? "with interims" : "without")
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      }
    }))
})

const answers = {
  de: ["Ja.", "Okay.", "Genau.", "Yes."],
  it: ["Sì.", "Certo.", "Ok.", "Mhm.", "Già.", "No."],
  nl: ["Ja.", "Graag.", "Prima.", "Mhm.", "Nee."],
  pl: ["Tak.", "No.", "Dobrze.", "Mhm.", "Nie."],
  ru: ["Да.", "Угу.", "Хорошо.", "Давайте.", "Нет."],
  tr: ["Evet.", "Tamam.", "Hayır."],
  zh: ["好。", "是的。", "不用。"],
  ko: ["네.", "아니요."],
  hi: ["हाँ।", "जी।", "नहीं।"],
  ar: ["نعم.", "لا."]
} satisfies Record<keyof typeof questions, ReadonlyArray<string>>

const asked = (Object.keys(questions) as ReadonlyArray<keyof typeof questions>).flatMap((language) =>
  answers[language].map((words) => [language, words] as const)
)

describe("an answer to a question", () => {
  it.effect.each(asked)("%s: %s is answered, whenever it comes", ([language, words]) =>
    Effect.gen(function*() {
      // The question ends at 10,200.
      for (const at of [9300, 9900, 10_300, 12_000]) {
        const timeline = yield* over(questions[language], [Testing.say(at, at + 400, words, { intent: "answer" })], {
          stt: { interims: at % 200 === 0, language },
          until: 30_000
        })
        assert.deepStrictEqual(timeline.of("UserSpeechCommitted").map(({ text }) => text), [words], String(at))
        assert.include(timeline.messages, "assistant: Fine.", String(at))
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      }
    }))
})

describe("who asks for a moment after a question of how long", () => {
  it.effect.each(
    [
      ["it", "Quanto tempo le serve?", "Un minuto."],
      ["it", "Quanto ci vuole ancora?", "Due minuti."],
      ["nl", "Hoe lang heeft u nodig?", "Een minuut."],
      ["nl", "Hoeveel minuten wilt u?", "Twee minuten."],
      ["pl", "Ile czasu pan potrzebuje?", "Minutę."],
      ["pl", "Jak długo mam poczekać?", "Jedną minutę."],
      ["ru", "Сколько времени вам нужно?", "Минуту."],
      ["ru", "Сколько мне подождать?", "Две минуты."]
    ] as const
  )("%s: %s %s", ([language, question, words]) =>
    Effect.gen(function*() {
      const timeline = yield* over(question, [Testing.say(10_600, 11_300, words)], { stt: { language }, until: 30_000 })
      assert.deepStrictEqual(timeline.of("UserSpeechCommitted").map(({ text }) => text), [words])
      assert.lengthOf(timeline.of("UserSpeechSetAside"), 0)
    }))
})

describe("who has not finished", () => {
  it.effect.each(
    [
      ["it", "Ehm, allora.", "vorrei una camera."],
      ["nl", "Ehm, even kijken.", "ik wil een kamer."],
      ["pl", "Yyy, niech pomyślę.", "poproszę pokój."],
      ["ru", "Ну, сейчас посмотрю.", "мне нужен номер."]
    ] as const
  )("%s: %s %s is one turn", ([language, begun, rest]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        user: [Testing.say(500, 1300, begun), Testing.say(3000, 4200, rest)],
        // A guess at the first words takes up a reply.
        llm: [],
        llmOptions: { otherwise: "Fine." },
        stt: { language }
      })
      assert.deepStrictEqual(timeline.messages, [`user: ${begun} ${rest}`, "assistant: Fine."])
    }))

  it("knows words at which no sentence ends, and signs that are none", () => {
    const kinds = (language: string, ...texts: ReadonlyArray<string>) =>
      texts.map((text) => Text.phraseKind(text, { language }))
    assert.deepStrictEqual(kinds("it", "Fine.", "Vorrei una camera.", "un attimo di pausa"), [
      undefined,
      undefined,
      undefined
    ])
    assert.deepStrictEqual(kinds("nl", "Waar?", "goed nieuws"), [undefined, undefined])
    assert.deepStrictEqual(kinds("pl", "Słucham?", "Nie ma problemu.", "No nie."), [undefined, "agreement", "cut-in"])
    assert.deepStrictEqual(kinds("ru", "Ничего.", "Нет проблем.", "Минуту назад"), [undefined, "agreement", undefined])
    assert.deepStrictEqual(kinds("pt", "No."), [undefined])
  })
})
