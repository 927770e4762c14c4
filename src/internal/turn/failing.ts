/** How much failing a session survives, and how it gives up. */
import type * as Event from "../../Event.ts"
import type { Draft } from "./draft.ts"
import * as Ending from "./ending.ts"
import * as Floor from "./floor.ts"
import type { FailureKind } from "./model.ts"

/** The speech that says that all is lost. */
const apology = "apology"

const kindOf = (component: Event.Component): FailureKind => {
  switch (component) {
    case "stt":
    case "llm":
    case "tts":
    case "room":
      return component
    case "vad":
    case "processor":
    case "hook":
    case "detector":
    case "text":
      return "others"
  }
}

export const failed = (d: Draft, component: Event.Component, fatal: boolean): void => {
  const { failures, settings: { errorWindow, maxErrors, toleratedFailures } } = d.session
  const kind = kindOf(component)
  const inARow = (failures.inARow[component] ?? 0) + 1
  const recent = [...(failures.recent[kind] ?? []).filter((at) => at > d.now - errorWindow), d.now]
  d.session.failures = {
    inARow: { ...failures.inARow, [component]: inARow },
    recent: { ...failures.recent, [kind]: recent }
  }
  if (Ending.reasonOf(d) === "provider_failures") return
  if (fatal) return giveUp(d, component, "fatal", inARow)
  if (inARow > toleratedFailures) return giveUp(d, component, "consecutive", inARow)
  if (recent.length > maxErrors) giveUp(d, component, "window", recent.length)
}

export const worked = (d: Draft, component: Event.Component): void => {
  const { failures } = d.session
  if (failures.inARow[component] === undefined) return
  d.session.failures = { ...failures, inARow: { ...failures.inARow, [component]: 0 } }
}

/** All is lost: the caller is told so, where that is still possible, and the session ends. */
const giveUp = (
  d: Draft,
  component: Event.Component,
  cause: Event.Of<"Escalated">["cause"],
  failures: number
): void => {
  const heard = d.session.apology && component !== "room" && d.session.status._tag === "Open"
  d.actions.push({ _tag: "Escalate", component, cause, failures, apology: heard ? apology : undefined })
  if (!heard) return Ending.close(d, false, "provider_failures")
  d.actions.push({ _tag: "Closing", drain: true, reason: "provider_failures" })
  Ending.silence(d)
  d.session.status = { _tag: "Draining", reason: "provider_failures" }
  Floor.enqueue(d, { id: apology, source: "say", protected: true, clip: true, phase: "queued" })
}
