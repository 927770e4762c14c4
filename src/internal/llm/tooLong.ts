/** Whether a model has refused a prompt for its length, and how much shorter it is to be. */
import type * as Prompt from "effect/ai/Prompt"
import type * as Failure from "../../Failure.ts"
import * as refusals from "../provider/refusals.ts"

export type TooLong =
  | { readonly _tag: "No" }
  /** It refuses what it is sent, and does not say why. */
  | { readonly _tag: "Perhaps" }
  /** `share` is how much of it the model takes, where it has told that. */
  | { readonly _tag: "Yes"; readonly share: number | undefined }

const ofContext = new RegExp(
  "context[ _-]*(?:length|window|size|limit)|(?:prompt|inputs?|messages?|request)[^.]{0,60} (?:too|so) (?:long|large)|" +
    "too many (?:input )?tokens|(?:maximum|max) (?:number of )?(?:input )?tokens|reduce the length|token count|" +
    "too large for model|string_above_max_length|string too long|`?inputs`? tokens",
  "i"
)

/** Of how long the answer may be, which no shorter prompt mends. */
const ofAnswer = /max_(?:completion_|output_|new_)?tokens/i

/** The numbers of a text that may be tokens: of the two largest, how much the one is of the other. */
const shareIn = (text: string): number | undefined => {
  const numbers = [...text.matchAll(/\d[\d,_]{2,11}/g)].map(([digits]) => Number(digits.replace(/[,_]/g, "")))
    .filter((number) => number >= 128).toSorted((one, other) => other - one)
  const [more, less] = numbers
  if (more === undefined || less === undefined) return undefined
  const share = less / more
  return share < 1 && share > 1 / 1000 ? share : undefined
}

const told = (text: string): TooLong | undefined =>
  ofContext.test(text)
    ? { _tag: "Yes", share: shareIn(text) }
    : undefined

const no: TooLong = { _tag: "No" }

const lengths = new WeakMap<Failure.Reason, TooLong>()

/** What one has said of a request goes on to be known where several have failed. */
export const inherit = (reason: Failure.Exhausted, reasons: ReadonlyArray<Failure.Reason>): Failure.Exhausted => {
  const all = reasons.map(read)
  const known = all.find(({ _tag }) => _tag === "Yes") ?? all.find(({ _tag }) => _tag === "Perhaps")
  if (known !== undefined) lengths.set(reason, known)
  return reason
}

export const read = (reason: Failure.Reason): TooLong => {
  const text = refusals.textOf(reason) ?? ""
  switch (reason._tag) {
    case "Exhausted":
      return lengths.get(reason) ?? no
    case "InvalidRequest": {
      const known = told(text) ?? told(reason.detail)
      if (known !== undefined) return known
      // A field that is named is to be mended, whatever the length is.
      return ofAnswer.test(text) || /because of "(?!messages|input|prompt)/.test(reason.detail) || text !== ""
        ? no
        : { _tag: "Perhaps" }
    }
    case "Rejected": {
      if (reason.status === 413) return told(text) ?? { _tag: "Yes", share: undefined }
      const known = told(text)
      if (known !== undefined && (reason.status === 400 || reason.status === 422 || reason.status === 429)) return known
      return text === "" && (reason.status === 400 || reason.status === 422) ? { _tag: "Perhaps" } : no
    }
    default:
      return no
  }
}

/** Characters of what is said in a prompt. */
export const promptLength = ({ content }: Prompt.Prompt): number => JSON.stringify(content).length
