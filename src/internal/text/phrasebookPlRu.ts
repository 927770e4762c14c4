/** Phrases of listeners in Polish and Russian. */
import { list, type Phrasebook } from "./phraseList.ts"

// sublearn.com, “moment” (Polish).
const plLengths = list(
  "moment, momencik, jeden moment, chwila, chwilka, chwileczka, chwilę, chwilkę, chwileczkę, jedną chwilę, " +
    "jedną chwilkę, jedną chwileczkę, jedna chwila, jedna chwilka, sekunda, sekundę, sekundka, sekundkę, " +
    "jedną sekundę, jedna sekunda, minuta, minutę, minutka, minutkę, jedną minutę, jedna minuta, jeszcze chwilę, " +
    "jeszcze chwilkę, jeszcze moment, jeszcze minutę, jeszcze minutkę, dwie sekundy, dwie minuty, daj mi chwilę, " +
    "daj mi moment, daj mi sekundę, daj mi minutę, dać mi chwilę"
)

// realpolandtours.com (“no”, “mhm”); culture.pl, “How to sound like a Pole”; metropole.at, “Phrases to impress” (“no” as “uh huh”).
// Requests: culture.pl, “20 must-know phrases”; madmaxwork.pl (“przepraszam”).
export const pl: Phrasebook = {
  continuers: list(
    "mhm, mm, hm, hmm, uhm, uhu, aha, ach, ach tak, ach so, och, oh, o, ah, no, no tak, rozumiem, aha rozumiem"
  ),
  agreement: list(
    "tak, tak jest, ok, okej, okay, dobra, dobrze, bardzo dobrze, w porządku, jasne, jasna sprawa, pewnie, oczywiście, " +
      "zgoda, zgadza się, zgadzam się, racja, masz rację, ma pan rację, ma pani rację, dokładnie, właśnie, no właśnie, " +
      "prawda, to prawda, naturalnie, świetnie, super, fajnie, ekstra, doskonale, znakomicie, idealnie, pięknie, " +
      "zrozumiałem, zrozumiałam, wiem, wszystko jasne, może być, niech będzie, bez problemu, nie ma problemu, " +
      "nie ma sprawy, nic nie szkodzi, mów dalej, niech pan mówi, niech pani mówi, kontynuuj, owszem, chętnie, spoko"
  ),
  cutIns: list(
    "stop, stój, przestań, przestać, przestańcie, niech pan przestanie, niech pani przestanie, czekaj, poczekaj, " +
      "poczekać, zaczekaj, nie, nie dziękuję, dość, dosyć, wystarczy, starczy, cicho, cisza, bądź cicho, zamknij się, " +
      "pomocy, ratunku, anuluj, anulować, odwołaj, pauza, przepraszam, halo, hej, słuchaj, posłuchaj, posłuchać, " +
      "niech pan posłucha, niech pani posłucha, daj mi powiedzieć, daj mi dokończyć, mogę coś powiedzieć, " +
      "czy mogę coś powiedzieć, mogę przerwać, czy mogę przerwać, przepraszam że przerywam, nie tak szybko, " +
      "zatrzymaj się, nieważne, mniejsza z tym, zostaw, nie trzeba"
  ),
  holds: [
    ...plLengths,
    ...list(
      "poczekaj chwilę, poczekaj chwilkę, poczekaj moment, poczekaj sekundę, poczekaj minutę, zaczekaj chwilę, " +
        "zaczekaj moment, zaczekaj sekundę, czekaj chwilę, czekaj moment, czekaj sekundę, proszę poczekać, " +
        "proszę zaczekać, poczekać chwilę, poczekać chwilkę, zaczekać chwilę, chwilę poczekać, chwilę zaczekać, " +
        "chwileczkę poczekać, niech pan poczeka, niech pani poczeka, niech pan zaczeka, niech pani zaczeka, " +
        "nie rozłączaj się, się nie rozłączać, nie rozłączać się, niech pan się nie rozłącza, " +
        "niech pani się nie rozłącza, zaraz, zaraz wracam, zaraz wrócę, już wracam, cierpliwości"
    )
  ],
  lengths: plLengths,
  howLong: list(
    "ile czasu, jak długo potrwa, jak długo zajmie, jak długo potrzebuje, jak długo potrzebujesz, jak długo czekać, " +
      "jak długo poczekać, jak długo zaczekać, ile potrwa, ile zajmie, ile minut, ile sekund, ile jeszcze?, " +
      "jak długo jeszcze?, jak długo?"
  ),
  courtesies: list(
    "proszę, bardzo proszę, proszę pana, proszę pani, czy może pan, czy może pani, może pan, może pani, " +
      "czy mógłby pan, czy mogłaby pani, możesz, czy możesz, mógłbyś, mogłabyś, dziękuję, dzięki, teraz, już, tylko, " +
      "jeszcze, no, to, tak, ok, dobra, dobrze, oh, o, tu, tam, na chwilę, bardzo, przepraszam, sorry"
  ),
  hesitations: list(
    "y, yy, yyy, e, ee, eee, em, eem, hm, hmm, no więc, więc, znaczy, to znaczy, jakby, niech pomyślę, zaraz pomyślę, " +
      "muszę pomyśleć, zastanówmy się, zobaczmy, niech zobaczę"
  ),
  unfinished: list(
    "i, a, oraz, lub, albo, ale, bo, ponieważ, że, żeby, jeśli, który, która, które, w, we, z, ze, do, od, na, o, po, przy, " +
      "dla, przez, pod, nad, mój, moja, moje, nasz, nasza, y, yy, yyy, eee, em"
  )
}

