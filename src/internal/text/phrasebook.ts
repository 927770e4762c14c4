/**
 * Phrases that a listener says to a speaker, by language. `Turn` uses them to distinguish answers
 * from signs of listening.
 *
 * It is only data. An ambiguous word stands where it does less harm: "yeah" may be an answer, so it
 * is agreement, and "ja" in German is so much a sign of listening that it is a continuer. Words
 * with more meaning than their phrase are in no list. Nor is a sign that begins as requests do
 * ("please continue"): "please stop" would have to wait until it is known which it is.
 */

import { it, nl } from "./phrasebookItNl.ts"
import { pl, ru } from "./phrasebookPlRu.ts"
import { list, type Phrasebook } from "./phraseList.ts"

export type { Phrasebook } from "./phraseList.ts"

// Swan, “Practical English Usage” (3rd ed., 578.8); eigokosodate.com, “ちょっと待って” (a moment, a minute, a second); blog.sptr.jp,
// “ways wait”. How long: Murphy, “Essential Grammar in Use” (unit 48); engVid, “How long does it take…?”.
const enLengths = list(
  "one moment, one second, one sec, one minute, just a moment, just a second, just a minute, just a sec, " +
    "a moment, a second, a sec, a minute, give me a moment, give me a second, give me a sec, give me a minute, " +
    "one more moment, one more second, one more minute, another moment, another minute"
)

// Ward, “Common Backchannels” (UTEP); Kjellmer, “Where do we backchannel?” (IJCL 14, 2009). Requests: Swan, “Practical
// English Usage” (3rd ed., 578.8); englishin3d.net, “Interrupting”; howtosayguide.com, “stop” (British), “hold the line”.
const en: Phrasebook = {
  continuers: list(
    "uh huh, uhuh, uh hum, mm hm, mm hmm, mhm, mmhm, hmhm, mm, hm, hmm, m hm, huh, oh, ooh, ah, aha, ah ha, i see, wow"
  ),
  agreement: list(
    "yeah, yea, yep, yup, yes, ya, aye, ok, o k, okay, k, kay, okey dokey, alright, all right, right, sure, sure thing, " +
      "of course, i understand, understood, got it, i got it, gotcha, makes sense, that makes sense, fair enough, " +
      "sounds good, exactly, absolutely, definitely, totally, indeed, true, that's right, that's true, cool, great, " +
      "good, nice, perfect, fine, lovely, interesting, go on, carry on, keep going, go ahead, continue, " +
      "i know, no problem, no worries"
  ),
  cutIns: list(
    "stop, wait, no, nope, nah, help, quiet, be quiet, silence, shut up, hush, shush, shh, pause, cancel, never mind, " +
      "nevermind, enough, that's enough, enough already, excuse me, pardon me, hey, listen, listen to me, " +
      "let me speak, let me talk, let me finish, can i say something, not so fast, no thanks, no thank you, halt, " +
      "cut it out, knock it off, sorry to interrupt, can i stop you there"
  ),
  holds: [
    ...enLengths,
    ...list(
      "hold on, hang on, hold it, hold the line, please hold, wait a moment, wait a second, wait a sec, " +
        "wait a minute, bear with me, i'll be right back, be right back, hold tight, hold up"
    )
  ],
  lengths: enLengths,
  howLong: list(
    "how long need, how long needed, how long take, how long takes, how long wait, how long hold, how long give, " +
      "how long require, how long will you be?, how long will it be?, how long will that be?, how much time, " +
      "how much longer, how many minutes, how many seconds, how soon"
  ),
  courtesies: list(
    "please, can you, could you, sorry, just, now, right now, okay, ok, oh, uh, um, well, sir, madam, it, that, this, there, then, thanks, " +
      "thank you, talking, speaking, for a moment, for a minute, for a second, excuse me, pardon me"
  ),
  hesitations: list(
    "uh, uhm, um, umm, er, erm, ehm, hm, hmm, well, so, let me see, let's see, let me think, let me check, " +
      "let me look, i mean, you know"
  ),
  unfinished: list(
    "a, an, the, my, your, our, their, and, but, or, because, if, whether, than, of, from, into, i, i'm, i've, i'd, i'll, " +
      "we're, we'll, you're, they're, there's, let's, gonna, wanna, uh, um, umm, uhm, er, erm, ehm"
  )
}

