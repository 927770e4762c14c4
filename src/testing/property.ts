/** Random conversations as a property: whatever goes wrong, the invariants hold. */
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Agent from "../Agent.ts"
import * as Check from "../internal/options.ts"
import * as Energy from "../internal/vad/energy.ts"
import type { PipelineError, Services } from "../Pipeline.ts"
import type { Session } from "../Session.ts"
import * as Vad from "../Vad.ts"
import { addAnswers, type AnswerOptions, type Answers, answers, noAnswers } from "./answered.ts"
import { differs, type InvariantOptions, invariants, type Violation } from "./invariants.ts"
import type { LlmToolCall } from "./llm.ts"
import {
  type Conversation,
  conversation,
  fields,
  type ProgramAction,
  type RandomOptions
} from "./randomConversation.ts"
import { scenario } from "./scenario.ts"
import { shrink } from "./shrink.ts"
import type { Timeline } from "./timeline.ts"

/** The same as `Layers/EnergyVad`, for whom the audio is real. */
const loudness = Layer.succeed(
  Vad.Vad,
  Vad.make({
    name: "energy",
    sampleRate: 16_000,
    windowSize: 320,
    scorer: Effect.succeed(Energy.scorer(Energy.rmsAt(Energy.usual)))
  })
)

const Work = Tool.make("work", {
  description: "Works for a while",
  parameters: Schema.Struct({ ms: Schema.Finite, outcome: Schema.Literals(["succeed", "fail", "die"]) }),
  success: Schema.String,
  failure: Schema.String,
  failureMode: "return"
})

const tools = Toolkit.make(Work)

const handlers = tools.toLayer({
  work: ({ ms, outcome }) =>
    Effect.andThen(
      Effect.sleep(ms),
      outcome === "succeed" ? Effect.succeed("done") : outcome === "fail" ? Effect.fail("no") : Effect.die("broken")
    )
})

const usual = ({ hookMs }: Conversation): Agent.Agent =>
  Agent.make({
    instructions: "You are a voice agent.",
    tools,
    ...(hookMs > 0 ? { onUserTurn: () => Effect.sleep(hookMs) } : {})
  }).pipe(Agent.provide(handlers))

/** Whatever the session answers: it may have ended long ago. */
const act = (
  session: Session["Service"],
  action: ProgramAction,
  keep: (speech: string) => void
): Effect.Effect<unknown, unknown> => {
  switch (action._tag) {
    case "Say":
      return Effect.map(
        session.say(action.text, { protected: action.protected, when: action.when, expires: action.expires }),
        ({ id }) => {
          if (action.protected || action.when === "now") keep(id)
        }
      )
    case "Reply":
      return session.reply({ instructions: "Go on." })
    case "Interrupt":
      return session.interrupt({ force: action.force })
    case "CommitTurn":
      return session.commitTurn()
    case "ClearTurn":
      return session.clearTurn
    case "HangUp":
      return session.hangUp({ say: action.say })
    case "Close":
      return session.close({ drain: action.drain })
  }
}

/**
 * How one conversation went.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outcome {
  readonly timeline: Timeline
  readonly violations: ReadonlyArray<Violation>
}

/**
 * Your own agent in random conversations.
 *
 * @category options
 * @since 0.1.0
 */
export interface OwnAgent<R = never, E = never> {
  /** Whom the callers talk with. @default one with a tool that works for a while, succeeds, fails or dies */
  readonly agent?: Agent.Agent<R, E> | undefined
  /** What its model calls, one after the other: its tools, with parameters. @default nothing */
  readonly calls?: ReadonlyArray<LlmToolCall> | undefined
}

/** Of an agent of one's own: it may protect what it says, and answer nobody. */
const notOfOwn: ReadonlySet<string> = new Set(["I4", "I12"])

const holdsOf = ({ agent }: OwnAgent<any, any>, violations: ReadonlyArray<Violation>): ReadonlyArray<Violation> =>
  agent === undefined ? violations : violations.filter(({ invariant }) => !notOfOwn.has(invariant))

/** The replies of a script, with calls of the agent's own tools. */
const repliesOf = ({ replies }: Conversation, { agent, calls = [] }: OwnAgent<any, any>): Conversation["replies"] => {
  if (agent === undefined) return replies
  let next = 0
  const own = (call: LlmToolCall): ReadonlyArray<LlmToolCall> =>
    call.name !== Work.name ? [call] : calls.length === 0 ? [] : [calls[next++ % calls.length]!]
  return replies.map((reply) => reply.tools === undefined ? reply : { ...reply, tools: reply.tools.flatMap(own) })
}

