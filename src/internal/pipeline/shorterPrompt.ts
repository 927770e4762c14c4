/** A prompt that the model refuses for its length is made shorter, once. */
import * as Cause from "effect/Cause"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import type * as Llm from "../../Llm.ts"
import { shortened, type Shortening } from "../history/shorten.ts"
import { promptLength, read } from "../llm/tooLong.ts"
import { beside } from "../streams.ts"
import type { Core } from "./core.ts"
import { mended } from "./failures.ts"
import { prompt, shorterPrompt } from "./prompt.ts"
import type { Speech } from "./speech.ts"
import type { Utterance } from "./utterance.ts"

// Where a provider does not say how much it takes.
const usualShare = 1 / 4
// Tokens are guessed.
const margin = 0.8
// Who refuses less than this (characters), and does not say why, hardly does so for its length.
const shortest = 16_384

/** How it becomes one that the model takes; `undefined` where its length was not the reason, or nothing of it can go. */
const takesLess = (
  core: Core,
  speech: Speech,
  before: ReadonlyArray<Utterance>,
  { reason }: Llm.LlmError
): Shortening | undefined => {
  const refusal = read(reason)
  if (refusal._tag === "No") return undefined
  if (refusal._tag === "Perhaps" && promptLength(prompt(core, speech, before)) < shortest) return undefined
  const share = refusal._tag === "Yes" && refusal.share !== undefined ? refusal.share * margin : usualShare
  return shorterPrompt(core, speech, before, share)
}

/** What the model has refused once, it would refuse again: the history is what it takes from now on. */
const shorten = (core: Core, shorter: Shortening): void => {
  const before = core.history.current().items.length
  core.history.updated((history) => shortened(history, shorter))
  const message = "a prompt was too long for the model: the history is made shorter"
  core.publish({ _tag: "Warning", component: "llm", message })
  core.publish({ _tag: "HistorySummarized", removed: before - core.history.current().items.length })
}

/** Does something once an answer has come: with its first delta, or at an end without any. */
const accepted = <E>(deltas: Stream.Stream<Llm.Delta, E>, then: () => void): Stream.Stream<Llm.Delta, E> => {
  let done = false
  const once = (): void => {
    if (!done) then()
    done = true
  }
  const ended: Stream.Stream<Llm.Delta> = Stream.suspend(() => {
    once()
    return Stream.empty
  })
  return Stream.concat(beside<Llm.Delta>(once)(deltas), ended)
}

/** A model of a program's own may fail with anything, whatever its type says. */
const hasReason = (error: unknown): boolean =>
  Predicate.hasProperty(error, "reason") && Predicate.hasProperty(error.reason, "_tag")

/** Asks, and once more with less where the model has refused it for its length. */
export const askedShorter = (
  core: Core,
  speech: Speech,
  before: ReadonlyArray<Utterance>,
  ask: (shorter: Shortening | undefined) => Stream.Stream<Llm.Delta, Llm.LlmError>
): Stream.Stream<Llm.Delta, Llm.LlmError> => {
  let begun = false
  const first = beside<Llm.Delta>(() => {
    begun = true
  })(ask(undefined))
  return Stream.catch(first, (error) => {
    const shorter = begun || !hasReason(error) ? undefined : takesLess(core, speech, before, error)
    if (shorter === undefined) return Stream.fail(error)
    mended(core, "llm", error.provider, Cause.fail(error))
    return accepted(ask(shorter), () => shorten(core, shorter))
  })
}
