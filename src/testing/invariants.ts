/** What holds of every conversation, whatever goes wrong in it. */
import type * as Event from "../Event.ts"
import * as Check from "../internal/options.ts"
import { type AnswerOptions, fates, fields } from "./answered.ts"
import { everyWordCounts } from "./everyWord.ts"
import type { Timeline } from "./timeline.ts"

/**
 * Something that must not be.
 *
 * @category models
 * @since 0.1.0
 */
export interface Violation {
  /** `I1` to `I13`. */
  readonly invariant: string
  /** Clock time (ms), where there is one. */
  readonly at?: number | undefined
  readonly message: string
}

/**
 * What the events do not tell.
 *
 * @category options
 * @since 0.1.0
 */
export interface InvariantOptions extends AnswerOptions {
  /** Speeches that may not be interrupted. @default none */
  readonly protected?: ReadonlySet<string> | undefined
  /** The user cannot interrupt (`interruption.enabled: false`). @default false */
  readonly uninterruptible?: boolean | undefined
  /** Words were thrown away (`Session.clearTurn`). @default false */
  readonly cleared?: boolean | undefined
}

const holding = Check.struct<InvariantOptions>()({
  ...fields,
  protected: Check.such<ReadonlySet<string>>((given) => given instanceof Set, "be a Set of ids of speeches"),
  uninterruptible: Check.flag(),
  cleared: Check.flag()
})

export type Report = (invariant: string, message: string, at?: number) => void

const squeeze = (text: string): string => text.replaceAll(/\s+/gu, "")

/** What a text sounds like, whatever its signs: a rewriting may move those. */
const letters = (text: string): string => text.replaceAll(/[^\p{L}\p{N}]+/gu, "")

