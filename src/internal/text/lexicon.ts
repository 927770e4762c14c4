/** The words after which a full stop is no end of a sentence, by language; fixed tables, shared by all. */

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
      "ca tel ext mon tue tues wed thu thur thurs fri sat sun op v ver"
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
    "z.b d.h u.a u.u i.d.r s.o s.u o.ä bzw ggf evtl inkl zzgl zzt vgl hr fr frl dipl ing geb"
  ),
  numeric: union(english.numeric, "abs kap bd mär mai okt dez s"),
  ambiguous: union(english.ambiguous, "usw usf uvm str"),
  starters: set(
    "der die das den dem ein eine einen er sie es wir ihr ich du man dies diese dieser dieses und aber oder doch wenn " +
      "als da dann dort hier so auch nun jetzt was wer wie wo warum wann im in am an auf bei mit nach von vor zu zum " +
      "zur für es ja nein nicht bitte danke"
  ),
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
  never: union(english.never, "sr sra srta sres dra d dña ud uds vd vds p.ej"),
  numeric: union(english.numeric, "núm pág págs cap"),
  ambiguous: union(english.ambiguous, "ee.uu avda"),
  starters: set(
    "el la los las lo un una unos unas él ella ellos ellas nosotros usted ustedes yo tú este esta esto ese esa eso y " +
      "pero o si cuando donde como qué quién en de del a al por para con sin después antes sí no gracias"
  )
}

const unspaced: Lexicon = { ...english, minLength: 8 }

/** By the primary subtag of a language tag; an unknown language is read as English. */
export const of = (language: string | undefined): Lexicon => {
  switch (language?.split(/[-_]/)[0]?.toLowerCase()) {
    case "de":
      return german
    case "fr":
      return french
    case "es":
      return spanish
    case "zh":
    case "yue":
    case "ja":
    case "ko":
      return unspaced
    default:
      return english
  }
}
