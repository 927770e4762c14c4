/** "One minute." asks for a moment, unless it says how long somebody needs who was just asked that. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Testing from "effect-voice/testing"

type Language = "en" | "de" | "fr" | "es" | "pt" | "ja"

const answers: ReadonlyArray<readonly [Language, question: string, words: string]> = [
  ["en", "How long do you need?", "One minute."],
  ["en", "How long do you need?", "1 minute"],
  ["en", "How long do you need?", "Just a second, please."],
  ["en", "How long do you need?", "Uh, a minute."],
  ["en", "And how much time do you need for that?", "One more minute."],
  ["en", "Fine. How long should I wait?", "Just a minute."],
  ["en", "How long will you be?", "A minute."],
  ["en", "How much longer will it take?", "Another minute."],
  ["en", "How many minutes shall I give you?", "One minute, please."],
  ["en", "How long will that take you?", "Give me a minute."],
  ["de", "Wie lange brauchen Sie?", "Eine Minute."],
  ["de", "Wie lange soll ich warten?", "Einen Moment."],
  ["de", "Wie lange dauert das noch?", "Eine Minute, bitte."],
  ["de", "Wie viel Zeit brauchst du?", "Äh, eine Minute."],
  ["de", "Wie viele Minuten?", "Eine Minute."],
  ["fr", "Combien de temps vous faut-il ?", "Une minute."],
  ["fr", "De combien de temps avez-vous besoin ?", "Deux secondes."],
  ["fr", "Vous avez besoin de combien de temps ?", "Une minute, s'il vous plaît."],
  ["fr", "Combien de temps dois-je attendre ?", "Un petit moment."],
  ["es", "¿Cuánto tiempo necesita?", "Un minuto."],
  ["es", "¿Cuánto tiempo necesitas?", "Un minuto, por favor."],
  ["es", "¿Cuántos minutos le doy?", "Un minutito."],
  ["es", "¿Cuánto va a tardar?", "Un momento."],
  ["es", "¿Cuánto demora usted?", "Un minuto."],
  ["es", "¿Cuánto se va a demorar?", "1 minuto."],
  ["pt", "De quanto tempo precisa?", "Um minuto."],
  ["pt", "Quanto tempo leva?", "Um minutinho."],
  ["pt", "Quanto tempo gasta com isso?", "Um minutinho."],
  ["pt", "Quanto vai demorar?", "Um minuto, por favor."],
  ["pt", "Quantos minutos?", "Um minuto."],
  ["ja", "どのくらい必要ですか。", "一分です。"],
  ["ja", "何分かかりますか?", "一分。"]
]

const requests: ReadonlyArray<readonly [Language, question: string, words: string]> = [
  ["en", "Shall I go on?", "Just a second."],
  ["en", "Shall I go on?", "One minute."],
  ["en", "How long do you need?", "Hang on."],
  ["en", "How long do you need?", "Wait a minute."],
  ["en", "How long do you need?", "Bear with me."],
  ["en", "How long would you like to stay?", "One moment, please."],
  ["en", "How long have you been a customer?", "One second."],
  ["en", "How many people are you?", "One second."],
  ["en", "What is your number?", "Just a minute."],
  ["en", "When would you like to come?", "One moment."],
  ["en", "I can wait as long as you need.", "One minute."],
  ["en", "How long do you need? Or shall I call you back?", "One moment."],
  ["de", "Soll ich weitermachen?", "Einen Moment."],
  ["de", "Wie lautet Ihre Nummer?", "Eine Sekunde."],
  ["de", "Wie lange möchten Sie bleiben?", "Einen Augenblick, bitte."],
  ["de", "Wie lange brauchen Sie?", "Warten Sie kurz."],
  ["fr", "Je continue ?", "Une minute."],
  ["fr", "Combien de temps voulez-vous rester ?", "Un instant."],
  ["fr", "Combien de temps vous faut-il ?", "Ne quittez pas."],
  ["es", "¿Sigo?", "Un minuto."],
  ["es", "¿Cuánto tiempo quiere quedarse?", "Un momento, por favor."],
  ["es", "¿Cuánto tiempo necesita?", "Espere un poco."],
  ["pt", "Posso continuar?", "Um minuto."],
  ["pt", "Quanto tempo quer ficar?", "Um momento."],
  ["pt", "Quanto tempo leva?", "Peraí."],
  ["ja", "続けますか?", "ちょっと待ってください。"],
  ["ja", "どのくらい必要ですか。", "少々お待ちください。"]
]

/** The agent asks, from 200 to 2200, and the user speaks so long after its end (ms). */
const asked = (language: Language, question: string, words: string, after: number) =>
  Testing.scenario({
    at: [{ at: 0, do: (session) => session.say(question) }],
    tts: [{ duration: 2000 }, { duration: 1000 }],
    user: [Testing.say(2200 + after, 2900 + after, words)],
    llm: ["Fine."],
    options: { turn: { language, interruption: { echoWarmUp: 0 } } },
    until: 30_000
  })

