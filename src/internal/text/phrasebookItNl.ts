/** Phrases of listeners in Italian and Dutch. */
import { list, type Phrasebook } from "./phraseList.ts"

// voltamusicawards.com, “8 expressions” (“aspetta”, “un attimo”); studyitalianlanguage.org, telephone calls (“resti in linea”).
// How long: italymagazine.com, “Metterci and Volerci”; thinkinitalian.com, “Ci vuole”.
const itLengths = list(
  "un momento, un momentino, un attimo, un attimino, un secondo, un secondino, un minuto, un minutino, un istante, " +
    "solo un momento, solo un attimo, solo un secondo, solo un minuto, ancora un momento, ancora un attimo, " +
    "ancora un minuto, due secondi, due minuti, un momento solo, mi dia un momento, mi dia un attimo, " +
    "mi dia un secondo, mi dia un minuto, dammi un momento, dammi un attimo, dammi un secondo, dammi un minuto"
)

// Mereu, “The case of Italian Multi-Unit Backchannels” (DIA corpus, 2024); schoolbag.info, “Modern Italian Grammar” (41, spoken
// Italian). Requests: the same; studyitalianlanguage.org, telephone calls.
export const it: Phrasebook = {
  continuers: list(
    "mhm, mm, mh, hm, hmm, uh huh, aha, ah, ah ah, oh, già, eh già, ah già, ah ecco, ah sì, capisco, ah capisco, vedo"
  ),
  agreement: list(
    "sì, si, ok, okay, d'accordo, va bene, bene, molto bene, benissimo, certo, certamente, certo che sì, esatto, " +
      "esattamente, giusto, perfetto, ottimo, assolutamente, infatti, vero, è vero, proprio così, senz'altro, " +
      "naturalmente, ovvio, ovviamente, chiaro, capito, ho capito, tutto chiaro, intesi, volentieri, come no, " +
      "nessun problema, non c'è problema, continui, continua, vada avanti, vai avanti, prosegua, prego, va benissimo, " +
      "tutto bene, ci sta, interessante, bello"
  ),
  cutIns: list(
    "no, basta, aspetta, aspetti, aspettate, ferma, fermati, si fermi, fermo, stop, alt, smettila, la smetta, smetta, " +
      "smetti, silenzio, zitto, zitta, stai zitto, stai zitta, stia zitto, aiuto, annulla, annulli, annullare, cancella, " +
      "pausa, scusa, scusi, mi scusi, scusami, senta, senti, ascolti, ascolta, mi ascolti, ascoltami, " +
      "mi lasci parlare, lasciami parlare, mi faccia parlare, fammi parlare, posso dire una cosa, posso interrompere, " +
      "non così veloce, no grazie, lasci stare, lascia stare, lasci perdere, lascia perdere, " +
      "scusi se la interrompo, scusa se ti interrompo"
  ),
  holds: [
    ...itLengths,
    ...list(
      "momento, attimo, aspetta un momento, aspetti un momento, aspetta un attimo, aspetti un attimo, " +
        "aspetta un secondo, aspetti un secondo, aspetta un minuto, aspetti un minuto, aspetta un po', aspetti un po', " +
        "aspettare un momento, aspettare un attimo, resti in linea, resta in linea, rimanga in linea, rimani in linea, " +
        "restare in linea, non riattacchi, non riattaccare, attenda, attendi, attenda un momento, attenda un attimo, " +
        "attenda in linea, attendere un momento, torno subito, arrivo subito, un po' di pazienza, abbia pazienza"
    )
  ],
  lengths: itLengths,
  howLong: list(
    "quanto tempo serve, quanto tempo vuole, quanto tempo vorrà, quanto tempo bisogno, quanto tempo occorre, " +
      "quanto tempo aspettare, quanto tempo aspetto, quanto tempo impiega, quanto tempo ancora, quanto tempo mette, " +
      "quanto ci vuole, quanto ci vorrà, quanto ci mette, quanto ci metterà, quanto ci metti, quanto devo aspettare, " +
      "quanto manca, quanto dura, quanto ancora?, quanti minuti, quanti secondi"
  ),
  courtesies: list(
    "per favore, per piacere, per cortesia, cortesemente, può, potrebbe, puoi, potresti, grazie, adesso, ora, subito, " +
      "solo, soltanto, ancora, un po', oh, eh, ok, sì, sì sì, signore, signora, signorina, qui, lì, così, " +
      "scusi, scusa, mi scusi, scusami"
  ),
  hesitations: list(
    "ehm, eh, uhm, mmm, allora, beh, be', dunque, cioè, insomma, vediamo, fammi pensare, mi faccia pensare, " +
      "mi lasci pensare, fammi vedere, mi faccia vedere, diciamo"
  ),
  unfinished: list(
    "e, o, ma, oppure, che, se, il, lo, gli, un, una, di, del, dello, della, dei, degli, delle, da, dal, dalla, in, nel, " +
      "nella, con, per, sul, sulla, a, al, alla, mio, mia, nostro, nostra, vorrei, ehm, cioè"
  )
}