// news.itmo.ru, “Life in Russia” (“секунду”).
const ruLengths = list(
  "минуту, минутку, минуточку, одну минуту, одну минутку, одну минуточку, минута, секунду, секундочку, секундку, " +
    "одну секунду, одну секундочку, секунда, момент, один момент, мгновение, ещё минуту, ещё минутку, ещё минуточку, " +
    "ещё секунду, ещё секундочку, ещё немного, пару минут, пару секунд, две минуты, две секунды, дайте минуту, " +
    "дайте минутку, дайте секунду, дай минуту, дай секунду, дайте мне минуту, дайте мне минутку, дайте мне секунду, " +
    "дай мне минуту, дай мне секунду"
)

// brilliaz.com, “Russian turn-taking and backchanneling” (“да”, “угу”, “ясно”); elon.io, “filler words” (“ну”, “вот”).
// Requests: howtosayguide.com, “please stop” and “stop talking” (Russian); news.itmo.ru, “Life in Russia”.
export const ru: Phrasebook = {
  continuers: list(
    "угу, ага, мгм, мхм, хм, хмм, гм, мм, а, ах, о, ох, ого, ну да, вот как, вот оно что, понятно, ясно, понимаю, " +
      "а понятно, а ясно, mhm, mm, hm, hmm, uh huh, aha"
  ),
  agreement: list(
    "да, ок, окей, ok, okay, хорошо, очень хорошо, ладно, отлично, прекрасно, замечательно, супер, класс, здорово, " +
      "конечно, да конечно, разумеется, естественно, безусловно, точно, именно, верно, правильно, согласен, согласна, " +
      "правда, это правда, всё верно, всё ясно, всё понятно, всё хорошо, понял, поняла, я понял, я поняла, " +
      "договорились, идёт, годится, подходит, пойдёт, без проблем, нет проблем, не проблема, ничего страшного, " +
      "давайте, давай, продолжайте, продолжай, дальше, абсолютно, интересно, в порядке, всё в порядке, знаю, я знаю"
  ),
  cutIns: list(
    "стоп, стой, стойте, остановись, остановитесь, подожди, подождите, погоди, погодите, постой, постойте, нет, " +
      "нет спасибо, не а, неа, не надо, хватит, довольно, достаточно, тихо, тише, тишина, замолчи, замолчите, помолчи, " +
      "помолчите, перестань, перестаньте, прекрати, прекратите, помогите, на помощь, спасите, отмена, отмени, отмените, " +
      "отменить, пауза, извините, извини, простите, прости, прошу прощения, послушай, послушайте, слушай, слушайте, эй, " +
      "алло, можно сказать, можно мне сказать, дайте сказать, дайте мне сказать, дай сказать, дай мне сказать, " +
      "можно перебить, извините что перебиваю, простите что перебиваю, не так быстро, помедленнее, медленнее, неважно, " +
      "не важно, забудьте, забудь"
  ),
  holds: [
    ...ruLengths,
    ...list(
      "подождите минуту, подождите минутку, подождите минуточку, подождите секунду, подождите секундочку, " +
        "подождите немного, подождите чуть чуть, подождите пожалуйста, подожди минуту, подожди минутку, подожди секунду, " +
        "подожди секундочку, подожди немного, подожди чуть чуть, погодите минуту, погодите минутку, погодите секунду, " +
        "погоди минуту, погоди минутку, погоди секунду, подождать минуту, подождать минутку, подождать секунду, " +
        "подождать немного, не кладите трубку, не вешайте трубку, не клади трубку, не вешай трубку, " +
        "оставайтесь на линии, останьтесь на линии, сейчас вернусь, я сейчас вернусь, скоро вернусь, я сейчас, " +
        "сейчас сейчас, минутку терпения, минуту терпения"
    )
  ],
  lengths: ruLengths,
  howLong: list(
    "сколько времени нужно, сколько времени понадобится, сколько времени потребуется, сколько времени займёт, " +
      "сколько времени займет, сколько времени ждать, сколько времени уйдёт, сколько времени уйдет, сколько нужно времени, " +
      "сколько займёт, сколько займет, сколько ждать, сколько подождать, как долго, сколько ещё?, сколько еще?, " +
      "сколько минут, сколько секунд"
  ),
  courtesies: list(
    "пожалуйста, будьте добры, будь добр, будь добра, можете, можешь, можно, не могли бы вы, могли бы вы, спасибо, сейчас, " +
      "прямо сейчас, только, ещё, вот, ну, ой, о, э, ок, окей, да, хорошо, там, тут, это, мне, немного, " +
      "извините, извини, простите, прости, сорри"
  ),
  hesitations: list(
    "э, ээ, эээ, эм, м, мм, хм, ну, ну вот, вот, так, значит, так сказать, типа, короче, как бы, дайте подумать, " +
      "дай подумать, сейчас подумаю, надо подумать, посмотрим, сейчас посмотрю, дайте посмотреть"
  ),
  unfinished: list(
    "и, а, но, или, чтобы, потому что, если, который, которая, которое, в, во, на, с, со, к, ко, от, до, из, для, по, при, " +
      "о, об, у, мой, моя, моё, мое, наш, наша, э, ээ, эм"
  )
}
