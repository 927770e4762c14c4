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
  /** The same, behind a number, as of years: "2024 г. Москва". */
  readonly counted: ReadonlySet<string>
  readonly starters: ReadonlySet<string>
  /** The same as `numeric` of words that end in this. */
  readonly numericEnd?: RegExp | undefined
  /** Ordinal numbers have a full stop, and a capital may follow ("5. Mai"), or small letters alone ("5. maja"). */
  readonly ordinals: "none" | "any" | "small"
  /** Shortest piece worth a request of its own. */
  readonly minLength: number
}

const set = (words: string): ReadonlySet<string> => new Set(words.split(" "))
const union = (a: ReadonlySet<string>, words: string): ReadonlySet<string> => new Set([...a, ...words.split(" ")])

/** Of Russian, and of other texts with its letters: none of them is a word in another script. */
const cyrillic = {
  never:
    "г-н г-жа ул просп пр-т пр пл пер наб бул б-р ш мкр пос обл р-н проф акад доц канд напр т.е т.к т.н т.ч т.о см ср " +
    "англ нем лат греч букв св гл нач зам чл о-в о тел",
  numeric: "д кв стр рис руб коп тыс млн млрд ст п пп с оф корп эт каб табл разд прим ок т",
  ambiguous: "т.д т.п др н.э сек мин час ч им гр",
  counted: "г гг в вв",
  starters:
    "это этот эта эти он она они оно мы вы я ты и а но или если когда где как кто что почему в на до с из от после для по " +
    "да нет не спасибо пожалуйста сейчас потом есть можно могу хотите ещё еще так там тут здесь затем теперь поэтому у к о " +
    "за мой моя мои наш наша наши ваш ваша ваши все всё при тогда однако также"
}

const english: Lexicon = {
  never: set(`mr mrs dr prof messrs e.g i.e eg vs cf viz approx incl excl tel ${cyrillic.never}`),
  titles: set("ms mx rev hon gen col capt lt sgt maj cmdr adm gov sen rep pres supt fr mt ft mme mlle sra"),
  numeric: set(
    "no nos nr fig figs p pp vol vols ch chap sec art eq par para jan feb mar apr jun jul aug sep sept oct nov dec " +
      `ca ext mon tue tues wed thu thur thurs fri sat sun op v ver ft lb lbs oz apt ${cyrillic.numeric}`
  ),
  ambiguous: set(
    "etc inc ltd co corp llc bros jr sr esq st ave blvd rd dept est al ph.d min max assn univ assoc temp misc attn " +
      cyrillic.ambiguous
  ),
  counted: set(cyrillic.counted),
  starters: set(
    "a an the this that these those there here he she it they we you i my your his her its our their who what when " +
      "where why how which and but or so yet if then also now once while because although however still instead " +
      "meanwhile in on at for from with without after before as by to of until since during yes no not let please do " +
      "does did is are was were have has had can could will would should may might must some many most few all each " +
      `every both another other such mr mrs ms dr thank thanks ${cyrillic.starters}`
  ),
  ordinals: "none",
  minLength: 20
}

/** Whose ordinal numbers are written with a full stop ("3. maja"), and of which no more is known. */
const ordinal: Lexicon = { ...english, ordinals: "small" }

const german: Lexicon = {
  ...english,
  never: union(
    english.never,
    "z.b d.h u.a u.u i.d.r s.o s.u o.ä u.ä o.g v.a z.t z.zt i.a i.v u.v.a n.chr v.chr a.d h.c m.e bzw bzgl ggf evtl inkl exkl " +
      "einschl zzgl zzt vgl hr hrn fr frl fa dipl ing med rer nat jur habil geb mio mrd tsd nr ca hl lt sog gem bes " +
      "insb insbes allg entspr betr verh gest eigtl ggü tgl jährl monatl"
  ),
  numeric: union(english.numeric, "abs kap bd bde mär mai okt dez s hs hsnr"),
  ambiguous: union(english.ambiguous, "usw usf uvm str jh jhd std sek phil"),
  starters: set(
    "der die das den dem ein eine einen er sie es wir ihr ich du man dies diese dieser dieses und aber oder doch wenn " +
      "als da dann dort hier so auch nun jetzt was wer wie wo warum wann im in am an auf bei mit nach von vor zu zum " +
      "zur für es ja nein nicht bitte danke heute morgen gestern haben hat ist sind kann können möchten soll darf " +
      `ihre ihr mein meine unser unsere sein seine kein keine alle ${cyrillic.starters}`
  ),
  numericEnd: /.str$/u,
  ordinals: "any"
}

const french: Lexicon = {
  ...english,
  never: union(
    english.never,
    "mm mmes mlles mgr me p.ex c.-à-d env pr st ste boul bd resp c.a.d tél"
  ),
  titles: union(english.titles, "m"),
  numeric: union(english.numeric, "n° art chap janv févr juil déc h min réf bât appt étg"),
  ambiguous: union(new Set([...english.ambiguous].filter((word) => word !== "st")), "cie éd av"),
  starters: set(
    "le la les l un une des il elle ils elles on nous vous je j tu ce cet cette ces c et mais ou donc or car si quand " +
      "que qui quoi où comment pourquoi dans sur à au aux de du pour par avec sans après avant oui non merci mon ma mes " +
      `votre vos notre nos son sa ses est puis ensuite voici voilà souhaitez pouvez ${cyrillic.starters}`
  )
}

