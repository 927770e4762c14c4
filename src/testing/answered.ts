/**
 * Whether the caller was answered: what each utterance was meant for, what became
 * of it, and for how long nobody was at work on its answer (I12).
 */
import * as Check from "../internal/options.ts"
import { beyond } from "../internal/text/beyond.ts"
import { phraseKind } from "../internal/text/phrases.ts"
import { withoutPunctuation } from "../internal/text/words.ts"
import { breath } from "../internal/turn/draft.ts"
import type { Intent, UserAction } from "./actions.ts"
import { usedBefore } from "./everyWord.ts"
import { agreement } from "./intents.ts"
import type { Timeline } from "./timeline.ts"

type Said = Extract<UserAction, { readonly _tag: "Say" }>

/**
 * What became of the utterances that want to be answered: all but continuers,
 * holds and noises.
 *
 * **Details**
 *
 * - `answered`: the agent was heard in time.
 * - `overtaken`: before that was due something else happened, such as the next
 *   utterance, an act of the program, a failure of a provider, the end.
 * - `setAside`: a "yes" or "okay" that nothing was asked before, which may be a
 *   sign of listening.
 * - `unheard`: no transcript with these words came.
 * - `wordless`: the model had nothing to say.
 * - `unanswered`: the agent owes an answer; `invariants` tells which (I12).
 *
 * @category models
 * @since 0.1.0
 */
export interface Answers {
  readonly answered: number
  readonly overtaken: number
  readonly setAside: number
  readonly unheard: number
  readonly wordless: number
  readonly unanswered: number
}

/**
 * What the events do not tell of answers.
 *
 * @category options
 * @since 0.1.0
 */
export interface AnswerOptions {
  /** How long the hook thinks about each user turn (ms). @default 0 */
  readonly hookMs?: number | undefined
  /** When the program began to say goodbye: a Clock time (ms). @default never */
  readonly endsAt?: number | undefined
  /** How many words interrupt the agent (`interruption.minWords`): fewer are answered once it has spoken. @default 0 */
  readonly minWords?: number | undefined
}

export const fields = { hookMs: Check.number(), endsAt: Check.number({ endless: true }), minWords: Check.number() }

const answering = Check.struct<AnswerOptions>()(fields)

export const noAnswers: Answers = { answered: 0, overtaken: 0, setAside: 0, unheard: 0, wordless: 0, unanswered: 0 }

export const addAnswers = (a: Answers, b: Answers): Answers => ({
  answered: a.answered + b.answered,
  overtaken: a.overtaken + b.overtaken,
  setAside: a.setAside + b.setAside,
  unheard: a.unheard + b.unheard,
  wordless: a.wordless + b.wordless,
  unanswered: a.unanswered + b.unanswered
})

/** Time (ms) that may pass before an answer in which no provider works. */
const allowed = 500

/** A question that was heard is open for so long (ms). */
const openFor = 8000

/** As long (ms) if the agent has gone on, for what is also a sign of listening to what it says now. */
const openOverVoice = 1500

/** An answer may end so long (ms) before the last sound of the question, if the agent is silent then. */
const ahead = 1000

/** If the agent goes on after a breath, only an answer that begins so shortly (ms) before its end takes the floor. */
const atItsEnd = 300

const wanting: ReadonlySet<Intent | undefined> = new Set(["answer", "question", "cutIn"])

interface Span {
  readonly from: number
  readonly to: number
}

/** Time (ms) from one moment to another that no span covers. */
const uncovered = (from: number, to: number, spans: ReadonlyArray<Span>): number => {
  let at = from
  let free = 0
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    if (span.to <= at || span.from >= to) continue
    free += Math.max(0, span.from - at)
    at = Math.max(at, span.to)
  }
  return free + Math.max(0, to - at)
}

const key = (text: string): string => text.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, " ").trim()