const own = {
  ...fields,
  agent: Check.asIs,
  calls: Check.such<ReadonlyArray<LlmToolCall>>(Array.isArray, "be a list of calls, such as [{ name: \"book\" }]")
}

const replaying = Check.struct<RandomOptions & OwnAgent<any, any>>()(own)

const randomOf = ({ faults, frames, size }: RandomOptions): RandomOptions => ({ faults, frames, size })

/** What a scenario needs of whom an agent needs. */
type Needs<R> = Exclude<Exclude<R, Session | Services>, Scope.Scope>

const answerOptions = ({ hookMs, program, turn }: Conversation): AnswerOptions => ({
  hookMs,
  minWords: turn.interruption?.minWords,
  endsAt: program.find(({ _tag }) => _tag === "HangUp" || _tag === "Close")?.at
})

/**
 * Holds a conversation and checks the invariants on it.
 *
 * **Details**
 *
 * Tools have 8 seconds; one that takes longer is ended by the session. With an agent of your own,
 * I4 and I12 are not checked: it may protect what it says, and answer nobody.
 *
 * @category properties
 * @since 0.1.0
 */
export const converse = <R = never, E = never>(
  script: Conversation,
  own: OwnAgent<R, E> = {}
): Effect.Effect<Outcome, PipelineError | E, Needs<R>> =>
  Effect.gen(function*() {
    const guarded = new Set<string>()
    const { agent = usual(script) as Agent.Agent<any, E> } = own
    const timeline = yield* scenario<R, never, E>({
      agent,
      user: script.user,
      at: script.program.map((action) => ({
        at: action.at,
        do: (session) => Effect.ignore(act(session, action, (speech) => guarded.add(speech)))
      })),
      llm: repliesOf(script, own),
      llmOptions: { otherwise: "OK." },
      tts: ({ index }) => script.speeches[index] ?? {},
      stt: { interims: script.interims, faults: script.connections },
      options: { turn: script.turn, toolTimeout: "8 seconds", filler: script.seed % 2 === 0 },
      ...(script.frames === undefined ? {} : { room: { frames: script.frames }, layer: loudness }),
      // Longer than any deadline: what hangs on without an event must have been given up.
      quiet: "30 seconds",
      seed: String(script.seed)
    })
    const options: InvariantOptions = {
      protected: guarded,
      uninterruptible: script.turn.interruption?.enabled === false,
      ...answerOptions(script),
      cleared: script.program.some(({ _tag }) => _tag === "ClearTurn")
    }
    return { timeline, violations: holdsOf(own, invariants(timeline, options)) }
  })

/**
 * Holds the conversation of a seed, as `check` did.
 *
 * @category properties
 * @since 0.1.0
 */
export const replay = <R = never, E = never>(
  seed: number,
  options: RandomOptions & OwnAgent<R, E> = {}
): Effect.Effect<Outcome, PipelineError | E, Needs<R>> =>
  Effect.suspend(() => {
    Check.readOrThrow(replaying, options)
    return converse(conversation(seed, randomOf(options)), options)
  })

/**
 * A random conversation has broken an invariant. `message` holds the seed, the
 * smallest conversation that breaks it, and its course.
 *
 * @category errors
 * @since 0.1.0
 */
export class Broken extends Schema.TaggedError<Broken>("effect-voice/testing/Broken")("Broken", {
  seed: Schema.Int,
  invariant: Schema.String,
  report: Schema.String
}) {
  override get message(): string {
    return this.report
  }
}

/**
 * What is checked.
 *
 * @category options
 * @since 0.1.0
 */
export interface CheckOptions<R = never, E = never> extends RandomOptions, OwnAgent<R, E> {
  /** Conversations. @default 100 */
  readonly runs?: number | undefined
  /** Seed of the first; the next ones count on from it. @default 1 */
  readonly seed?: number | undefined
  /** The invariants to check; I4 and I12 are never those of an agent of your own. @default all of them */
  readonly only?: ReadonlyArray<string> | undefined
  /** What must hold besides. @default nothing */
  readonly also?: ((timeline: Timeline) => ReadonlyArray<Violation>) | undefined
  /** Holds every so many conversations twice, for I11. @default 10 */
  readonly twiceEvery?: number | undefined
  /** Runs that are spent on making a failing conversation smaller. @default 400 */
  readonly attempts?: number | undefined
}

