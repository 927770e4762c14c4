/** The words after which a full stop is no end of a sentence, by language; fixed tables, shared by all. */
import { languageOf } from "./phrases.ts"

/** What is known of a language where a full stop may not end a sentence. */
export interface Lexicon {
  /** A full stop after these never ends a sentence. */
  readonly never: ReadonlySet<string>
  /** The same, where the word begins with a capital. */
  readonly titles: ReadonlySet<string>
  /** The same, where a digit follows. */
  readonly numeric: ReadonlySet<string>
  /** A full stop after these ends a sentence when a starter follows. */
  readonly ambiguous: ReadonlySet<string>
  readonly starters: ReadonlySet<string>
  /** The same as `numeric` of words that end in this. */
  readonly numericEnd?: RegExp | undefined
  readonly ordinals: boolean
  /** Shortest piece worth a request of its own. */
  readonly minLength: number
}

const set = (words: string): ReadonlySet<string> => new Set(words.split(" "))
const union = (a: ReadonlySet<string>, words: string): ReadonlySet<string> => new Set([...a, ...words.split(" ")])

const english: Lexicon = {
  never: set("mr mrs dr prof messrs e.g i.e eg vs cf viz approx incl excl"),
  titles: set("ms mx rev hon gen col capt lt sgt maj cmdr adm gov sen rep pres supt fr mt ft mme mlle sra"),
  numeric: set(
    "no nos nr fig figs p pp vol vols ch chap sec art eq par para jan feb mar apr jun jul aug sep sept oct nov dec " +
      "ca tel ext mon tue tues wed thu thur thurs fri sat sun op v ver ft lb lbs oz"
  ),
  ambiguous: set(
    "etc inc ltd co corp llc bros jr sr esq st ave blvd rd dept est al ph.d min max assn univ assoc temp misc attn"
  ),
  starters: set(
    "a an the this that these those there here he she it they we you i my your his her its our their who what when " +
      "where why how which and but or so yet if then also now once while because although however still instead " +
      "meanwhile in on at for from with without after before as by to of until since during yes no not let please do " +
      "does did is are was were have has had can could would will should may might must some many most few all each " +
      "every both another other such mr mrs ms dr thank thanks"
  ),
  ordinals: false,
  minLength: 20
}

const german: Lexicon = {
  ...english,
  never: union(
    english.never,
    "z.b d.h u.a u.u i.d.r s.o s.u o.ä bzw ggf evtl inkl zzgl zzt vgl hr fr frl dipl ing geb mio mrd tsd"
  ),
  numeric: union(english.numeric, "abs kap bd mär mai okt dez s"),
  ambiguous: union(english.ambiguous, "usw usf uvm str"),
  starters: set(
    "der die das den dem ein eine einen er sie es wir ihr ich du man dies diese dieser dieses und aber oder doch wenn " +
      "als da dann dort hier so auch nun jetzt was wer wie wo warum wann im in am an auf bei mit nach von vor zu zum " +
      "zur für es ja nein nicht bitte danke"
  ),
  numericEnd: /.str$/u,
  ordinals: true
}

const french: Lexicon = {
  ...english,
  never: union(english.never, "mm mmes mlles mgr me p.ex c.-à-d env"),
  titles: union(english.titles, "m"),
  numeric: union(english.numeric, "n° art chap janv févr juil déc"),
  ambiguous: union(english.ambiguous, "av bd"),
  starters: set(
    "le la les l un une des il elle ils elles on nous vous je j tu ce cet cette ces c et mais ou donc or car si quand " +
      "que qui quoi où comment pourquoi dans sur à au aux de du pour par avec sans après avant oui non merci"
  )
}

const spanish: Lexicon = {
  ...english,
  never: union(english.never, "sr sra srta sres dra d dña ud uds vd vds p.ej ee"),
  numeric: union(english.numeric, "núm pág págs cap"),
  ambiguous: union(english.ambiguous, "ee.uu uu avda"),
  starters: set(
    "el la los las lo un una unos unas él ella ellos ellas nosotros usted ustedes yo tú este esta esto ese esa eso y " +
      "pero o si cuando donde como qué quién en de del a al por para con sin después antes sí no gracias"
  )
}

