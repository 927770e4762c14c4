/** What a session is asked for, and what a hook answers: the options of each, checked. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Agent from "../../Agent.ts"
import type { InvalidOptions } from "../../Failure.ts"
import type * as Session from "../../Session.ts"
import { clip } from "../audio/options.ts"
import * as Check from "../options.ts"
import { ofSpeeches } from "../options/counterparts.ts"
import { shown } from "../options/shown.ts"
import { settled } from "../plain.ts"
import { destinationMust, destinationOf, written } from "../room/destination.ts"
import { isKey } from "../room/keys.ts"
import { turn } from "../turn/settings.ts"

const isText = (given: string): boolean => typeof given === "string"

const say = Check.instead(
  Check.struct<Session.ReplyOptions & Pick<Session.SayOptions, "clip">>()({
    instructions: Check.such(isText, "be a text that tells the model what to do in this reply"),
    toolChoice: Check.oneOf(["auto", "none", "required"]),
    when: Check.oneOf(["now", "withReply", "idle"]),
    expires: Check.duration({ default: "Infinity", usual: "10 seconds" }),
    protected: Check.flag({ default: false }),
    record: Check.flag({ default: true }),
    voice: Check.text(),
    clip
  }),
  ofSpeeches
)

const wait = Check.struct<Session.CommitOptions>()({
  wait: Check.duration({ default: "2 seconds" })
})

const keys = Check.struct<Session.KeysOptions>()({
  most: Check.whole({ least: 1, most: 64, default: 32 }),
  endKey: Check.or(
    false,
    Check.such<string>(
      (given) => typeof given === "string" && isKey(given),
      "be one key: 0 to 9, *, #, A to D"
    ),
    { default: "#" }
  ),
  first: Check.duration({ default: "10 seconds" }),
  next: Check.duration({ default: "3 seconds" }),
  secret: Check.flag({ default: false })
})

const answering = Check.struct<Session.AnsweredByOptions>()({
  first: Check.duration({ default: "5 seconds" }),
  person: Check.duration({ default: "6 seconds" }),
  pause: Check.duration({ default: "1.5 seconds" }),
  longest: Check.duration({ default: "45 seconds", finite: true }),
  isMachine: Check.callback
})

/** What is wrong if the options of a request are no object, as in `hangUp("Goodbye!")`. */
const noObject = (verb: string, options: unknown, write: string): InvalidOptions | undefined =>
  options === undefined || Check.isRecord(options)
    ? undefined
    : Check.problem(verb, `must be given its options as an object, not ${shown(options)}: write ${write}`)

/** Reads the options of a request by its verb. */
const asked = <Out, In>(
  verb: string,
  self: Check.Field<Out, In>,
  options: In,
  write: string
): Effect.Effect<Out, InvalidOptions> =>
  Effect.suspend(() => {
    const wrong = noObject(verb, options, `${verb}(${write})`)
    return wrong === undefined ? Check.readWarning(self, options) : Effect.fail(wrong)
  })

const transfer = Check.struct<Session.TransferOptions>()({
  to: Check.required(Check.such<string>((to) => destinationOf(to) !== undefined, destinationMust)),
  say: Check.such(isText, "be a text that the caller hears first")
})

/** Where to, as a room is told, and what the caller hears first. */
export const checkTransfer = (
  options: Session.TransferOptions
): Effect.Effect<typeof transfer.Type, InvalidOptions> =>
  Effect.map(
    asked("transfer", transfer, options, "{ to: \"+4930123456\", say: \"I put you through.\" }"),
    ({ say, to }) => ({ say, to: written(destinationOf(to)!) })
  )

/** Options of `answeredBy`, with what it asks as an effect. */
export interface CheckedAnswering extends Omit<typeof answering.Type, "isMachine"> {
  readonly isMachine:
    | ((greeting: { readonly text: string; readonly speechMs: number }) => Effect.Effect<boolean, unknown>)
    | undefined
}