/** When somebody works on an answer, or it has to wait: providers, tools, hooks, a voice. */
const working = (timeline: Timeline, hookMs: number): ReadonlyArray<Span> => {
  const end = timeline.endedAt
  const calls = new Map<string, number>()
  const tools: Array<Span> = []
  const voice: Array<Span> = []
  let speaking: number | undefined
  for (const event of timeline.events) {
    if (event._tag === "FunctionCallStarted") calls.set(event.id, event.at)
    if (event._tag === "FunctionCallsFinished") {
      for (const { id } of event.calls) {
        tools.push({ from: calls.get(id) ?? event.at, to: event.at })
        calls.delete(id)
      }
    }
    if (event._tag === "UserStartedSpeaking") speaking = event.at
    if (event._tag === "UserStoppedSpeaking" && speaking !== undefined) {
      voice.push({ from: speaking, to: event.at })
      speaking = undefined
    }
  }
  return [
    ...timeline.requests.map(({ at, endedAt = end }) => ({ from: at, to: endedAt })),
    // Whose voice stalls is waited for, too.
    ...timeline.speeches.map(({ at, endedAt = end, firstOutputAt = endedAt, outcome }) => ({
      from: at,
      to: outcome === "completed" ? firstOutputAt : endedAt
    })),
    // Between two attempts a provider is left alone for a while.
    ...timeline.of("ProviderRetried").map(({ at }) => ({
      from: Math.max(
        0,
        ...[...timeline.requests, ...timeline.speeches].flatMap(({ endedAt }) =>
          endedAt !== undefined && endedAt <= at ? [endedAt] : []
        )
      ),
      to: at
    })),
    ...timeline.of("UserSpeechCommitted").map(({ at }) => ({ from: at, to: at + hookMs })),
    ...[...calls.values()].map((from) => ({ from, to: end })),
    ...tools,
    ...voice,
    ...timeline.audible
  ]
}

/** From when on something else decides what comes: a later act of somebody, a failure, the end. */
const overtakenAt = (timeline: Timeline, said: Said): number =>
  Math.min(
    timeline.endedAt,
    ...timeline.user.filter((other) => other !== said).map((other) =>
      other.at >= said.at ? other.at : other._tag === "Say" && other.to > said.at ? said.at : Infinity
    ),
    ...timeline.steps.filter((at) => at >= said.at),
    ...timeline.events.flatMap((event) =>
      event.at >= said.at &&
        (event._tag === "SessionClosed" || event._tag === "ProviderFailed" || event._tag === "Escalated" ||
          event._tag === "TranscriptionTimedOut" || event._tag === "TranscriptEmpty" || event._tag === "Warning")
        ? [event.at]
        : []
    )
  )

const goesOn = (timeline: Timeline, at: number): boolean =>
  timeline.of("AgentStartedSpeaking").some((next) => next.at >= at && next.at < at + breath)

/** Whether words are a sign of listening in their language, such as "ja" in German, and the agent is heard. */
const follows = (timeline: Timeline, { at, hearing, text }: Said): boolean =>
  phraseKind(text, { language: hearing?.language }) === "continuer" &&
  timeline.audible.some(({ from, to }) => from <= at && at < to)

/**
 * What was asked before a turn was answered by that. A turn may come late: one that these words did not join, though
 * their transcript came after it, is one of the words before.
 */
const answeredUntil = (timeline: Timeline, { at: from, text }: Said, transcribedAt: number): number => {
  const turns = timeline.of("UserSpeechCommitted")
  const turnAt = turns.findLast(({ at }) => at <= from)?.at ?? 0
  const late = turns.some((turn) => turn.at > from && turn.at <= transcribedAt && !key(turn.text).includes(key(text)))
  const before = timeline.user.findLast((action) => action._tag === "Say" && action.to <= from)
  return late && before?._tag === "Say" ? Math.max(turnAt, before.to) : turnAt
}

/** Whether a question was heard that these words may answer. */
const wasAsked = (timeline: Timeline, said: Said, transcribedAt: number): boolean => {
  const open = follows(timeline, said) ? openOverVoice : openFor
  const since = answeredUntil(timeline, said, transcribedAt)
  return timeline.of("AgentSpeechCommitted").some(({ at, interrupted, text }) =>
    !interrupted && text.trimEnd().endsWith("?") && at >= since && said.at <= at + open &&
    (goesOn(timeline, at) ? said.at >= at - atItsEnd : said.to >= at - ahead)
  )
}

type Fate =
  | { readonly what: Exclude<keyof Answers, "unanswered"> }
  | { readonly what: "unanswered"; readonly at: number; readonly message: string }