const italian: Lexicon = {
  ...english,
  never: union(
    english.never,
    "sig sigg sig.ra sig.na dott dott.ssa prof.ssa ing avv arch geom rag egr gent spett p.es v.le p.zza"
  ),
  numeric: union(english.numeric, "n pag pagg art cap gen mag giu lug ago set ott dic"),
  ambiguous: union(english.ambiguous, "ecc sec"),
  starters: set(
    "il lo la i gli le l un uno una un lui lei noi voi loro io tu questo questa questi e ma o oppure se quando dove come " +
      "chi che cosa perché quale in di da con su per tra fra dopo prima poi ora sì no grazie prego può vuole desidera è"
  )
}

const portuguese: Lexicon = {
  ...english,
  never: union(english.never, "sr sra srta sres dra profa eng exmo exma av p.ex"),
  numeric: union(english.numeric, "n nº núm pág págs art cap fev abr mai ago set out dez"),
  ambiguous: union(english.ambiguous, "ltda cia"),
  starters: set(
    "o a os as um uma uns umas ele ela eles elas nós você vocês eu tu este esta isto esse essa isso e mas ou se quando " +
      "onde como quem que qual em de do da no na com para por sem depois antes agora sim não obrigado obrigada posso é"
  )
}

const dutch: Lexicon = {
  ...english,
  never: union(english.never, "dhr mevr mw drs ir ing bijv i.p.v m.b.t t.a.v t.o.v o.a m.a.w d.w.z"),
  numeric: union(english.numeric, "blz mrt mei okt"),
  ambiguous: union(english.ambiguous, "enz a.u.b s.v.p"),
  starters: set(
    "de het een hij zij ze wij we jullie ik je jij u dit dat deze die er en maar of want als dan toen daar hier zo ook nu " +
      "wat wie hoe waar waarom wanneer in op aan bij met naar van voor om ja nee niet graag dank bedankt kunt wilt is"
  )
}

const polish: Lexicon = {
  ...english,
  never: union(english.never, "mgr inż hab np tzn tzw ul al os św im tj płk dyr red"),
  numeric: union(english.numeric, "str ok godz zł r w"),
  ambiguous: union(english.ambiguous, "itd itp m.in"),
  starters: set(
    "to ten ta te on ona oni one my wy ja ty pan pani państwo i a ale lub albo jeśli gdy kiedy gdzie jak kto co dlaczego " +
      "w na do z od po przed dla tak nie dziękuję proszę czy teraz potem jest są"
  )
}

const russian: Lexicon = {
  ...english,
  never: union(english.never, "г-н г-жа ул просп пр-т пл пер им проф акад напр т.е т.к"),
  numeric: union(english.numeric, "д кв стр рис тел руб коп тыс млн млрд г гг в вв ст п"),
  ambiguous: union(english.ambiguous, "т.д т.п др"),
  starters: set(
    "это этот эта эти он она они оно мы вы я ты и а но или если когда где как кто что почему в на до с из от после для по " +
      "да нет не спасибо пожалуйста сейчас потом есть можно могу хотите"
  )
}

const hindi: Lexicon = {
  ...english,
  never: union(english.never, "डॉ श्री प्रो"),
  numeric: union(english.numeric, "रु सं")
}

const unspaced: Lexicon = { ...english, minLength: 8 }

/** By the primary subtag of a language tag; an unknown language is read as English. */
export const of = (language: string | undefined): Lexicon => {
  switch (languageOf(language)) {
    case "de":
      return german
    case "fr":
      return french
    case "es":
      return spanish
    case "it":
      return italian
    case "pt":
      return portuguese
    case "nl":
      return dutch
    case "pl":
      return polish
    case "ru":
      return russian
    case "hi":
      return hindi
    case "zh":
    case "yue":
    case "ja":
    case "ko":
      return unspaced
    default:
      return english
  }
}