// germanyinusa.com, “Augenblick”; wordseed.de, “5 Sätze”. How long: sublearn.com and yourdailygerman.com, “dauern”;
// germanexercises.eu, “brauchen”.
const deLengths = list(
  "einen moment, ein moment, kleinen moment, einen augenblick, sekunde, eine sekunde, minute, eine minute, " +
    "einen kleinen moment, einen kurzen moment, kurzen moment"
)

// Bielefeld, “Höreraktivitäten” (AG WBS, turn taking); “fluencemes and backchannels in German” (Front. Commun. 2025).
// Requests: der-die-das-deutsch.com, “der Stopp”; howtosayguide.com, “wait” (other languages); wordseed.de, “5 Sätze”.
const de: Phrasebook = {
  continuers: list(
    "ja, jaja, jo, mhm, hmhm, mm, mh, hm, hmm, aha, ach, ach so, achso, ach ja, ah, ah ja, oh, soso, verstehe"
  ),
  agreement: list(
    "genau, stimmt, richtig, okay, ok, gut, sehr gut, alles klar, klar, na klar, natürlich, sicher, gern, gerne, " +
      "in ordnung, passt, einverstanden, jawohl, absolut, super, prima, schön, doch, ich verstehe, verstanden, " +
      "das stimmt, ist gut, kein problem, macht nichts, eben, weiter"
  ),
  cutIns: list(
    "stopp, stop, halt, nein, nee, nö, warte, warten, warten sie, hilfe, ruhe, still, schluss, genug, es reicht, " +
      "das reicht, sei still, seien sie still, halten sie den mund, halt den mund, aufhören, hör auf, hören sie auf, abbrechen, pause, entschuldigung, entschuldigen sie, " +
      "lass mich ausreden, lassen sie mich ausreden, hören sie zu, hör zu, nicht so schnell, halt stopp, " +
      "verzeihung, darf ich etwas sagen, darf ich kurz unterbrechen"
  ),
  holds: [
    ...deLengths,
    ...list(
      "moment, moment mal, augenblick, warte kurz, warten sie kurz, warte einen moment, warten sie einen moment, " +
        "warte eine sekunde, warten sie eine sekunde, bleiben sie dran, bleib dran, ich bin gleich wieder da, " +
        "bin gleich zurück, bin gleich wieder da, warte mal kurz, warten sie mal kurz, momentchen"
    )
  ],
  lengths: deLengths,
  howLong: list(
    "wie lange brauchen, wie lange brauchst, wie lange braucht, wie lange benötigen, wie lange dauert, " +
      "wie lange dauern, wie lange warten, wie lange dranbleiben, wie lang brauchen, wie lang brauchst, " +
      "wie lang dauert, wie lange noch?, wie viel zeit, wieviel zeit, wie viele minuten, wieviele minuten, " +
      "wie viele sekunden"
  ),
  courtesies: list(
    "bitte, können sie, könnten sie, kannst du, mal, kurz, doch, jetzt, sofort, nur, okay, ok, also, oh, äh, ähm, danke, noch, da, " +
      "entschuldigung, entschuldigen sie, verzeihung"
  ),
  hesitations: list("äh, ähm, öh, ehm, hm, hmm, also, na ja, naja, tja, lass mich überlegen, mal sehen, mal schauen"),
  unfinished: list(
    "und, oder, aber, weil, dass, ob, wenn, der, den, dem, des, eine, einen, einem, einer, mein, meine, meinen, meinem, " +
      "unser, unsere, für, von, bei, im, zum, zur, vom, äh, ähm, öh, ehm"
  )
}

// howtosayguide.com, “one minute” (French); sublearn.com, “minute” and “seconde” (“deux secondes”); lemotdubonjour.com. How long:
// languatalk.com, “Indicateurs de temps”; dicjapo.com, “combien de temps” (“faut-il”).
const frLengths = list(
  "un instant, un petit instant, un moment, une seconde, une petite seconde, une minute, " +
    "donnez moi une minute, quelques instants, un petit moment, deux secondes, une petite minute"
)

