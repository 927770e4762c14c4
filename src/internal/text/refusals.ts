/**
 * Answers that refuse what somebody was asked to agree to, by language: "not now", "no, make it sixty". Beside the requests to
 * stop of the phrasebooks; over the agent they are words like others.
 */
import { phrasebooks } from "./phrasebook.ts"
import { list } from "./phraseList.ts"
import {
  begins,
  holdsOne,
  type Index,
  index,
  isHesitation,
  isMadeOf,
  knows,
  languageOf,
  phraseKind,
  type Reading
} from "./phrases.ts"

interface Refusals {
  /** Words that refuse by themselves, whatever follows, unless that agrees. */
  readonly no: ReadonlyArray<string>
  readonly phrases: ReadonlyArray<string>
}

const known: { readonly [Language in keyof typeof phrasebooks]: Refusals } = {
  en: {
    no: list("no, nope, nah"),
    phrases: list(
      "not now, never, negative, don't, do not, not yet, not today, not really, not at all, absolutely not, definitely not, certainly not, of course not, " +
        "rather not, i'd rather not, i would rather not, better not, no way, uh uh, nuh uh, uh uh uh, i don't, i do not, " +
        "don't do it, don't do that, i don't want it, i don't want that, i don't want to, i don't think so, i disagree, " +
        "forget it, forget about it, leave it, drop it, skip it, cancel it, cancel that, maybe later, later, some other time, " +
        "another time, i changed my mind, i've changed my mind, i refuse, no chance, out of the question"
    )
  },
  de: {
    no: list("nein, nee, nö, ne"),
    phrases: list(
      "niemals, nie, keinesfalls, nicht, nicht jetzt, jetzt nicht, noch nicht, heute nicht, lieber nicht, besser nicht, bitte nicht, bloß nicht, auf keinen fall, " +
        "auf gar keinen fall, ganz sicher nicht, sicher nicht, natürlich nicht, das möchte ich nicht, möchte ich nicht, " +
        "will ich nicht, das will ich nicht, ich will nicht, ich möchte nicht, eher nicht, gar nicht, überhaupt nicht, " +
        "lass das, lassen sie das, lass mal, lassen wir das, lass es, lassen sie es, vergiss es, vergessen sie es, später, " +
        "vielleicht später, ein andermal, doch nicht, nein doch nicht, kommt nicht in frage, ich glaube nicht"
    )
  },
  fr: {
    no: list("non, nan"),
    phrases: list(
      "jamais, surtout pas, pas maintenant, pas encore, pas aujourd'hui, pas du tout, pas vraiment, plutôt pas, bien sûr que non, certainement pas, " +
        "absolument pas, hors de question, en aucun cas, je ne veux pas, je veux pas, je préfère pas, je ne préfère pas, " +
        "j'aime mieux pas, laissez tomber, laisse tomber, oubliez, oublie, plus tard, peut être plus tard, " +
        "une autre fois, j'ai changé d'avis, je ne crois pas, je crois pas, je refuse, sûrement pas"
    )
  },
  es: {
    no: list("no"),
    phrases: list(
      "nunca, jamás, ahora no, todavía no, aún no, hoy no, mejor no, para nada, de ninguna manera, de ningún modo, en absoluto, claro que no, " +
        "por supuesto que no, prefiero que no, no quiero, no lo quiero, no lo haga, no lo hagas, ni hablar, ni loco, " +
        "ni loca, déjelo, déjalo, olvídelo, olvídalo, más tarde, luego, otro día, quizás más tarde, tal vez más tarde, " +
        "creo que no, me niego, cambié de idea, he cambiado de idea"
    )
  },
  it: {
    no: list("no"),
    phrases: list(
      "mai, non ora, ora no, adesso no, non adesso, non ancora, oggi no, meglio di no, preferirei di no, preferisco di no, " +
        "assolutamente no, certo che no, per niente, in nessun caso, neanche per sogno, non voglio, non lo voglio, " +
        "non lo faccia, non farlo, lasci stare, lascia stare, più tardi, magari dopo, un'altra volta, dopo, " +
        "penso di no, credo di no, direi di no, ho cambiato idea, niente affatto, non se ne parla"
    )
  },
  pt: {
    no: list("não"),
    phrases: list(
      "nunca, jamais, agora não, ainda não, hoje não, melhor não, é melhor não, de jeito nenhum, de modo algum, de maneira nenhuma, " +
        "claro que não, com certeza não, prefiro que não, prefiro não, não quero, não faça isso, não faça, nem pensar, " +
        "deixa, deixe, deixa pra lá, deixe para lá, esqueça, esquece, mais tarde, depois, talvez mais tarde, outra hora, " +
        "outro dia, acho que não, mudei de ideia, nada disso"
    )
  },
  nl: {
    no: list("nee, neen"),
    phrases: list(
      "nooit, niet, nu niet, niet nu, nog niet, vandaag niet, liever niet, beter niet, beter van niet, liever van niet, zeker niet, " +
        "absoluut niet, natuurlijk niet, helemaal niet, echt niet, in geen geval, geen sprake van, dat wil ik niet, " +
        "wil ik niet, ik wil niet, ik wil het niet, doe maar niet, doe het niet, doet u het niet, laat maar, laat maar zitten, " +
        "vergeet het, vergeet het maar, later, misschien later, een andere keer, ik denk het niet, ik heb me bedacht, toch niet"
    )
  },
  pl: {
    no: list("nie"),
    phrases: list(
      "nigdy, nie teraz, teraz nie, jeszcze nie, dziś nie, dzisiaj nie, raczej nie, lepiej nie, w żadnym razie, w żadnym wypadku, " +
        "oczywiście że nie, na pewno nie, absolutnie nie, nie ma mowy, nie chcę, nie chcę tego, proszę tego nie robić, " +
        "nie rób tego, proszę nie, daj spokój, daj sobie spokój, później, może później, innym razem, wcale nie, " +
        "rozmyśliłem się, rozmyśliłam się, chyba nie, nie sądzę, jednak nie, zmieniłem zdanie, zmieniłam zdanie"
    )
  },
  ru: {
    no: list("нет, неа"),
    phrases: list(
      "никогда, не сейчас, сейчас не надо, пока нет, ещё нет, сегодня нет, лучше не надо, лучше не стоит, лучше нет, не стоит, " +
        "ни в коем случае, конечно нет, точно нет, абсолютно нет, совсем нет, вовсе нет, ни за что, я не хочу, не хочу, " +
        "этого не надо, не делайте этого, не делай этого, не делайте, не делай, оставьте, оставь, позже, потом, " +
        "может позже, может быть позже, в другой раз, думаю нет, не думаю, я передумал, я передумала, нет не надо, исключено"
    )
  },
  ja: {
    no: list("いいえ, いえ, いや"),
    phrases: list(
      "違います, だめです, 今はいい, 今はいいです, 今は結構です, まだ, まだです, まだいい, やめておきます, やめとく, やめておく, 遠慮します, " +
        "遠慮しておきます, いりません, 要りません, いらない, 必要ありません, 必要ないです, 絶対だめ, とんでもない, " +
        "後で, あとで, また今度, また後で, 無理, 無理です, 嫌です, 嫌, いやです, そうじゃない, しないでください, " +
        "しないで, いいえ結構です"
    )
  }
}

