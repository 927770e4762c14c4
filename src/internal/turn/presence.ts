/** Whether anybody seems to be there: how long both sides have been silent, and how often that was too long. */
import type { Draft } from "./draft.ts"
import type { State } from "./model.ts"

/** Shortest time (ms) between two times at which the user is found to be away. */
const apart = 1000

/** How often in a row that is found: in the end, nothing is due any more. */
const mostInARow = 240

/** After every signal; `rests`: neither side speaks, and the agent does not work. */
export const follow = (d: Draft, rests: boolean): void => {
  const { presence, waitsUntil = 0 } = d.user
  const { awayAfter } = d.session.settings
  if (presence._tag === "Away") {
    const again = rests && presence.times < mostInARow
    const againAt = again
      ? presence.againAt ?? Math.max(d.now + Math.max(awayAfter, apart), waitsUntil)
      : undefined
    if (againAt !== presence.againAt) d.user.presence = { ...presence, againAt }
  } else if (!rests) d.user.presence = { _tag: "Present" }
  else if (presence._tag === "Present") {
    d.user.presence = { _tag: "Idle", awayAt: Math.max(d.now + awayAfter, waitsUntil) }
  }
}

/** When the user is away, or still away. */
export const awayAt = ({ user: { presence } }: State): number | undefined =>
  presence._tag === "Idle" ? presence.awayAt : presence._tag === "Away" ? presence.againAt : undefined

export const away = (d: Draft): void => {
  const { presence } = d.user
  d.user.presence = { _tag: "Away", againAt: undefined, times: presence._tag === "Away" ? presence.times + 1 : 1 }
  // Who has lost the connection cannot be asked.
  if (!d.user.unreachable) d.actions.push({ _tag: "Away" })
}
