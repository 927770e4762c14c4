/** What a script may say: a test that is misspelt would pass for the wrong reason. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Check from "../internal/options.ts"
import { shown } from "../internal/options/shown.ts"
import { doubtsOf } from "../internal/options/units.ts"
import { isKey } from "../internal/room/keys.ts"
import { fields as detecting } from "../internal/vad/settings.ts"
import type { UserAction } from "./actions.ts"
import type { RoomOptions } from "./caller.ts"
import type { LlmDelta, LlmOptions, LlmReply, LlmScript, LlmToolCall } from "./llm.ts"
import { millis } from "./marks.ts"
import type { Scenario, Step } from "./scenario.ts"
import type { SimulatedUser } from "./simulatedUser.ts"
import type { SttConnection, SttOptions } from "./stt.ts"
import type { TtsOptions, TtsScript, TtsSpeech } from "./tts.ts"
import type { VadOptions } from "./vad.ts"

const call = Check.struct<LlmToolCall>()({ name: Check.required(Check.words), params: Check.asIs, id: Check.words })

const delta = Check.struct<LlmDelta>()({
  at: Check.required(Check.duration()),
  delta: Check.required(Check.such<LlmDelta["delta"]>(
    (given) => typeof given === "string" || Check.isRecord(given),
    "be a text, a call, or a delta such as { _tag: \"Text\", text: \"Hello.\" }"
  ))
})

const reply = Check.struct<LlmReply>()({
  text: Check.words,
  tools: Check.list(call),
  toolsAt: Check.duration(),
  deltas: Check.list(delta),
  firstToken: Check.duration({ usual: 100 }),
  total: Check.duration({ usual: 300 }),
  pieces: Check.whole({ least: 1 }),
  usage: Check.asIs,
  reason: Check.asIs,
  fail: Check.asIs,
  after: Check.whole(),
  hang: Check.flag()
})

const modelOptions = Check.struct<LlmOptions>()({
  name: Check.text(),
  resilient: Check.flag(),
  firstToken: Check.duration({ usual: 100 }),
  total: Check.duration({ usual: 300 }),
  pieces: Check.whole({ least: 1 }),
  otherwise: Check.asIs
})

const speech = Check.struct<TtsSpeech>()({
  duration: Check.duration({ finite: true, usual: "2 seconds" }),
  msPerCharacter: Check.number({ least: 0 }),
  firstByte: Check.duration(),
  alignment: Check.oneOf(["word", "piece", false]),
  chunk: Check.duration({ above: 0 }),
  audio: Check.oneOf(["silent", "audible"]),
  fail: Check.asIs,
  after: Check.whole(),
  hang: Check.flag(),
  empty: Check.flag()
})

const ttsOptions = Check.struct<TtsOptions>()({
  name: Check.text(),
  sampleRate: Check.hertz(),
  voices: Check.list(Check.text()),
  resilient: Check.flag()
})

const connection = Check.struct<SttConnection>()({
  fail: Check.asIs,
  end: Check.flag(),
  hang: Check.flag(),
  after: Check.whole(),
  afterTime: Check.duration(),
  finalDelay: Check.duration()
})

const sttOptions = Check.struct<SttOptions>()({
  name: Check.text(),
  resilient: Check.flag(),
  transcripts: Check.list(Check.words),
  interims: Check.flag(),
  finalDelay: Check.duration({ usual: 200 }),
  times: Check.flag(),
  confidence: Check.asIs,
  language: Check.text(),
  faults: Check.asIs
})

const vadOptions = Check.struct<VadOptions>()({
  ...detecting,
  name: Check.text(),
  fail: Check.asIs,
  after: Check.whole()
})

const room = Check.struct<RoomOptions>()({
  name: Check.text(),
  identity: Check.text(),
  kind: Check.oneOf(["standard", "sip", "agent", "ingress", "egress", "connector", "bridge", "other"]),
  direction: Check.oneOf(["inbound", "outbound"]),
  call: Check.asIs,
  joins: Check.or(false, Check.duration()),
  frames: Check.duration({ above: 0 }),
  keepAlive: Check.duration({ above: 0 }),
  keepHeard: Check.flag(),
  queueLimit: Check.duration(),
  textTopic: Check.text(),
  transfers: Check.oneOf(["accepted", "refused", "unsupported"])
})

const actions: { readonly [Tag in UserAction["_tag"]]: true } = {
  Say: true,
  Type: true,
  Press: true,
  Mute: true,
  Unmute: true,
  Join: true,
  CallStatus: true,
  Leave: true
}

const action = Check.such<UserAction>(
  (given) => Check.isRecord(given) && typeof given["_tag"] === "string" && Object.hasOwn(actions, given["_tag"]),
  "be something that the caller does, such as Testing.say(500, 1500, \"Hello.\")"
)

const step = Check.such<Step<never>>(
  (given) => Check.isRecord(given) && typeof given["do"] === "function",
  "be { at, do } with a function that gets the session, such as { at: 1000, do: (session) => session.say(\"Hi.\") }"
)

const simulatedUser = Check.struct<SimulatedUser>()({
  instructions: Check.required(Check.words),
  model: Check.required(Check.such<SimulatedUser["model"]>(Layer.isLayer, "be a Layer that gives an Llm")),
  maxTurns: Check.whole({ least: 1 }),
  pause: Check.duration({ finite: true }),
  patience: Check.duration({ finite: true }),
  opens: Check.duration({ finite: true }),
  interrupts: Check.number({ least: 0, most: 1 }),
  hearing: Check.asIs
})

const script = Check.struct<Scenario<never, never, unknown>>()({
  agent: Check.asIs,
  options: Check.asIs,
  vad: Check.asIs,
  user: Check.list(action),
  simulatedUser: Check.maybe(simulatedUser),
  at: Check.list(step),
  preset: Check.oneOf(["production", "mechanics"]),
  layer: Check.such<NonNullable<Scenario["layer"]>>(Layer.isLayer, "be a Layer"),
  until: Check.or("quiet", Check.number({ least: 0, unit: "ms" })),
  quiet: Check.duration({ usual: "12 seconds" }),
  patience: Check.duration({ finite: true, usual: "5 minutes" }),
  realWait: Check.duration({ usual: "2 seconds" }),
  seed: Check.words,
  llm: Check.such<LlmScript>(
    (given) => Array.isArray(given) || typeof given === "function",
    "be a list of replies, such as [\"Hello.\"], or a function that gives one"
  ),
  llmOptions: Check.asIs,
  tts: Check.such<TtsScript>(
    (given) => typeof given === "object" || typeof given === "function",
    "be a speech, such as { duration: 2000 }, a list of them, or a function that gives one"
  ),
  ttsOptions: Check.asIs,
  stt: Check.asIs,
  room: Check.maybe(room)
})

/** The replies of a list, and of a function when it is asked. */
export const checkReply = (given: unknown, where: string): string | LlmReply => {
  if (typeof given === "string") return given
  if (!Check.isRecord(given) || Predicate.isPromiseLike(given)) {
    throw Check.problem(where, "must be a text, or a reply such as { text: \"Hello.\" }, at once and no promise")
  }
  const calls: unknown = given["tools"]
  for (const [index, one] of Array.isArray(calls) ? calls.entries() : []) {
    if (Check.isRecord(one)) continue
    const write = "a call, such as { name: \"book\", params: { nights: 2 } }"
    throw Check.problem(`${where}.tools.${index}`, `must be ${write}, not ${shown(one, { quote: true })}`)
  }
  Check.readOrThrow(reply, given as LlmReply, undefined, where)
  return given as LlmReply
}

