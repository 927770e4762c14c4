/**
 * The text of a provider's refusal. It may quote the request, so no error contains it. It says
 * which fields to leave out, and is logged at debug.
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Failure from "../../Failure.ts"

const texts = new WeakMap<Failure.Reason, string>()

/** Most characters that are kept. */
const most = 1000

const messageIn = (told: unknown): string | undefined => {
  if (typeof told === "string") return told
  if (Array.isArray(told)) return told.map(messageIn).filter(Predicate.isNotUndefined).join("; ")
  if (!Predicate.isObject(told)) return undefined
  const { detail, error, loc, message, msg } = told as Readonly<Record<string, unknown>>
  const text = messageIn(message ?? error ?? msg ?? detail)
  return Array.isArray(loc) && text !== undefined ? `${loc.join(".")}: ${text}` : text
}

/** Keeps what a provider has said beside the reason that it has become. */
export const keep = <A extends Failure.Reason>(reason: A, told: unknown): A => {
  const text = messageIn(told)
  if (text !== undefined && text.trim() !== "") texts.set(reason, text.slice(0, most))
  return reason
}

/** The same where it was told as text, of JSON or not. */
export const keepText = <A extends Failure.Reason>(reason: A, text: string): A => {
  try {
    return keep(reason, JSON.parse(text))
  } catch {
    return keep(reason, text.startsWith("<") ? undefined : text)
  }
}

export const textOf = (reason: Failure.Reason): string | undefined => texts.get(reason)

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

/** Whether a text names a field. */
export const names = (text: string, field: string): boolean =>
  new RegExp(`(^|[^\\w-])${escaped(field)}($|[^\\w-])`, "i").test(text)

/** Only what is wrong with the form of a request is worth telling: other refusals say who asked, and with which key. */
const isOfForm = (reason: Failure.Reason): boolean =>
  reason._tag === "InvalidRequest" || (reason._tag === "Rejected" && (reason.status === 400 || reason.status === 422))

const saidIn = (prompt: Prompt.Prompt): ReadonlyArray<string> =>
  prompt.content.flatMap(({ content }) =>
    typeof content === "string"
      ? [content]
      : content.flatMap((part): ReadonlyArray<string> => part.type === "text" ? [part.text] : [])
  )

/** Tells operators why, without what was said: what the text has in common with the conversation is left out. */
export const debug = (
  provider: string,
  reason: Failure.Reason,
  conversation: Prompt.Prompt
): Effect.Effect<void> => {
  const text = textOf(reason)
  if (text === undefined || !isOfForm(reason)) return Effect.void
  // Servers of one's own repeat what they were sent behind this word.
  const said = text.replace(/['"]?input['"]?\s*[:=][\s\S]*/i, "…")
  const quiet = saidIn(conversation).flatMap((one) => one.split("\n")).filter((one) => one.trim().length > 3)
    .reduce((all, one) => all.replaceAll(one.trim(), "…"), said)
  return Effect.logDebug(`${provider} refuses the request: ${quiet.replace(/\bsk-[\w-]+|[\w-]{32,}/g, "…")}`)
}