/** When the agent has spoken that speaks at a time: with too few words over it also if it was paused meanwhile. */
const spokenBy = (timeline: Timeline, at: number, tooFew: boolean): number => {
  if (!tooFew) return timeline.audible.find(({ from, to }) => from <= at && to >= at)?.to ?? at
  const { end = timeline.endedAt } =
    timeline.playbacks.find(({ end = timeline.endedAt, start }) => start <= at && end >= at) ?? { end: at }
  return end
}

const fate = (timeline: Timeline, said: Said, spans: ReadonlyArray<Span>, options: AnswerOptions): Fate => {
  const { endsAt = Infinity, minWords = 0 } = options
  // Who is saying goodbye does not begin anew.
  if (said.to >= endsAt) return { what: "overtaken" }
  const words = key(said.text)
  const until = overtakenAt(timeline, said)
  const transcript = timeline.of("UserTranscript").find(({ at, final, text }) =>
    final && at >= said.at && key(text).includes(words)
  )
  if (agreement.has(words) && !wasAsked(timeline, said, transcript?.at ?? said.to)) return { what: "setAside" }
  const heardAt = Math.max(transcript?.at ?? Infinity, said.to)
  if (transcript === undefined) return { what: until < timeline.endedAt ? "overtaken" : "unheard" }
  const turn = timeline.of("UserSpeechCommitted").find(({ at, text }) => at >= said.at && key(text).includes(words))
  // An interim transcript was used for it: the final one has only added the rest.
  const used = usedBefore(timeline, transcript.at).some((text) => beyond(text, said.text) !== said.text.trim())
  if (turn === undefined && used) return { what: "overtaken" }
  // In a language that nobody tells it is a word like others.
  const stops = said.intent === "cutIn" && phraseKind(said.text, { language: transcript.language }) === "cut-in"
  const tooFew = !stops && withoutPunctuation(said.text).length < minWords
  const due = spokenBy(timeline, heardAt, tooFew) + timeline.maxDelay + allowed
  if (turn === undefined || turn.at > due) {
    return until <= due
      ? { what: "overtaken" }
      : { what: "unanswered", at: said.at, message: `"${said.text}" (${said.intent}) was no turn by ${due}` }
  }
  if (turn.at > until) return { what: "overtaken" }
  const from = Math.max(turn.at, heardAt)
  const start = timeline.of("AgentStartedSpeaking").find(({ at }) => at >= turn.at)?.at
  const to = Math.min(start ?? Infinity, until)
  const idle = uncovered(from, to, spans)
  const message = `"${said.text}" (${said.intent}) was a turn at ${turn.at}: until ${to} nobody was heard, and for ` +
    `${idle} ms nobody was at work`
  if (idle <= allowed) return { what: start === undefined || start > until ? "overtaken" : "answered" }
  const asked = timeline.requests.findLast(({ at, outcome }) => at >= said.at && at < to && outcome !== "cancelled")
  const empty = timeline.of("ReplyEmpty").some(({ at, retried }) => !retried && at >= turn.at && at < to)
  if (empty || asked?.said.trim() === "") return { what: "wordless" }
  return { what: "unanswered", at: turn.at, message }
}

/** What became of each utterance of the caller that wants to be answered. */
export const fates = (timeline: Timeline, options: AnswerOptions): ReadonlyArray<Fate> => {
  const spans = working(timeline, options.hookMs ?? 0)
  return timeline.user.flatMap((action) => {
    if (action._tag !== "Say" || action.by !== undefined || !wanting.has(action.intent)) return []
    const { heard, transcripts } = action.hearing ?? {}
    return heard !== undefined || transcripts !== undefined ? [] : [fate(timeline, action, spans, options)]
  })
}

/**
 * Counts what became of the utterances that want to be answered, where the script
 * tells the intent of each.
 *
 * @category properties
 * @since 0.1.0
 */
export const answers = (timeline: Timeline, options: AnswerOptions = {}): Answers => {
  const sum: Record<keyof Answers, number> = { ...noAnswers }
  Check.readOrThrow(answering, options)
  for (const { what } of fates(timeline, options)) sum[what]++
  return sum
}
