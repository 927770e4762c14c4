/** The same words as other recognisers write them: without accents, marks or capitals, with digits, in tags of three letters. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Text } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { inDigits } from "../../src/internal/text/numerals.ts"
import { isUnfinished } from "../../src/internal/text/phrases.ts"

const statements = {
  en: "Your room is ready on the second floor with a view of the old town and the river and the harbour.",
  de: "Ihr Zimmer liegt im zweiten Stock und hat einen Blick auf die Altstadt und auf den Fluss und den Hafen.",
  fr: "Votre chambre se trouve au deuxième étage avec une belle vue sur la vieille ville et sur le port.",
  es: "Su habitación está en el segundo piso con una vista preciosa al casco antiguo y al río y al puerto.",
  pt: "O seu quarto fica no segundo andar com uma vista bonita para a cidade velha e para o rio e o porto.",
  ja: "お部屋は二階にございまして、旧市街と川と港がよく見える、とても静かなお部屋でございます。"
}

type Language = keyof typeof statements

/** The agent says it from 200 to 10,200. */
const over = (text: string, said: Testing.UserAction, language: string) =>
  Testing.scenario({
    at: [{ at: 0, do: (session) => session.say(text) }],
    llm: ["Fine."],
    tts: [{ duration: 10_000 }, { duration: 1500 }],
    stt: { interims: true, language },
    user: [said],
    until: 30_000
  })

/** What became of the words. */
const outcome = (timeline: Testing.Timeline): string => {
  const [aside] = timeline.of("UserSpeechSetAside")
  const cut = timeline.of("SpeechFinished")[0]?.outcome === "interrupted" ? "cut" : "whole"
  return `${cut}, ${aside?.reason ?? (timeline.of("UserSpeechCommitted").length > 0 ? "turn" : "nothing")}`
}

const agree = "whole, agreement"
const listens = "whole, continuer"
const turn = "cut, turn"
const hold = "cut, hold"

const rows: ReadonlyArray<readonly [language: Language, words: string, outcome: string, tag?: string]> = [
  ["en", "thats right", agree],
  ["en", "O K", agree],
  ["en", "THATS ENOUGH", turn],
  ["en", "that’s enough", turn],
  ["fr", "d accord", agree],
  ["fr", "D’ACCORD", agree],
  ["fr", "cest ca", agree],
  ["fr", "c est ca", agree],
  ["fr", "tout a fait", agree],
  ["fr", "TRES BIEN", agree],
  ["fr", "arretez", turn],
  ["fr", "ca suffit", turn],
  ["es", "esta bien", agree],
  ["es", "asi es", agree],
  ["es", "aja", listens],
  ["es", "callate", turn],
  ["pt", "ta bom", agree],
  ["pt", "NAO NAO", turn],
  ["pt", "com licenca", turn],
  ["de", "natuerlich", agree],
  ["de", "naturlich", agree],
  ["de", "hoer auf", turn],
  // Tags.
  ["en", "Yeah.", agree, "eng"],
  ["de", "Genau.", agree, "deu"],
  ["de", "Genau.", agree, "ger"],
  ["fr", "Oui.", agree, "fra"],
  ["es", "Claro.", agree, "spa"],
  ["pt", "Claro.", agree, "por"],
  ["ja", "はい。", listens, "jpn"],
  // Numbers, and courtesies in the middle.
  ["en", "1 moment please", hold],
  ["en", "Just 1 second.", hold],
  ["en", "give me 1 minute", hold],
  ["en", "hold on 1 second", hold],
  ["en", "wait wait, one second", hold],
  ["de", "1 Moment bitte", hold],
  ["de", "1 Sekunde", hold],
  ["de", "einen kurzen Moment bitte", hold],
  ["de", "Warten Sie bitte einen Moment", hold],
  ["fr", "1 instant s il vous plait", hold],
  ["fr", "2 secondes", hold],
  ["fr", "une petite minute", hold],
  ["fr", "attendez deux secondes", hold],
  ["es", "1 momento por favor", hold],
  ["es", "deme 1 segundo", hold],
  ["es", "espere por favor un momento", hold],
  ["pt", "1 momento", hold],
  ["pt", "so um minutinho por favor", hold],
  // As questions.
  ["en", "can you hold on a second", hold],
  ["en", "Could you wait a moment, please?", hold],
  ["en", "can you stop please", turn],
  ["de", "Können Sie bitte einen Moment warten?", hold],
  ["fr", "Pouvez-vous patienter un instant ?", hold],
  ["fr", "pouvez vous arreter s il vous plait", turn],
  ["es", "¿Puede esperar un momento?", hold],
  ["pt", "Pode esperar um momento?", hold],
  ["en", "Huh?", turn],
  ["en", "Hm?", turn],
  ["en", "hm", listens],
  ["en", "Uh-huh?", listens]
]

