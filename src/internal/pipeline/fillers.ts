/**
 * The words for the time when the user waits in silence. They are requested when turn-taking asks
 * for them, and dropped when the reply is there.
 */
import * as Effect from "effect/Effect"
import type * as Session from "../../Session.ts"
import * as Turn from "../../Turn.ts"
import { problem } from "../options.ts"
import { shown } from "../options/shown.ts"
import { settled } from "../plain.ts"
import { isFilled } from "./calls.ts"
import type { Core } from "./core.ts"
import { guarded } from "./failures.ts"
import type { Checked } from "./options.ts"
import { shortLived, want } from "./wishes.ts"

/** Whether anything is to be said in the silence: a tool that has a filler of its own says that. */
const isOwed = (core: Core): boolean => Turn.isOwed(core.conductor.state()) && !isFilled(core)

const standard = "One moment, please."

/** Who writes no types may give anything. */
const textOf = (given: unknown): string | undefined => {
  if (given === undefined || typeof given === "string") return given
  throw problem("filler.say", `must give a text, or nothing to say nothing, not ${shown(given)}`)
}

export const makeFiller = (
  core: Core,
  session: Session.Session["Service"],
  { filler }: Pick<Checked, "filler">
): () => void => {
  const { clip, say = standard } = filler === undefined || filler === false ? {} : filler
  let told = 0
  const put = (text: string | undefined): void => {
    // Whoever was asked for it may have taken a while.
    if (text === undefined || text.trim() === "" || !isOwed(core)) return
    want(core, { source: "say", text, options: { ...shortLived, clip, record: false }, passing: true })
  }
  return () => {
    if (!isOwed(core)) return
    if (typeof say !== "function") return put(typeof say === "string" ? say : say[told++ % say.length])
    core.fork(Effect.map(guarded(core, "filler", Effect.map(settled("filler.say", () => say(session)), textOf)), put))
  }
}