// Multimodal feedback in French (Languages 10:117, 2025); Ward, “Backchannel facts” (UTEP). Requests: lemotdubonjour.com,
// “Ne quittez pas”; howtosayguide.com, “hold on”, “wait” and “stop” (French); talkpal.ai, “interrupt” (French).
const fr: Phrasebook = {
  continuers: list("mhm, mm, mh, hm, hmm, hum, humhum, hum hum, ouais, ah, ah oui, ah ouais, ah bon, oh, je vois"),
  agreement: list(
    "oui, si, d'accord, ok, okay, bien, très bien, c'est bon, c'est ça, voilà, exact, exactement, tout à fait, " +
      "bien sûr, entendu, parfait, super, absolument, compris, je comprends, ça marche, pas de problème, " +
      "pas de souci, ah d'accord, c'est vrai, continuez, continue, poursuivez"
  ),
  cutIns: list(
    "stop, arrêtez, arrête, attendez, attends, non, à l'aide, au secours, silence, taisez vous, tais toi, ça suffit, " +
      "arrêter, assez, pause, annulez, annule, annuler, excusez moi, excuse moi, écoutez, laissez moi parler, laisse moi parler, " +
      "pas si vite, halte, cessez, stoppez, pardon, excusez moi de vous interrompre"
  ),
  holds: [
    ...frLengths,
    ...list(
      "ne quittez pas, attendez un instant, attendez un moment, attendez une seconde, attendez une minute, " +
        "attends une seconde, attends une minute, patientez, veuillez patienter, patientez un instant, je reviens, " +
        "je reviens tout de suite, restez en ligne, attends un instant, attends un moment, attendez un peu, " +
        "attends un peu, attendre un instant, attendre un moment, patienter, patienter un instant"
    )
  ],
  lengths: frLengths,
  howLong: list(
    "combien de temps faut, combien de temps faudra, faut combien de temps, combien de temps besoin, " +
      "besoin combien de temps, combien de temps attendre, combien de temps attends, combien de temps patienter, " +
      "combien de temps prend, combien de temps prendre, combien de temps prendra, combien de temps encore, " +
      "combien de minutes, combien de secondes"
  ),
  courtesies: list(
    "s'il vous plaît, s'il te plaît, svp, pouvez vous, pourriez vous, peux tu, merci, maintenant, juste, donc, encore, oh, euh, ok, oui, un peu, là, " +
      "excusez moi, excuse moi, pardon"
  ),
  hesitations: list("euh, heu, ben, bah, alors, bon, hm, voyons, eh bien, laissez moi réfléchir, laisse moi réfléchir"),
  unfinished: list(
    "et, ou, mais, parce que, que, qui, le, les, des, du, de, à, au, aux, mon, ma, mes, ton, ta, tes, notre, votre, dans, " +
      "chez, pour, je, j'ai, c'est, il y a, euh, heu"
  )
}

// howtosayguide.com, “one second” and “wait one minute” (Spanish). How long: vivatutor.uk, “Tardar and Llevar”;
// mariaortegagarcia.com, “tardar, llevar, durar”; inklingo.app, “takes time” (“demora”).
const esLengths = list(
  "un momento, un momentito, momentito, un segundo, un segundito, un minuto, un minutito, un instante, " +
    "dame un momento, deme un momento, dame un segundo, deme un segundo"
)

// Ward, “Backchannel facts” (Mexican Spanish, UTEP); inFlux, expressions of who listens in Spanish; COREC response tokens.
// Requests: howtosayguide.com, “interrupt” and “wait one minute” (Spanish); winenfood.com, “ways to say stop in Spanish”.
const es: Phrasebook = {
  continuers: list("mhm, mm, mjm, mjú, hm, hmm, ajá, aja, aha, ah, oh, ya, ya ya, ya veo, uhum"),
  agreement: list(
    "sí, si, claro, claro que sí, vale, bueno, bien, muy bien, de acuerdo, ok, okay, por supuesto, entiendo, " +
      "ya entiendo, entendido, exacto, exactamente, correcto, perfecto, eso es, así es, desde luego, está bien, " +
      "genial, cierto, es verdad, no hay problema, sin problema, no pasa nada, siga, sigue, continúe, continúa, adelante"
  ),
  cutIns: list(
    "para, pare, alto, basta, ya basta, espera, espere, no, ayuda, socorro, auxilio, silencio, cállate, cállese, " +
      "detente, deténgase, espéreme, espérame, cancela, cancele, cancelar, pausa, stop, parar, perdón, perdone, disculpe, oiga, oye, " +
      "escuche, escucha, déjame hablar, déjeme hablar, no tan rápido, paren, esperen, esperad, perdona"
  ),
  holds: [
    ...esLengths,
    ...list(
      "espera un momento, espere un momento, espéreme un momento, espérame un momento, espera un segundo, espere un segundo, espera un minuto, " +
        "espere un minuto, no cuelgue, ahora vuelvo, aguarda, aguarde, aguarde un momento, aguarda un momento, " +
        "espera un poco, espere un poco, esperar un momento, esperar un segundo, esperar un minuto"
    )
  ],
  lengths: esLengths,
  howLong: list(
    "cuánto tiempo necesita, cuánto tiempo necesitas, cuánto tiempo falta, cuánto tiempo espero, " +
      "cuánto tiempo esperar, cuánto tiempo tomará, cuánto tiempo llevará, cuánto tarda, cuánto tardará, " +
      "cuánto va a tardar, cuánto vas a tardar, cuánto demora, cuánto demorará, cuánto va a demorar, " +
      "cuánto vas a demorar, cuánto tiempo tarda, cuánto tiempo más, cuánto más?, " +
      "cuántos minutos, cuántos segundos"
  ),
  courtesies: list(
    "por favor, puede, podría, puedes, gracias, ahora, ya, más, eh, oh, solo, sólo, sí, ok, señor, señora, " +
      "perdón, perdone, perdona, disculpe"
  ),
  hesitations: list("eh, em, mmm, este, pues, bueno, a ver, vamos a ver, o sea, déjame pensar, déjeme pensar"),
  unfinished: list(
    "y, o, pero, porque, que, si, el, la, los, las, una, de, del, al, en, con, para, por, mi, tu, su, eh, em, este, o sea"
  )
}