const outcome = (timeline: Testing.Timeline): string => {
  const aside = timeline.of("UserSpeechSetAside").map(({ reason }) => reason)
  return aside.length > 0 ? aside.join() : timeline.requests.length > 0 ? "answered" : "nothing"
}

describe("a length of time", () => {
  it.effect.each(answers)("in %s, after %j, %j is an answer", ([language, question, words]) =>
    Effect.gen(function*() {
      for (const after of [-600, -200, 400, 3000, 12_000]) {
        const timeline = yield* asked(language, question, words, after)
        assert.strictEqual(outcome(timeline), "answered", `${after}`)
        assert.deepStrictEqual(timeline.of("UserSpeechCommitted").map(({ text }) => text), [words])
        assert.deepStrictEqual(Testing.invariants(timeline), [])
      }
    }))

  it.effect.each(requests)(
    "in %s, after %j, %j asks for a moment",
    ([language, question, words]) =>
      Effect.gen(function*() {
        for (const after of [400, 3000]) {
          const timeline = yield* asked(language, question, words, after)
          assert.strictEqual(outcome(timeline), "hold", `${after}`)
          assert.deepStrictEqual(timeline.of("UserSpeechCommitted"), [])
          assert.deepStrictEqual(Testing.invariants(timeline), [])
        }
      })
  )

  it.effect("is a request again once the question has its answer, or the agent has said more for a while", () =>
    Effect.gen(function*() {
      const answered = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say("How long do you need?") }],
        tts: { duration: 2000 },
        user: [Testing.say(3000, 3600, "Ten minutes."), Testing.say(9000, 9600, "One minute.")],
        llm: ["Good, I wait."],
        until: 20_000
      })
      assert.deepStrictEqual(answered.of("UserSpeechCommitted").map(({ text }) => text), ["Ten minutes."])
      assert.strictEqual(outcome(answered), "hold")
      const said = yield* Testing.scenario({
        at: [{ at: 0, do: (session) => session.say("How long do you need? The desk is open from eight to ten.") }],
        tts: { duration: 20_000 },
        user: [Testing.say(18_000, 18_600, "One minute.")],
        until: 30_000
      })
      assert.strictEqual(outcome(said), "hold")
    }))

  it.effect("and a question of how long may be one's own, in a language that is not known", () =>
    Effect.gen(function*() {
      const phrases = {
        sv: { holds: ["en minut", "vänta lite"], lengths: ["en minut"], howLong: ["hur länge behöver"] }
      }
      const say = (words: string) =>
        Testing.scenario({
          at: [{ at: 0, do: (session) => session.say("Hur länge behöver du?") }],
          tts: [{ duration: 2000 }, { duration: 1000 }],
          user: [Testing.say(2600, 3300, words)],
          llm: ["Bra."],
          options: { turn: { language: "sv", phrases } },
          until: 20_000
        })
      assert.strictEqual(outcome(yield* say("En minut.")), "answered")
      assert.strictEqual(outcome(yield* say("Vänta lite.")), "hold")
    }))
})