interface Indexes {
  readonly no: Index
  /** Those that refuse. */
  readonly some: Index
  /** The same, and what may stand beside them. */
  readonly all: Index
  readonly agreeing: Index
}

const indexesOf = ([language, { no, phrases }]: readonly [string, Refusals]): readonly [string, Indexes] => {
  const book = phrasebooks[language as keyof typeof phrasebooks]
  const refusing = [...no, ...phrases, ...book.cutIns, ...book.holds]
  return [language, {
    no: index(no),
    some: index(refusing),
    all: index([...refusing, ...book.courtesies, ...book.hesitations]),
    agreeing: index([...book.agreement, ...book.continuers])
  }]
}

let made: ReadonlyMap<string, Indexes> | undefined

/** Made on first use. */
const indexes = (): ReadonlyMap<string, Indexes> => made ??= new Map(Object.entries(known).map(indexesOf))

const refusesIn = (language: string, text: string, more: Reading["more"]): boolean => {
  const kind = phraseKind(text, { language, more })
  if (kind === "cut-in" || kind === "hold") return true
  const of = indexes().get(language)
  if (of === undefined) return false
  if (isMadeOf(of.all, text) && holdsOne(of.some, text)) return true
  return begins(of.no, text) && !holdsOne(of.agreeing, text)
}

/**
 * Whether an answer says plainly that its speaker does not agree, or not yet: in any language that is known, if there are no
 * phrases of theirs. In theirs, "hm" is none either.
 */
export const refuses = (text: string, { language, more }: Reading): boolean => {
  if (language === undefined || !knows({ language, more })) {
    return Object.keys({ ...phrasebooks, ...more }).some((one) => refusesIn(one, text, more))
  }
  return refusesIn(languageOf(language), text, more) || isHesitation(text, { language, more })
}
