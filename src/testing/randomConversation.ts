/** Conversations at random, with everything that can go wrong in one. */
import * as Failure from "../Failure.ts"
import * as Check from "../internal/options.ts"
import type * as Turn from "../Turn.ts"
import { cough, type Intent, leave, mute, say, type, unmute, type UserAction } from "./actions.ts"
import { languages, phrases } from "./intents.ts"
import type { LlmReply } from "./llm.ts"
import type { SttConnection } from "./stt.ts"
import type { TtsSpeech } from "./tts.ts"

/**
 * What the program does in a random conversation. Times are Clock times (ms).
 *
 * @category models
 * @since 0.1.0
 */
export type ProgramAction =
  & { readonly at: number }
  & (
    | {
      readonly _tag: "Say"
      readonly text: string
      readonly protected: boolean
      readonly when: "now" | "withReply" | "idle"
      /** Milliseconds. */
      readonly expires: number
    }
    | { readonly _tag: "Reply" }
    | { readonly _tag: "Interrupt"; readonly force: boolean }
    | { readonly _tag: "CommitTurn" }
    | { readonly _tag: "ClearTurn" }
    | { readonly _tag: "HangUp"; readonly say: string | undefined }
    | { readonly _tag: "Close"; readonly drain: boolean }
  )

/**
 * A conversation as plain data, so that it can be printed, stored and made
 * smaller.
 *
 * @category models
 * @since 0.1.0
 */
export interface Conversation {
  readonly seed: number
  readonly user: ReadonlyArray<UserAction>
  readonly program: ReadonlyArray<ProgramAction>
  /** In order; then "OK.". */
  readonly replies: ReadonlyArray<LlmReply>
  /** In order; then plain ones. */
  readonly speeches: ReadonlyArray<TtsSpeech>
  /** Faults of the recogniser's first, second … connection. */
  readonly connections: ReadonlyArray<SttConnection>
  readonly interims: boolean
  readonly turn: Turn.Options
  /** How long the hook thinks about each user turn (ms); 0 is no hook. */
  readonly hookMs: number
  /** Length of the microphone's frames (ms); without it there are marks instead of samples. */
  readonly frames: number | undefined
}

/**
 * What is drawn.
 *
 * @category options
 * @since 0.1.0
 */
export interface RandomOptions {
  /** Most things that the user and the program do. @default 8 */
  readonly size?: number | undefined
  /** How often something goes wrong, 0 to 1. @default 0.3 */
  readonly faults?: number | undefined
  /** Real samples in frames of so many milliseconds, heard by their loudness. @default marks */
  readonly frames?: number | undefined
}

export const fields = {
  size: Check.whole({ least: 1 }),
  faults: Check.ratio(),
  frames: Check.number({ above: 0 })
}

const drawing = Check.struct<RandomOptions>()(fields)

/** The least that a good generator needs: 32 bits of state, the same everywhere. */
const generator = (seed: number) => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    chance: (probability: number): boolean => next() < probability,
    int: (from: number, to: number): number => from + Math.floor(next() * (to - from + 1)),
    pick: <A>(...all: readonly [A, ...ReadonlyArray<A>]): A => all[Math.floor(next() * all.length)] ?? all[0]
  }
}

type Dice = ReturnType<typeof generator>

const reasons = (dice: Dice): Failure.Reason =>
  dice.pick<Failure.Reason>(
    new Failure.Disconnected({}),
    new Failure.Rejected({ status: 503 }),
    new Failure.Rejected({ status: 429 }),
    new Failure.Rejected({ status: 400 }),
    new Failure.Broken({})
  )

const sentence = (dice: Dice, prefix: string, words: number): string =>
  Array.from({ length: words }, (_, i) => {
    const end = i === words - 1 || dice.chance(0.15) ? "." : ""
    return `${prefix}${i}${end}`
  }).join(" ")

const userAction = (dice: Dice, at: number, index: number): ReadonlyArray<UserAction> => {
  const kind = dice.int(1, 100)
  if (kind <= 12) return [cough(at, at + dice.int(20, 900))]
  if (kind <= 22) return [type(at, `typed${index}`)]
  if (kind <= 27) return [mute(at), unmute(at + dice.int(100, 4000))]
  if (kind <= 28) return [leave(at)]
  const language = dice.pick(...languages)
  const words = phrases[language]
  const intent: Intent = kind <= 40
    ? dice.pick("continuer", "cutIn", "hold", "answer")
    : dice.pick("question", "question", "answer")
  // An answer of one word, or a phrase, is short.
  if (kind <= 40) {
    const text = intent === "answer" ? dice.pick(...words.agreement) : dice.pick(...words[intent])
    return [say(at, at + dice.int(100, 900), text, { intent, language })]
  }
  const ms = dice.chance(0.3) ? dice.int(60, 600) : dice.int(600, 4000)
  const hearing = dice.chance(0.1)
    ? { finalDelay: dice.int(-50, 3000) }
    : dice.chance(0.05)
    ? { heard: dice.pick("", "♪") }
    : {}
  const rest = sentence(dice, `u${index}w`, Math.max(1, Math.round(ms / dice.int(200, 600))))
  const text = `${dice.pick(...words[intent])} ${rest}`
  return [say(at, at + ms, intent === "question" ? asked(text) : text, { ...hearing, intent, language })]
}

/** The same words as a question. */
const asked = (text: string): string => text.replace(/\.?$/u, "?")