// sublearn.com, “um momento”; speeek.app, “espera um momento”. How long: sublearn.com, “demorar”; dicasdewill.blogspot.com,
// “it takes” (“vai demorar”); inglescurso.eu.org, lesson 15 (“leva”, “gasta”).
const ptLengths = list(
  "um momento, um momentinho, um minuto, um minutinho, um segundo, um segundinho, um instante, um instantinho"
)

// Dionísio, “Análise da conversação” (signals of who listens); inFlux, “é” and “sei”; NURC-SP, “sinais do ouvinte”.
// Requests: howtosayguide.com, “wait” and “stop” (Portuguese); sublearn.com, “espere”, “pare”, “um momento”; eatrio.net.
const pt: Phrasebook = {
  continuers: list("uhum, uhrum, hum hum, humhum, aham, ahã, ahan, mhm, hum, hm, mm, ah, oh, sei, é, pois, pois é"),
  agreement: list(
    "sim, ah sim, claro, certo, tá, ta, tá bom, tá bem, está bom, está bem, ok, okay, beleza, isso, isso mesmo, exato, " +
      "exatamente, com certeza, entendi, entendo, perfeito, tudo bem, combinado, bom, muito bem, é verdade, " +
      "de acordo, sem problema, sem problemas, não há problema, não tem problema, prossiga, continue"
  ),
  cutIns: list(
    "pare, para, chega, basta, espera, espere, não, socorro, ajuda, silêncio, parar, cala a boca, cancela, cancele, " +
      "cancelar, pausa, stop, calma, desculpe, desculpa, licença, com licença, escuta, escute, deixa eu falar, " +
      "deixe me falar, não tão rápido, pára, para com isso, pare com isso, desculpe interromper"
  ),
  holds: [
    ...ptLengths,
    ...list(
      "peraí, pera aí, espera aí, espere aí, espera um pouco, espere um pouco, espere um momento, " +
        "espera um momento, espere um minuto, espera um minuto, aguarde, aguarde um momento, aguenta aí, já volto, " +
        "não desligue, não desliga, fique na linha, fica na linha, segura aí, espere um instante, espera um instante, espere um pouquinho, espera um pouquinho, " +
        "aguarde um instante, esperar um momento, esperar um pouco, esperar um minuto"
    )
  ],
  lengths: ptLengths,
  howLong: list(
    "quanto tempo precisa, quanto tempo precisam, quanto tempo preciso, quanto tempo precisar, " +
      "quanto tempo falta, quanto tempo espero, quanto tempo esperar, quanto tempo leva, quanto tempo levará, " +
      "quanto tempo demora, quanto tempo vai demorar, quanto demora, quanto vai demorar, quanto tempo gasta, quanto tempo mais, " +
      "quantos minutos, quantos segundos"
  ),
  courtesies: list(
    "por favor, pode, poderia, você pode, obrigado, obrigada, agora, aí, um pouco, mais, só, so, oh, ok, sim, senhor, senhora, " +
      "desculpe, desculpa"
  ),
  hesitations: list("hã, ahn, é, hum, bom, bem, então, tipo, deixa eu ver, deixa eu pensar, deixe me ver"),
  unfinished: list(
    "e, ou, mas, porque, que, o, os, as, de, do, da, dos, das, em, no, na, ao, com, para, pra, por, eu, ahn, tipo"
  )
}