/** What a text may mean that was cut: as it is, and without what the cut has left open, such as half a link. */
const readings = (text: string): ReadonlyArray<string> => [
  text,
  ...[...text.matchAll(/[[<`*_~#!|&]|https?:/gu)].map(({ index }) => text.slice(0, index)).filter((rest) =>
    text.length - rest.length <= longestMarkup
  )
]

/** Characters of what a cut may leave open: a link with its address. */
const longestMarkup = 200

/** I2: the assistant's history is a prefix of what was generated and what was played. */
const historyWasHeard = (timeline: Timeline, report: Report): void => {
  // No synthesiser was asked for clips.
  const withClip = new Set(timeline.of("SpeechCreated").flatMap(({ clip, speech }) => clip === true ? [speech] : []))
  const clips = new Set(
    timeline.of("AgentSpeechCommitted").flatMap(({ id, speech }) => withClip.has(speech) ? [id] : [])
  )
  const stopped = timeline.of("AgentStoppedSpeaking")
  // Somebody else's voice is heard: the kit does not know what it was given.
  const unseen = timeline.speeches.length === 0 && stopped.some(({ playedMs }) => playedMs > 0)
  const given = timeline.speeches.map(({ pieces }) => letters(pieces.join("")))
  for (const item of timeline.history.items) {
    if (item._tag !== "Message" || item.role !== "assistant" || clips.has(item.id)) continue
    if (squeeze(item.text) === "") report("I2", `an empty message of the assistant is in the history`, item.createdAt)
    if (unseen) continue
    const source = given.findIndex((one) =>
      item.interrupted
        ? readings(item.text).flatMap(timeline.spoken).some((text) => one.startsWith(letters(text)))
        : timeline.spoken(item.text).some((text) => one === letters(text))
    )
    if (source >= 0) given.splice(source, 1)
    else report("I2", `"${item.text}" was not said as it stands in the history`, item.createdAt)
  }
  const played = stopped.reduce((sum, { playedMs }) => sum + playedMs, 0)
  const audible = timeline.audible.reduce((sum, { from, to }) => sum + to - from, 0)
  if (Math.abs(played - audible) > 2 * Math.max(1, stopped.length)) {
    report("I2", `${played} ms are said to have been played, ${audible} ms were heard`)
  }
  for (const { at, speech } of timeline.of("AgentSpeechCommitted")) {
    const heard = stopped.some((event) => event.speech === speech && event.at <= at && event.playedMs > 0)
    if (!heard) report("I2", `${speech} entered the history and was never heard`, at)
  }
}

/** I3: at most one reply is audible at any time. I10 holds the grammar. */
const oneVoice = (timeline: Timeline, report: Report): void => {
  let open: string | undefined
  for (const event of timeline.events) {
    if (event._tag === "AgentStartedSpeaking") {
      if (open !== undefined) report("I3", `${event.speech} began while ${open} was speaking`, event.at)
      open = event.speech
    }
    if (event._tag === "AgentStoppedSpeaking") {
      if (open !== event.speech) report("I3", `${event.speech} stopped, but ${open ?? "nobody"} was speaking`, event.at)
      open = undefined
    }
  }
  if (open !== undefined) report("I10", `${open} never stopped speaking`)
}

/** I4: nothing older is audible while a committed turn waits for its reply, unless it is protected. */
const silentBeforeReply = (timeline: Timeline, options: InvariantOptions, report: Report): void => {
  if (options.uninterruptible === true) return
  for (const [i, event] of timeline.events.entries()) {
    if (event._tag !== "UserSpeechCommitted") continue
    const next = timeline.events.slice(i + 1).find((other) =>
      other._tag === "UserSpeechCommitted" || (other._tag === "SpeechCreated" && other.source === "turn")
    )
    // While the session drains, words are kept and wait for nothing.
    if (next?._tag !== "SpeechCreated") continue
    const over = timeline.events.slice(i + 1).find((next) =>
      next._tag === "AgentStartedSpeaking" || next._tag === "UserSpeechCommitted" || next._tag === "SessionClosed"
    )
    const to = over?.at ?? timeline.endedAt
    const before = timeline.events.slice(0, i)
    // When the voice began, which is noticed a little later.
    const newest = before.findLast((other) => other._tag === "UserStartedSpeaking")?.startedAt ?? event.at
    for (const { end, speech, start } of timeline.playbacks) {
      if (options.protected?.has(speech) === true || start >= to || (end ?? to) <= event.at) continue
      // What was asked for, and begun, while they were speaking is said to that.
      const created = before.find((other) => other._tag === "SpeechCreated" && other.speech === speech)
      if (event.source !== "text" && start >= newest && (created?.at ?? 0) >= newest) continue
      const heard = timeline.audible.find((stretch) =>
        stretch.from < Math.min(to, end ?? to) - 1 && stretch.to > Math.max(start, event.at) + 1
      )
      if (heard !== undefined) {
        report("I4", `${speech} was heard until ${heard.to} after turn ${event.turn} was committed`, event.at)
      }
    }
  }
}

/** I5: every tool call has exactly one output. */
const everyCallAnswered = (timeline: Timeline, report: Report): void => {
  const calls = new Map<string, number>()
  const outputs = new Map<string, number>()
  for (const item of timeline.history.items) {
    if (item._tag === "ToolCall") calls.set(item.callId, (calls.get(item.callId) ?? 0) + 1)
    if (item._tag === "ToolOutput") outputs.set(item.callId, (outputs.get(item.callId) ?? 0) + 1)
  }
  for (const id of new Set([...calls.keys(), ...outputs.keys()])) {
    const [called, answered] = [calls.get(id) ?? 0, outputs.get(id) ?? 0]
    if (called !== 1 || answered !== 1) report("I5", `${id} stands ${called} times as a call, ${answered} as an output`)
  }
  for (const { prompt, at } of timeline.requests) {
    const open = new Set<string>()
    for (const message of prompt.content) {
      if (typeof message.content === "string") continue
      for (const part of message.content) {
        if (part.type === "tool-call") open.add(part.id)
        if (part.type === "tool-result" && !open.delete(part.id)) {
          report("I5", `a prompt holds a result of ${part.id} without its call`, at)
        }
      }
    }
    for (const id of open) report("I5", `a prompt holds the call ${id} without its result`, at)
  }
}

/** I6: the state is `speaking` when audio is leaving, and not before and after. */
const speakingIsAudible = (timeline: Timeline, report: Report): void => {
  const states = timeline.of("AgentStateChanged")
  const speaking = states.flatMap((event, i) =>
    event.to === "speaking" ? [{ from: event.at, to: states[i + 1]?.at ?? timeline.endedAt }] : []
  )
  for (const { from, to } of timeline.audible) {
    let at = from
    for (const state of speaking) if (state.from <= at + 1 && state.to > at) at = state.to
    if (at < to - 1) report("I6", `audio left from ${from} to ${to}, but the state was not speaking at ${at}`, at)
  }
  for (const { from, to } of speaking) {
    let at = from
    for (const stretch of timeline.audible) if (stretch.from <= at + 1 && stretch.to > at) at = stretch.to
    if (at < to - 1) report("I6", `the state was speaking from ${from} to ${to}, but no audio left at ${at}`, at)
  }
}

/** Whether all that still happens is what an agent says to a user who is away (`onAway`): it may do so without end. */
const onlyReminds = ({ events }: Timeline): boolean => {
  const away = events.findLastIndex(({ _tag }) => _tag === "UserStateChanged")
  const last = events[away]
  if (last?._tag !== "UserStateChanged" || last.to !== "away") return false
  const works = events.slice(away).some(({ _tag }) => _tag === "UserSpeechCommitted" || _tag === "FunctionCallStarted")
  const state = events.findLast((event) => event._tag === "AgentStateChanged")
  return !works && state?._tag === "AgentStateChanged" && state.to !== "thinking"
}

/** I7: when nothing comes any more, the session is listening. */
const comesToRest = (timeline: Timeline, report: Report): void => {
  if (!timeline.quiet && onlyReminds(timeline)) return
  if (!timeline.quiet) report("I7", "the session never came to rest")
  if (timeline.stoppedAt === undefined) return
  const { stoppedAt } = timeline
  const agent = timeline.of("AgentStateChanged").findLast(({ at }) => at < stoppedAt)
  if (agent !== undefined && agent.to !== "listening") {
    report("I7", `at rest the agent is ${agent.to}`, agent.at)
  }
  const user = timeline.of("UserStateChanged").findLast(({ at }) => at < stoppedAt)
  if (user?.to === "speaking") report("I7", "at rest the user is speaking", user.at)
}

/** I8: after the end nothing is left. */
const leavesNothing = (timeline: Timeline, report: Report): void => {
  if (timeline.left !== "") report("I8", `left open: ${timeline.left}`)
  const closed = timeline.events.findIndex(({ _tag }) => _tag === "SessionClosed")
  if (closed < 0) report("I8", "the session was never closed")
}

/** I9: the stages of a turn add up to its latency. */
const stagesAddUp = (timeline: Timeline, report: Report): void => {
  for (const record of timeline.turns) {
    const { endOfUtterance, firstSentence, llmFirstToken, playoutStart, tools, total, ttsFirstByte } = record
    const stages = [endOfUtterance, tools, llmFirstToken, firstSentence, ttsFirstByte, playoutStart]
    const sum = stages.reduce((sum, stage) => sum + stage, 0)
    if (Math.abs(sum - total) > 0.01) {
      report("I9", `turn ${record.turn}: the stages ${stages.join(" + ")} are ${sum}, not ${total}`, record.audibleAt)
    }
    if (Math.abs(record.audibleAt - record.userStoppedAt - total) > 0.01) {
      report("I9", `turn ${record.turn}: heard after ${record.audibleAt - record.userStoppedAt}, not ${total}`)
    }
    if (stages.some((stage) => stage < 0)) {
      report("I9", `turn ${record.turn}: a stage is negative: ${stages.join(", ")}`)
    }
  }
}

/** I10: every start has one end, and what alternates alternates. */
const grammar = (timeline: Timeline, report: Report): void => {
  const { events } = timeline
  const speeches = new Map<string, "open" | "finished">()
  const calls = new Set<string>()
  let talking = false
  let agent: Event.AgentState = "initializing"
  let user: Event.UserState = "listening"
  let last = Number.NEGATIVE_INFINITY
  for (const event of events) {
    if (event.at < last) report("I10", `${event._tag} is out of order`, event.at)
    last = Math.max(last, event.at)
    switch (event._tag) {
      case "UserStartedSpeaking":
      case "UserStoppedSpeaking": {
        const starts = event._tag === "UserStartedSpeaking"
        if (talking === starts) report("I10", `${event._tag} twice in a row`, event.at)
        talking = starts
        break
      }
      case "SpeechCreated":
        if (speeches.has(event.speech)) report("I10", `${event.speech} was created twice`, event.at)
        speeches.set(event.speech, "open")
        break
      case "SpeechFinished":
        if (speeches.get(event.speech) !== "open") {
          report("I10", `${event.speech} finished without being open`, event.at)
        }
        speeches.set(event.speech, "finished")
        break
      case "AgentStartedSpeaking":
      case "AgentStoppedSpeaking":
        if (speeches.get(event.speech) !== "open") {
          report("I10", `${event._tag} of ${event.speech}, which is not open`, event.at)
        }
        break
      case "AgentStateChanged":
        if (event.from !== agent || event.to === agent) {
          report("I10", `the agent went from ${event.from} to ${event.to}, but was ${agent}`, event.at)
        }
        agent = event.to
        break
      case "UserStateChanged":
        if (event.from !== user || event.to === user) {
          report("I10", `the user went from ${event.from} to ${event.to}, but was ${user}`, event.at)
        }
        user = event.to
        break
      case "FunctionCallStarted":
        if (calls.has(event.id)) report("I10", `${event.id} was started twice`, event.at)
        calls.add(event.id)
        break
      case "FunctionCallsFinished":
        for (const { id } of event.calls) {
          if (!calls.has(id)) report("I10", `${id} finished without being started`, event.at)
        }
        break
    }
  }
  if (talking) report("I10", "the user never stopped speaking")
  for (const [speech, state] of speeches) {
    if (state === "open") report("I10", `${speech} never finished`)
  }
  const closings = events.filter(({ _tag }) => _tag === "SessionClosed").length
  if (closings > 1) report("I10", `the session was closed ${closings} times`)
  if (closings > 0 && events.at(-1)?._tag !== "SessionClosed") report("I10", "something happened after the end")
}

/** I12: who wants to be answered is answered, as soon as the providers can. */
const everyoneAnswered = (timeline: Timeline, options: InvariantOptions, report: Report): void => {
  for (const fate of fates(timeline, options)) {
    if (fate.what === "unanswered") report("I12", fate.message, fate.at)
  }
}

/** Longest silence (ms) while the state is `speaking`. */
const longestSilence = 5000

/** I13: who is said to speak is heard. */
const speakingSounds = (timeline: Timeline, report: Report): void => {
  const states = timeline.of("AgentStateChanged")
  for (const [i, { at, to }] of states.entries()) {
    if (to !== "speaking") continue
    const end = states[i + 1]?.at ?? timeline.endedAt
    let silentSince = at
    for (const stretch of timeline.audible) {
      if (stretch.to <= silentSince || stretch.from >= end) continue
      if (stretch.from - silentSince >= longestSilence) break
      silentSince = stretch.to
    }
    // A room that does not answer does not tell what is heard either.
    const unanswered = timeline.of("ProviderFailed").some(({ at: failedAt, component }) =>
      component === "room" && failedAt > silentSince && failedAt <= end
    )
    if (end - silentSince >= longestSilence && !unanswered) {
      report("I13", `the agent is speaking until ${end}, and nothing is heard from ${silentSince} on`, silentSince)
    }
  }
}

/**
 * Checks what must hold of every conversation, and tells what does not.
 *
 * **Details**
 *
 * I1 every final transcript with a word is in exactly one user turn or one item
 * that was set aside, either in order · I2 the history is what was said and heard · I3 one voice at a time · I4 silence
 * while a committed turn waits for its reply · I5 one output a tool call · I6
 * `speaking` is audible · I7 it comes to rest, listening · I8 nothing is left
 * open · I9 the stages of a turn add up · I10 the events obey their grammar ·
 * I12 each utterance whose intent is told, and that is no continuer, hold or
 * noise, gets audible speech within commit + provider time + 500 ms (`answers`
 * counts what became of them) · I13 no 5 s of `speaking` without a sound, but for a room that
 * fails. I11,
 * that it happens again in the same way, needs two timelines: `differs`.
 *
 * @category properties
 * @since 0.1.0
 */
export const invariants = (timeline: Timeline, options: InvariantOptions = {}): ReadonlyArray<Violation> => {
  Check.readOrThrow(holding, options)
  const violations: Array<Violation> = []
  const report: Report = (invariant, message, at) => violations.push({ invariant, message, at })
  everyWordCounts(timeline, options, report)
  historyWasHeard(timeline, report)
  oneVoice(timeline, report)
  silentBeforeReply(timeline, options, report)
  everyCallAnswered(timeline, report)
  speakingIsAudible(timeline, report)
  comesToRest(timeline, report)
  leavesNothing(timeline, report)
  stagesAddUp(timeline, report)
  grammar(timeline, report)
  everyoneAnswered(timeline, options, report)
  speakingSounds(timeline, report)
  return violations
}

/**
 * Tells where two runs of one script differ (I11).
 *
 * @category properties
 * @since 0.1.0
 */
export const differs = (one: Timeline, other: Timeline): ReadonlyArray<Violation> => {
  const lines = [one, other].map((timeline) => timeline.events.map((event) => JSON.stringify(event)))
  const [first = [], second = []] = lines
  const length = Math.max(first.length, second.length)
  for (let i = 0; i < length; i++) {
    if (first[i] === second[i]) continue
    const message = `the same script gave ${first[i] ?? "nothing"} and then ${second[i] ?? "nothing"}`
    return [{ invariant: "I11", at: one.events[i]?.at, message }]
  }
  return []
}