const programAction = (dice: Dice, at: number, index: number): ProgramAction => {
  const kind = dice.int(1, 100)
  if (kind <= 40) {
    return {
      _tag: "Say",
      at,
      text: sentence(dice, `p${index}w`, dice.int(1, 15)),
      protected: dice.chance(0.25),
      when: dice.pick("idle", "idle", "withReply", "now"),
      expires: dice.pick(Infinity, 3000)
    }
  }
  if (kind <= 52) return { _tag: "Reply", at }
  if (kind <= 77) return { _tag: "Interrupt", at, force: dice.chance(0.3) }
  if (kind <= 85) return { _tag: "CommitTurn", at }
  if (kind <= 89) return { _tag: "ClearTurn", at }
  if (kind <= 94) return { _tag: "HangUp", at, say: dice.chance(0.5) ? `goodbye${index}.` : undefined }
  return { _tag: "Close", at, drain: dice.chance(0.5) }
}

const reply = (dice: Dice, faults: number, index: number): LlmReply => {
  const firstToken = dice.int(20, 800)
  const statement = dice.chance(0.1) ? "" : sentence(dice, `r${index}w`, dice.int(1, 25))
  const text = statement !== "" && dice.chance(0.5) ? asked(statement) : statement
  const base: LlmReply = { text, firstToken, total: firstToken + dice.int(0, 2500), pieces: dice.int(1, 6) }
  if (dice.chance(0.2)) {
    const tools = Array.from({ length: dice.int(1, 2) }, () =>
      dice.chance(0.1)
        ? { name: "nothing_like_it" }
        : dice.chance(0.1)
        ? { name: "work", params: { ms: "soon" } }
        : {
          name: "work",
          params: {
            ms: dice.chance(0.1) ? 1_000_000 : dice.int(0, 4000),
            outcome: dice.pick("succeed", "succeed", "fail", "die")
          }
        })
    return { ...base, tools }
  }
  if (!dice.chance(faults)) return base
  switch (dice.int(1, 4)) {
    case 1:
      return { ...base, fail: reasons(dice), after: dice.int(0, 3) }
    case 2:
      return { ...base, hang: true, after: dice.int(0, 3) }
    case 3:
      return { ...base, firstToken: dice.int(2000, 12_000) }
    default:
      return { ...base, text: "" }
  }
}

const speechOf = (dice: Dice, faults: number): TtsSpeech => {
  const base: TtsSpeech = {
    firstByte: dice.int(20, 600),
    msPerCharacter: dice.int(20, 90),
    alignment: dice.pick<"word" | "piece" | false>("word", "piece", false)
  }
  if (!dice.chance(faults)) return base
  switch (dice.int(1, 4)) {
    case 1:
      return { ...base, fail: reasons(dice), after: dice.int(0, 2) }
    case 2:
      return { ...base, hang: true, after: dice.int(0, 2) }
    case 3:
      return { ...base, firstByte: dice.int(2000, 12_000) }
    default:
      return { ...base, empty: true }
  }
}

const connection = (dice: Dice): SttConnection => {
  const finals = dice.int(0, 2)
  switch (dice.int(1, 4)) {
    case 1:
      return { fail: reasons(dice), after: finals }
    case 2:
      return { end: true, after: finals }
    case 3:
      return { hang: true, after: finals }
    default:
      return { finalDelay: dice.int(300, 5000) }
  }
}

const turnOf = (dice: Dice): Turn.Options => ({
  endpointing: { mode: dice.pick<"fixed" | "dynamic">("fixed", "dynamic"), minDelay: dice.pick(0, 200, 500) },
  interruption: {
    enabled: !dice.chance(0.1),
    minWords: dice.pick(0, 0, 2),
    minDuration: dice.pick(0, 300, 500),
    falseInterruptionTimeout: dice.pick(300, 2000),
    resume: !dice.chance(0.2),
    echoWarmUp: dice.pick(0, 0, 1500),
    backchannel: dice.chance(0.4)
  },
  preemption: { llm: dice.chance(0.5), tts: dice.chance(0.3) },
  transcriptionTimeout: dice.pick(2000, 3_600_000)
})

/**
 * Draws a conversation: the same seed gives the same one.
 *
 * @category properties
 * @since 0.1.0
 */
export const conversation = (seed: number, options: RandomOptions = {}): Conversation => {
  const dice = generator(seed)
  const { faults = 0.3, frames, size = 8 } = Check.readOrThrow(drawing, options)
  const user: Array<UserAction> = []
  const program: Array<ProgramAction> = []
  let at = dice.int(0, 1500)
  for (let index = 0; index < dice.int(1, size); index++) {
    if (dice.chance(0.75)) user.push(...userAction(dice, at, index))
    else program.push(programAction(dice, at, index))
    at += dice.chance(0.3) ? dice.int(0, 600) : dice.int(600, 9000)
  }
  return {
    seed,
    user,
    program,
    replies: Array.from({ length: dice.int(0, 6) }, (_, i) => reply(dice, faults, i)),
    speeches: Array.from({ length: dice.int(0, 6) }, () => speechOf(dice, faults)),
    connections: dice.chance(faults) ? Array.from({ length: dice.int(1, 3) }, () => connection(dice)) : [],
    interims: dice.chance(0.5),
    turn: turnOf(dice),
    hookMs: dice.chance(0.2) ? dice.int(1, 3000) : 0,
    frames
  }
}