/** Throws for what no scripted model can do. */
export const checkLlm = (script: LlmScript, options: LlmOptions): void => {
  Check.readOrThrow(modelOptions, options, undefined, "llmOptions")
  if (options.otherwise !== undefined) checkReply(options.otherwise, "llmOptions.otherwise")
  if (typeof script !== "function") { for (const [index, one] of script.entries()) checkReply(one, `llm.${index}`) }
}

/** Throws for what no scripted voice can do. */
export const checkTts = (script: TtsScript, options: TtsOptions): void => {
  Check.readOrThrow(ttsOptions, options, undefined, "ttsOptions")
  if (typeof script === "function") return
  const all: ReadonlyArray<TtsSpeech> = Array.isArray(script) ? script : [script as TtsSpeech]
  for (const one of all) Check.readOrThrow(speech, one, undefined, "tts")
}

/** Throws for what no scripted recogniser can do. */
export const checkStt = (options: SttOptions): void => {
  const { faults } = Check.readOrThrow(sttOptions, options, undefined, "stt")
  const all: ReadonlyArray<SttConnection> = faults === undefined ? [] : Array.isArray(faults) ? faults : [faults]
  for (const one of all) Check.readOrThrow(connection, one, undefined, "stt.faults")
}

/** Throws for what no scripted detector can do. */
export const checkVad = (options: VadOptions): void => void Check.readOrThrow(vadOptions, options, undefined, "vad")

/** Throws for what no virtual room can be. */
export const checkRoom = (options: RoomOptions): typeof room.Type => Check.readOrThrow(room, options, undefined, "room")

// In milliseconds: the least speech that a detector reports.
const shortestWords = 50

/** What is wrong with the times of a script. */
const wrongTime = ({ at = [], user = [] }: Pick<Scenario, "user" | "at">): string | undefined => {
  const wrong = [...user, ...at].find(({ at }) => !(at >= 0 && at < Infinity))
  if (wrong !== undefined) return `at: ${shown(wrong.at, { quote: true })} is no time of the Clock in milliseconds`
  const speeches = user.filter((action) => action._tag === "Say")
  const endless = speeches.find(({ to }) => typeof to !== "number" || to === Infinity)
  if (endless !== undefined) return `say: ${shown(endless.to, { quote: true })} is no time of the Clock in milliseconds`
  const reversed = speeches.find(({ at, to }) => !(to >= at))
  if (reversed !== undefined) return `say: the speech ends at ${reversed.to}, before it begins at ${reversed.at}`
  const rushed = speeches.find(({ at, text, to }) => to > at && to - at < shortestWords && /[\p{L}\p{N}]/u.test(text))
  return rushed === undefined
    ? undefined
    : `say: from ${rushed.at} to ${rushed.to} nobody says a word: times are milliseconds, and ` +
      `Testing.say(${rushed.at * 1000}, ${rushed.to * 1000}, …) may be meant`
}