// japanese-pronunciation.com, “Aizuchi”; japanesedaily.blog, 23 aizuchi; iiwasabi.com, “aizuchi on the phone”. Requests:
// howtosayguide.com, “stop” and “wait” (Japanese); kotoba-drill.pages.dev, ways to say ちょっと待って. A request to wait names no
// length there; one that answers どのくらい (chroniclesofnori, lesson 11; trantor.is, “How long?”), such as 一分, is no such request.
const ja: Phrasebook = {
  continuers: list(
    "うん, ええ, はい, はあ, へえ, へえー, へー, ふうん, ふーん, ふん, ほう, ああ, あー, なるほど, なるほどね, そう, そうですか, " +
      "そうですね, そうですよね, そうなんですか, そうなんだ, そうか, そっか, まあね"
  ),
  agreement: list(
    "そうです, その通り, その通りです, そのとおり, そのとおりです, 分かりました, わかりました, 分かった, わかった, 了解, " +
      "了解です, 承知しました, かしこまりました, オッケー, オーケー, いいです, いいですよ, いいですね, 大丈夫, 大丈夫です, " +
      "もちろん, もちろんです, 確かに, たしかに, お願いします, 問題ない, 問題ありません, 続けてください, 続けて, どうぞ, ok"
  ),
  cutIns: list(
    "止めて, 止めてください, やめて, やめてください, ストップ, 待って, いいえ, いえ, いや, 違う, ちがう, 違います, ちがいます, " +
      "助けて, 静かにして, 黙って, もういい, もういいです, 結構です, すみません, キャンセル, キャンセルして, 中止, だめ, " +
      "お止めください, おやめください, 中止してください"
  ),
  holds: list(
    "ちょっと待って, ちょっと待ってください, ちょっとお待ちください, 少し待って, 少し待ってください, 少々お待ちください, " +
      "少々お待ちを, お待ちください, 待ってください, ちょっと待ってて, ちょっとまって, ちょっとまってください, " +
      "おまちください, ちょっと待ってくれ, もう少し待ってください, もうちょっと待って, お待ちいただけますか, 少々お待ちいただけますか"
  ),
  lengths: [],
  howLong: [],
  courtesies: list("ください, ね, よ, お願い, まあ, あの, もう, すぐ, はい, すみません"),
  hesitations: list("えっと, えーと, えーっと, ええと, あの, あのう, あのー, うーん, まあ, なんか, その, そのう"),
  unfinished: list("えっと, えーと, えーっと, ええと, あの, あのう, あのー, なんか, その")
}

/**
 * What is known of each language, by the first part of its tag: `en`, `de`,
 * `fr`, `es`, `it`, `pt`, `nl`, `pl`, `ru` and `ja`. In each of them but English,
 * what speakers commonly say in English counts, too ("okay", "sorry, one moment").
 *
 * @category phrases
 * @since 0.1.0
 */
export const phrasebooks: {
  readonly en: Phrasebook
  readonly de: Phrasebook
  readonly fr: Phrasebook
  readonly es: Phrasebook
  readonly it: Phrasebook
  readonly pt: Phrasebook
  readonly nl: Phrasebook
  readonly pl: Phrasebook
  readonly ru: Phrasebook
  readonly ja: Phrasebook
} = { en, de, fr, es, it, pt, nl, pl, ru, ja }

// What stands for something else in another language is left out: "fine", "so", "go on".
const borrowedLengths = list(
  "one moment, one second, one sec, one minute, just a moment, just a second, just a minute, just a sec, " +
    "a moment, a second, a minute, give me a moment, give me a second, give me a minute"
)

/** English that those who speak another language use in it. */
export const borrowed: Phrasebook = {
  continuers: list("uh huh, mm hm, mm hmm, mhm, hm, hmm, aha, wow"),
  agreement: list(
    "ok, okay, o k, yes, yeah, yep, sure, all right, alright, cool, perfect, got it, exactly, of course, no problem"
  ),
  cutIns: list("stop, wait, no, hey, help, cancel, excuse me, no thanks, no thank you"),
  holds: [...borrowedLengths, ...list("wait a moment, wait a second, wait a minute, hold on, hang on")],
  lengths: borrowedLengths,
  howLong: [],
  courtesies: list("please, sorry, thanks, thank you, excuse me"),
  hesitations: [],
  unfinished: []
}