describe("words as recognisers write them", () => {
  it.effect.each(rows)("%s: %s: %s", ([language, words, expected, tag]) =>
    Effect.gen(function*() {
      const timeline = yield* over(statements[language], Testing.say(6000, 6600, words), tag ?? language)
      assert.strictEqual(outcome(timeline), expected)
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it("are others where the accent makes another word, or a number is one", () => {
    const kinds = (language: string, ...texts: ReadonlyArray<string>) =>
      texts.map((text) => Text.phraseKind(text, { language }))
    // "And", "the", "of".
    assert.deepStrictEqual(kinds("pt", "e"), [undefined])
    assert.deepStrictEqual(kinds("fr", "la", "a"), [undefined, undefined])
    assert.deepStrictEqual(kinds("en", "can you", "could you please"), [undefined, undefined])
    assert.deepStrictEqual(kinds("en", "1", "2", "1 room", "wait 1 hour"), [undefined, undefined, undefined, undefined])
    assert.deepStrictEqual(kinds("fr", "2", "1"), [undefined, undefined])
    // A voiced sign is a letter of its own.
    assert.deepStrictEqual(kinds("ja", "ばい", "はい"), [undefined, "continuer"])
    assert.deepStrictEqual(kinds("en", "Wait, no.", "No, one moment."), ["cut-in", "cut-in"])
  })

  it("end a sentence that ends with ill, were or well: those are no beginnings", () => {
    for (const text of ["She is ill", "There they were", "I am well"]) assert.isFalse(isUnfinished(text), text)
    for (const text of ["then I'll", "and we’re", "because I'm"]) assert.isTrue(isUnfinished(text), text)
  })

  it.effect.each(
    [["es", "¡Para!"], ["es", "para"], ["pt", "Para."], ["nl", "Stop maar."], ["nl", "Laat maar."], [
      "ru",
      "Не-а."
    ]] as const
  )("do not keep a phrase open that is whole (%s: %s)", ([language, words]) =>
    Effect.gen(function*() {
      for (const [text, from] of [[statements.en, 6000], ["OK.", 12_000]] as const) {
        const timeline = yield* over(text, Testing.say(from, from + 400, words), language)
        assert.strictEqual(timeline.of("UserSpeechCommitted")[0]?.at, from + 900)
      }
    }))

  it("keep other words open that end so", () => {
    for (const [language, text] of [["es", "es para"], ["pt", "um quarto para"], ["nl", "ik wil maar"]] as const) {
      assert.isTrue(isUnfinished(text, { language }), text)
    }
  })
})

describe("an echo of numbers", () => {
  const echoes: ReadonlyArray<readonly [said: string, heard: string, from: number, to: number]> = [
    ["Your table for two is ready at seven thirty in room twenty three.", "table for 2 is ready", 3500, 5000],
    ["Your room is 23 and costs 90 euros a night with breakfast included for two.", "room is twenty three", 3300, 4300],
    ["Your room is twenty-three and costs ninety euros with breakfast for two.", "room is 23 and costs 90", 3500, 6000],
    ["Ihr Zimmer ist die dreiundzwanzig und kostet neunzig Euro mit Frühstück.", "zimmer ist die 23", 3500, 5000]
  ]
  it.effect.each(echoes)("%s: %s", ([said, heard, from, to]) =>
    Effect.gen(function*() {
      const timeline = yield* over(said, Testing.say(from, to, heard), "en")
      assert.strictEqual(outcome(timeline), "whole, echo")
    }))

  it.effect("is none with another number", () =>
    Effect.gen(function*() {
      const said = "Your room is 23 and costs 90 euros a night with breakfast included for two."
      const timeline = yield* over(said, Testing.say(3300, 4300, "room is twenty four"), "en")
      assert.strictEqual(outcome(timeline), "cut, turn")
    }))

  it("is found in five languages", () => {
    const digits = (text: string) => inDigits(text.split(" ")).join(" ")
    assert.strictEqual(digits("twenty three at seven thirty"), "23 at 7 30")
    assert.strictEqual(digits("at 7:30 in room twenty-three"), "at 7 30 in room 23")
    assert.strictEqual(digits("siebzehn und einundvierzig"), "17 und 41")
    assert.strictEqual(digits("vingt et un ou trente deux"), "21 ou 32")
    assert.strictEqual(digits("treinta y cinco o diecinueve"), "35 o 19")
    assert.strictEqual(digits("quarenta e dois ou dezesseis"), "42 ou 16")
    assert.strictEqual(digits("two and three"), "2 and 3")
  })
})