const spanish: Lexicon = {
  ...english,
  never: union(
    english.never,
    "sr sra srta sres sras d dña da ud uds vd vds p.ej ee av avda avd ctra pza pl lic arq ing dra dres gral sto sta excmo " +
      "ilmo hnos aprox ej admón dpto depto fdo núms prof profa esq p.d"
  ),
  numeric: union(english.numeric, "núm pág págs cap tfno tlf apdo máx mín n° ene abr ago dic"),
  ambiguous: union(english.ambiguous, "ee.uu uu a.m p.m a.c d.c cía s.a c"),
  starters: set(
    "el la los las lo un una unos unas él ella ellos ellas nosotros usted ustedes yo tú este esta esto ese esa eso y " +
      "pero o si cuando donde como qué quién en de del a al por para con sin después antes sí no gracias mi su sus " +
      `cuánto cuándo dónde cómo puede quiere también luego entonces hoy mañana ${cyrillic.starters}`
  )
}

const italian: Lexicon = {
  ...english,
  never: union(
    english.never,
    "sig sigg sig.ra sig.na dott dott.ssa prof.ssa ing avv arch geom rag egr gent gent.mo gent.ma spett ill ill.mo p.es v.le p.zza " +
      "c.so l.go p.le f.lli dr.ssa on cav mons"
  ),
  numeric: union(english.numeric, "n nn pag pagg art artt cap gen mag giu lug ago set ott dic cell int c.a.p"),
  ambiguous: union(english.ambiguous, "ecc sec a.c d.c s.p.a s.r.l"),
  starters: set(
    "il lo la i gli le l un uno una un lui lei noi voi loro io tu questo questa questi e ma o oppure se quando dove come " +
      "chi che cosa perché quale in di da con su per tra fra dopo prima poi ora sì no grazie prego può vuole desidera è " +
      `mio mia suo sua nostro quanto quanti ci si allora oggi domani ${cyrillic.starters}`
  )
}

const portuguese: Lexicon = {
  ...english,
  never: union(
    english.never,
    "sr sra srta sres srs dra profa prof eng exmo exma ilmo av p.ex r rod pça trav al est lda v.sa v.exa d dr.ª aprox"
  ),
  numeric: union(english.numeric, "n nº núm pág págs art cap fev abr mai ago set out dez apto ap bl cj"),
  ambiguous: union(
    new Set([...english.ambiguous].filter((word) => word !== "al" && word !== "est")),
    "ltda cia a.c d.c"
  ),
  starters: set(
    "o a os as um uma uns umas ele ela eles elas nós você vocês eu tu este esta isto esse essa isso e mas ou se quando " +
      "onde como quem que qual em de do da no na com para por sem depois antes agora sim não obrigado obrigada posso é " +
      `meu minha seu sua nosso pode quer também então hoje amanhã ${cyrillic.starters}`
  )
}

const dutch: Lexicon = {
  ...english,
  never: union(
    english.never,
    "dhr mevr mw drs ir ing mr bijv i.p.v m.b.t t.a.v t.o.v o.a m.a.w d.w.z o.l.v i.v.m t.n.v n.a.v m.i.v t.g.v z.g ca nr nrs " +
      "resp evt incl excl o.b.v m.n"
  ),
  numeric: union(english.numeric, "blz mrt mei okt"),
  ambiguous: union(english.ambiguous, "enz a.u.b s.v.p e.d bv"),
  starters: set(
    "de het een hij zij ze wij we jullie ik je jij u dit dat deze die er en maar of want als dan toen daar hier zo ook nu " +
      "wat wie hoe waar waarom wanneer in op aan bij met naar van voor om ja nee niet graag dank bedankt kunt wilt is " +
      `mijn uw ons onze heeft hebt kan vandaag morgen daarna ${cyrillic.starters}`
  )
}

const polish: Lexicon = {
  ...english,
  never: union(
    english.never,
    "mgr inż hab np tzn tzw ul al os pl św im tj t.j płk dyr red ks bp gen por kpt lek med mec wg m.in dot ew ds woj pow gm nt sp p dypl"
  ),
  numeric: union(english.numeric, "str ok godz zł s nr poz ust pkt lok m pok par tys mln mld"),
  ambiguous: union(english.ambiguous, "itd itp n.e p.n.e ub min sek"),
  counted: new Set([...english.counted, "r", "w", "ww"]),
  starters: set(
    "to ten ta te on ona oni one my wy ja ty pan pani państwo i a ale lub albo jeśli gdy kiedy gdzie jak kto co dlaczego " +
      "w na do z od po przed dla tak nie dziękuję proszę czy teraz potem jest są potrzebuję mój moja nasz nasza może " +
      `więc następnie dziś dzisiaj jutro ${cyrillic.starters}`
  ),
  ordinals: "small"
}

const russian: Lexicon = { ...english, starters: set(cyrillic.starters) }

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
    case "cs":
    case "sk":
    case "sl":
    case "hr":
    case "sr":
    case "bs":
    case "hu":
    case "fi":
    case "et":
    case "lv":
    case "da":
    case "nb":
    case "nn":
    case "no":
    case "is":
    case "tr":
      return ordinal
    case "zh":
    case "yue":
    case "ja":
    case "ko":
      return unspaced
    default:
      return english
  }
}
