import { assert, describe, it } from "@effect/vitest"
import { isSpelled } from "../../src/internal/text/digits.ts"

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
    "Ja, null eins sieben zwei"
  ]
  const plain = [
    "",
    "A room for two",
    "for 2",
    "me and I",
    "I would like a",
    "the second of May",
    "Room seven please",
    "We are 4"
  ]
  it.each(spelled)("%s: more may follow", (text) => {
    assert.isTrue(isSpelled(text))
  })
  it.each(plain)("%s: no", (text) => {
    assert.isFalse(isSpelled(text))
  })
})