export const checkAnswering = (options: Session.AnsweredByOptions): Effect.Effect<CheckedAnswering, InvalidOptions> =>
  Effect.suspend(() =>
    Effect.map(asked("answeredBy", answering, options, "{ first: \"8 seconds\" }"), (checked) => {
      const { isMachine } = options
      return { ...checked, isMachine: isMachine && ((greeting) => settled("isMachine", () => isMachine(greeting))) }
    })
  )

export type CheckedKeys = typeof keys.Type

export const checkKeys = (options: Session.KeysOptions): Effect.Effect<CheckedKeys, InvalidOptions> =>
  asked("keys", keys, options, "{ most: 4 }")

export const checkWait = (options: typeof wait.Encoded): Effect.Effect<typeof wait.Type, InvalidOptions> =>
  asked("commitTurn", wait, options, "{ wait: \"1 second\" }")

/** What is wrong is a bug of the program, and dies where it is said. */
export const checkSay = (options: typeof say.Encoded): typeof say.Type => Check.readOrThrow(say, options)

const isWords = (given: unknown): boolean => typeof given === "string" || Stream.isStream(given)

/** The same of the words: what they were given to, and whether they may come piece by piece. */
export const checkWords = (verb: string, words: unknown, pieces: boolean): void =>
  Check.throwAll(
    (pieces ? isWords(words) : typeof words === "string") ? [] : [{
      option: verb,
      detail: `must be given a text${pieces ? " or a Stream of texts" : ""}, not ${shown(words)}`
    }]
  )

/** Throws if the options of a request are no object. */
export const checkObject = (verb: string, options: unknown, write: string): void => {
  const wrong = noObject(verb, options, write)
  if (wrong !== undefined) throw wrong
}

const verbs = {
  hangUp: Check.struct<{ readonly say?: string | undefined }>()({ say: Check.asIs }),
  close: Check.struct<{
    /** @default false */
    readonly drain?: boolean | undefined
  }>()({ drain: Check.flag({ default: false }) }),
  interrupt: Check.struct<{
    /** @default false */
    readonly force?: boolean | undefined
  }>()({ force: Check.flag({ default: false }) })
}

/** Reads the options of a request, and throws. */
const askedOrThrow = <Out, In>(verb: string, self: Check.Field<Out, In>, write: string) => (options: In): Out => {
  checkObject(verb, options, `${verb}(${write})`)
  return Check.readOrThrow(self, options)
}

export const checkHangUp = askedOrThrow("hangUp", verbs.hangUp, "{ say: \"Goodbye!\" }")

export const checkClose = askedOrThrow("close", verbs.close, "{ drain: true }")

export const checkInterrupt = askedOrThrow("interrupt", verbs.interrupt, "{ force: true }")

const update = Check.struct<Session.Update>()({
  instructions: Check.such(isText, "be a text that tells the agent what to do"),
  voice: Check.text(),
  tools: Check.such<NonNullable<Session.Update["tools"]>>(
    (given) => Check.isRecord(given) && "entries" in given,
    "be a Set of tools: begin with Session.tools, or give what Tools.functions makes"
  ),
  turn: Check.maybe(turn)
})

export const checkUpdate = (change: Session.Update): Effect.Effect<unknown, InvalidOptions> =>
  asked("update", update, change, "{ instructions: \"…\" }")

const verdict = Check.struct<Agent.Verdict>()({
  text: Check.such(isText, "be a text: the turn in other words"),
  context: Check.such(isText, "be a text: what the model is told before the turn"),
  reply: Check.flag()
})

/** What a hook makes of a turn. */
export const checkVerdict = (given: Agent.Verdict | void): Agent.Verdict | undefined => {
  const told: unknown = given
  if (told === undefined || told === null) return undefined
  if (typeof told !== "object") {
    const detail = `must give nothing, { text }, { context } or { reply: false }, not ${shown(told)}`
    throw Check.invalid([{ option: "onUserTurn", detail }])
  }
  return Check.readOrThrow(verdict, told, undefined, "onUserTurn")
}