const checking = Check.struct<CheckOptions<any, any>>()({
  ...own,
  runs: Check.whole({ default: 100 }),
  seed: Check.whole({ default: 1 }),
  only: Check.list(Check.text()),
  also: Check.callback,
  twiceEvery: Check.whole({ least: 1, default: 10 }),
  attempts: Check.whole()
})

const explain = (
  seed: number,
  smallest: Conversation,
  { timeline, violations }: Outcome,
  own: boolean
): string =>
  [
    `seed ${seed} breaks ${violations.map(({ invariant }) => invariant).join(", ")}; ` +
    `Testing.replay(${seed}${own ? ", { agent, calls }" : ""}) holds it again`,
    ...violations.map(({ at, invariant, message }) =>
      `  ${invariant}${at === undefined ? "" : ` at ${at}`}: ${message}`
    ),
    "the smallest conversation that does:",
    JSON.stringify(smallest, undefined, 1),
    "what happened in it:",
    timeline.print()
  ].join("\n")

/**
 * What was held.
 *
 * @category models
 * @since 0.1.0
 */
export interface Summary {
  readonly runs: number
  /** What became of all utterances that want to be answered. */
  readonly answers: Answers
}

/**
 * Holds random conversations with random faults and checks the invariants on
 * each.
 *
 * **Details**
 *
 * Fails with the first that breaks one, after making it as small as it can. Else
 * tells what became of what the callers have said: how much of it was answered,
 * and how much was set aside.
 *
 * **Example** (Your own agent among callers who talk over it, and providers that fail)
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { Schema } from "effect"
 * import { Agent, Tools } from "effect-voice"
 * import * as Testing from "effect-voice/testing"
 *
 * const booked: Array<number> = []
 *
 * const agent = Agent.make({
 *   instructions: "You book rooms.",
 *   tools: Tools.functions({
 *     book: { parameters: Schema.Struct({ nights: Schema.Int }), run: ({ nights }) => void booked.push(nights) }
 *   })
 * })
 *
 * it.effect("books nothing that nobody asked for", () =>
 *   Testing.check({
 *     agent,
 *     calls: [{ name: "book", params: { nights: 2 } }],
 *     also: ({ history }) =>
 *       booked.splice(0).length > history.items.filter(({ _tag }) => _tag === "ToolCall").length
 *         ? [{ invariant: "asked", message: "a booking has no call" }]
 *         : []
 *   }))
 * ```
 *
 * @category properties
 * @since 0.1.0
 */
export const check = <R = never, E = never>(
  options: CheckOptions<R, E> = {}
): Effect.Effect<Summary, Broken | PipelineError | E, Needs<R>> =>
  Effect.gen(function*() {
    const { also, attempts, only, runs, seed: first, twiceEvery } = Check.readOrThrow(checking, options)
    const hold = (script: Conversation, twice: boolean): Effect.Effect<Outcome, PipelineError | E, Needs<R>> =>
      Effect.gen(function*() {
        const { timeline, violations } = yield* converse(script, options)
        const again = twice ? differs(timeline, (yield* converse(script, options)).timeline) : []
        const own = also?.(timeline) ?? []
        const all = [...violations, ...again]
        const wanted = only === undefined ? all : all.filter(({ invariant }) => only.includes(invariant))
        return { timeline, violations: [...wanted, ...own] }
      })
    let total = noAnswers
    for (let i = 0; i < runs; i++) {
      const seed = first + i
      const script = conversation(seed, randomOf(options))
      const { timeline, violations } = yield* hold(script, i % twiceEvery === 0)
      total = addAnswers(total, answers(timeline, answerOptions(script)))
      const [violation] = violations
      if (violation === undefined) continue
      const { invariant } = violation
      const breaks = (candidate: Conversation) =>
        Effect.map(
          hold(candidate, invariant === "I11"),
          ({ violations }) => violations.some((other) => other.invariant === invariant)
        )
      const smallest = yield* shrink(script, breaks, { attempts })
      const outcome = yield* hold(smallest, invariant === "I11")
      return yield* new Broken({
        seed,
        invariant,
        report: explain(seed, smallest, outcome, options.agent !== undefined)
      })
    }
    return { runs, answers: total }
  })
