import { assert, describe, it } from "@effect/vitest"
import { isSpelled } from "../../src/internal/text/digits.ts"
import { isDictated, isGiven } from "../../src/internal/text/given.ts"

describe("somebody who gives a number or a name sign by sign", () => {
  const spelled = [
    "4",
    "four two",
    "4711.",
    "My number is 0 4 7",
    "It is four seven one one",
    "0171",
    "S M",
    "My name is S, M, I",
    "It is B-C",
    "b 4",
    "Ja, null eins sieben zwei",
    "zéro six, douze, trente-quatre",
    "my number is oh four seven twenty three",
    "null eins sieben einundzwanzig",
    "el cero nueve uno veintitrés",
    "nove tre trentadue",
    "nul zes twaalf",
    "vijf drieëntwintig",
    "due trentuno",
    "zero pięć dwadzieścia trzy",
    "ноль пять двадцать три",
    "três oito vinte e dois",
    "零九零",
    "〇九〇",
    "alpha bravo",
    "my code is X-ray Tango"
  ]
  const plain = [
    "",
    "A room for two",
    "for 2",
    "me and I",
    "I would like a",
    "the second of May",
    "Room seven please",
    "We are 4",
    "for twenty two",
    "for treinta y dos",
    "we meet at the hotel",
    "Hotel.",
    "我 要 去",
    "네 네"
  ]
  it.each(spelled)("%s: more may follow", (text) => {
    assert.isTrue(isSpelled(text))
  })
  it.each(plain)("%s: no", (text) => {
    assert.isFalse(isSpelled(text))
  })
})

describe("somebody who gives something piece by piece", () => {
  const given = [
    "M as in Mike",
    "it is A wie Anton,",
    "john at example dot com",
    "john dot",
    "I live at 42 Elm Street",
    "Ich wohne in der Hauptstraße 5",
    "au 12 rue de la Paix",
    "calle Mayor cinco",
    "Via Garibaldi, 12",
    "0 4 7"
  ]
  const not = [
    "the street is loud",
    "I come home",
    "we can meet at the gate",
    "We are 4",
    "at nine",
    "Ich bin weg seit 5",
    "yes please"
  ]
  it.each(given)("%s: more may follow", (text) => {
    assert.isTrue(isGiven(text))
  })
  it.each(not)("%s: no", (text) => {
    assert.isFalse(isGiven(text))
  })

  it("may have said all with a count", () => {
    for (const text of ["4", "42.", "twenty two", "vierundzwanzig", "ten"]) assert.isFalse(isDictated(text), text)
    for (const text of ["four two", "04", "347", "S M", "zéro six"]) assert.isTrue(isDictated(text), text)
  })
})