/** What comes after the end of a scenario is not done. */
const neverDone = ({ at = [], until, user = [] }: Pick<Scenario, "at" | "until" | "user">): ReadonlyArray<string> => {
  const last = Math.max(0, ...[...user, ...at].map(({ at }) => at))
  return typeof until === "number" && last > until
    ? [`until is ${until}, and what the script has after that is not done: its last is at ${last}`]
    : []
}

/** What a scenario can do, and hardly means. */
export const doubtsOfScenario = (scenario: Scenario<never, never, unknown>): ReadonlyArray<string> => {
  const { llm, llmOptions, stt, tts } = scenario
  const speeches = typeof tts === "function" || tts === undefined ? [] : [tts].flat()
  const replies = typeof llm === "function" || llm === undefined ? [] : llm
  return [
    ...doubtsOf(script.ast, scenario),
    ...speeches.flatMap((one) => doubtsOf(speech.ast, one, "tts")),
    ...replies.flatMap((one, index) => doubtsOf(reply.ast, one, `llm.${index}`)),
    ...doubtsOf(modelOptions.ast, llmOptions, "llmOptions"),
    ...doubtsOf(sttOptions.ast, stt, "stt"),
    ...atOnce(scenario.user ?? []),
    ...tooSoon(scenario),
    ...neverDone(scenario)
  ]
}

const isKeys = (digits: unknown): boolean => typeof digits === "string" && digits !== "" && [...digits].every(isKey)

/** Nobody says two things at once: the recogniser would hear a part of each. */
const atOnce = (user: ReadonlyArray<UserAction>): ReadonlyArray<string> => {
  const speeches = user.filter((action) => action._tag === "Say").toSorted((a, b) => a.at - b.at)
  return speeches.flatMap((one, i) => {
    const before = speeches.slice(0, i).findLast((other) => other.by === one.by && other.to > one.at)
    const who = one.by ?? "the caller"
    return before === undefined
      ? []
      : [`say: at ${one.at} ${who} begins to speak, who speaks from ${before.at} to ${before.to} already`]
  })
}

/** From when (ms) the agent hears the caller; `undefined`: that is decided by a step, or never. */
const heardFrom = ({ room = {}, user = [] }: Pick<Scenario, "room" | "user">): number | undefined => {
  const own = user.filter(({ by }) => by === undefined || by === room.identity)
  const first = (does: (action: UserAction) => boolean) => {
    const times = own.filter(does).map(({ at }) => at)
    return times.length === 0 ? undefined : Math.min(...times)
  }
  const joined = room.joins === false ? first(({ _tag }) => _tag === "Join") : millis(room.joins ?? 0)
  const isOpen = room.call === undefined || room.call === "answered"
  const answered = isOpen ? 0 : first((action) => action._tag === "CallStatus" && action.status === "answered")
  return joined === undefined || answered === undefined ? undefined : Math.max(joined, answered)
}

/** What somebody begins to say before the agent hears them is lost, all of it. */
const tooSoon = ({ at = [], room, user = [] }: Scenario<never, never, unknown>): ReadonlyArray<string> => {
  const from = heardFrom({ room, user }) ?? (at.length === 0 ? Infinity : 0)
  const when = from === Infinity
    ? "nothing in the script lets the agent hear them"
    : `the agent hears them after ${from}`
  return user.flatMap((action) =>
    action._tag === "Say" && (action.by === undefined || action.by === room?.identity) && action.at <= from && from > 0
      ? [`say: what the caller begins to say at ${action.at} is lost: ${when}`]
      : []
  )
}

/** Fails with what no scenario can do. */
export const checkScenario = (scenario: Scenario<never, never, unknown>): Effect.Effect<void> =>
  Effect.sync(() => {
    Check.readOrThrow(script, scenario)
    if (scenario.options !== undefined && !Check.isRecord(scenario.options)) {
      throw Check.problem("options", `must be an object of options, not ${shown(scenario.options)}`)
    }
    const wrong = wrongTime(scenario)
    if (wrong !== undefined) throw new RangeError(wrong)
    const silent = scenario.user?.find((action) =>
      (action._tag === "Say" || action._tag === "Type") && typeof action.text !== "string"
    )
    if (silent !== undefined) throw Check.problem("user", `must have a text at ${silent.at} ms`)
    const keyless = scenario.user?.find((action) => action._tag === "Press" && !isKeys(action.digits))
    if (keyless !== undefined) {
      throw Check.problem("user", `must press keys at ${keyless.at} ms, one or more of 0 to 9, *, #, A to D`)
    }
  })