// sublearn.com, “wacht even” and “even wachten”; taalthuis.com, lesson 8 (“momentje”).
const nlLengths = list(
  "een moment, een momentje, één moment, één momentje, een ogenblik, een ogenblikje, een seconde, een secondje, een minuut, " +
    "een minuutje, één minuut, één seconde, moment, momentje, ogenblik, ogenblikje, secondje, minuutje, een klein momentje, " +
    "nog een moment, nog een momentje, nog een minuut, nog een minuutje, twee seconden, twee minuten, " +
    "geef me een moment, geef me een momentje, geef me een minuut, geef me een seconde, geef me even"
)

// e-sprachlingua.com, “Fillers & Sounds”; easydutchlearning.com, “Stoplappen”; frontpage.fok.nl, “stopwoordjes”.
// Requests: sublearn.com, “wacht even” (“hoor”), taalthuis.com, lesson 8.
export const nl: Phrasebook = {
  continuers: list(
    "ja, ja ja, jaja, mhm, hmhm, mm, mh, hm, hmm, aha, ah, ah ja, oh, o, o ja, oh ja, ach, ach ja, ach zo, juist ja, o zo"
  ),
  agreement: list(
    "oké, ok, okay, goed, heel goed, is goed, dat is goed, prima, klopt, dat klopt, precies, juist, inderdaad, zeker, " +
      "jazeker, jawel, tuurlijk, natuurlijk, uiteraard, ja hoor, graag, ja graag, akkoord, afgesproken, duidelijk, helder, " +
      "begrepen, ik begrijp het, begrijp ik, ik snap het, snap ik, mooi, fijn, leuk, super, top, perfect, helemaal goed, " +
      "in orde, komt goed, geen probleem, geen punt, maakt niet uit, dat is waar, absoluut, exact, interessant, ga door, " +
      "ga verder, gaat u verder, gaat uw gang, ga je gang, vertel, zeg het maar"
  ),
  cutIns: list(
    "stop, stoppen, stop maar, wacht, wachten, wacht eens, nee, neen, nee dank u, nee dank je, nee bedankt, help, stil, " +
      "stilte, wees stil, hou op, houd op, houdt u op, genoeg, het is genoeg, zo is het genoeg, kap ermee, annuleer, " +
      "annuleren, pauze, pardon, neem me niet kwalijk, neemt u mij niet kwalijk, hé, luister, luister eens, luistert u, " +
      "mag ik iets zeggen, mag ik even onderbreken, mag ik u onderbreken, laat me uitpraten, laat mij uitpraten, " +
      "laat me praten, niet zo snel, rustig aan, laat maar, halt, ho, ho maar, hou je mond, zwijg, " +
      "sorry dat ik u onderbreek, sorry dat ik je onderbreek"
  ),
  holds: [
    ...nlLengths,
    ...list(
      "wacht even, even wachten, wacht eens even, wacht heel even, wacht u even, wacht een moment, wacht een momentje, " +
        "wacht een ogenblik, wacht een seconde, een moment wachten, een momentje wachten, een ogenblik wachten, wacht een minuut, wacht een minuutje, effe wachten, wacht effe, " +
        "blijf aan de lijn, blijft u aan de lijn, blijf hangen, een moment geduld, een ogenblik geduld, even geduld, " +
        "heel even, eventjes, even kijken hoor, ik ben zo terug, ben zo terug, zo terug, ik kom zo terug, ik ben er zo weer"
    )
  ],
  lengths: nlLengths,
  howLong: list(
    "hoe lang nodig, hoelang nodig, hoe lang duurt, hoelang duurt, hoe lang duren, hoelang duren, hoe lang wachten, " +
      "hoelang wachten, hoe lang nog?, hoelang nog?, hoeveel tijd, hoeveel minuten, hoeveel seconden, hoe snel bent, " +
      "hoe snel ben"
  ),
  courtesies: list(
    "alstublieft, alsjeblieft, graag, kunt u, kun je, kan je, wilt u, wil je, zou u, zou je, even, eventjes, nu, meteen, " +
      "eens, hoor, dank u, dank je, bedankt, dank u wel, dankjewel, oh, eh, ok, oké, meneer, mevrouw, dan, nog, daar, " +
      "sorry, pardon"
  ),
  hesitations: list(
    "eh, ehm, uh, uhm, euh, hm, hmm, nou, nou ja, tja, dus, even kijken, eens kijken, even denken, laat me denken, " +
      "laat me even denken, laat me even kijken, zeg maar, ik bedoel"
  ),
  unfinished: list(
    "en, of, maar, omdat, want, als, de, een, mijn, jouw, uw, onze, van, naar, met, bij, om, ik ben, ik wil, ik zou, eh, ehm, uhm"
  )
}
