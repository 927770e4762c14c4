/**
 * The conversation for programs without Effect: a `Session` whose functions give promises. They run
 * with the context of the plain function that calls them (time, logs, call), else of the hook or
 * tool that got the session, in fibers of their own: an interruption of it does not end them.
 */
import type * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Codec } from "effect/Schema"
import type { Frame } from "../Audio.ts"
import type { Report } from "../Cost.ts"
import type { AgentState, UserState } from "../Event.ts"
import type { History } from "../History.ts"
import type { Set } from "../Tools.ts"
import type { Options as TurnOptions } from "../Turn.ts"
import { type Definition, type Held, type PlainHeld, plainly } from "./callState.ts"
import { problem } from "./options.ts"
import { type PlainRoom, plainRoom } from "./plainRoom.ts"
import { asking, begin, within } from "./realWaits.ts"
import type { Participant } from "./room/event.ts"

/**
 * A speech, and how to wait for its end.
 *
 * @category plain functions
 * @since 0.1.0
 */
export interface PlainSpeech {
  readonly id: string
  /** Waits for its end, also in the tool that says it; that of a reply rejects in the tools which the reply itself has called. */
  readonly heard: () => Promise<
    {
      readonly text: string
      /** Length of the audio that was heard, in milliseconds. */
      readonly playedMs: number
      readonly outcome: "completed" | "interrupted" | "failed" | "discarded"
    }
  >
  readonly interrupt: (options?: { readonly force?: boolean | undefined }) => Promise<void>
}

/**
 * How a plain speech is said, as by `Session.SayOptions`: where it goes (`when`) and how
 * soon, from audio that is at hand, `protected` from interruptions, in another
 * `voice`, not recorded in the history.
 *
 * @category plain functions
 * @since 0.1.0
 */
export interface PlainSayOptions {
  /** @default "idle"; "withReply" inside `onUserTurn`, "now" inside `onTurnLimit` */
  readonly when?: "now" | "withReply" | "idle" | undefined
  /** If the speech is not audible within this time, it is not said. @default "Infinity" */
  readonly expires?: Duration.Input | undefined
  /** The audio of the text: the synthesiser is not asked. */
  readonly clip?: Frame | ReadonlyArray<Frame> | undefined
  /** @default false */
  readonly protected?: boolean | undefined
  /** @default true */
  readonly record?: boolean | undefined
  /** @default the agent's */
  readonly voice?: string | undefined
}

interface Successor<R> {
  readonly name: string
  readonly bound: Effect.Effect<unknown, unknown, R>
}

interface AnsweredBy {
  readonly by: "person" | "voicemail" | "menu" | "unreachable" | "nobody"
  readonly text: string
}

interface AnsweredByOptions {
  /** @default "5 seconds" */
  readonly first?: Duration.Input | undefined
  /** @default "6 seconds" */
  readonly person?: Duration.Input | undefined
  /** @default "1.5 seconds" */
  readonly pause?: Duration.Input | undefined
  /** @default "45 seconds" */
  readonly longest?: Duration.Input | undefined
  readonly isMachine?:
    | ((greeting: {
      readonly text: string
      readonly speechMs: number
    }) => Effect.Effect<boolean, unknown> | Promise<boolean> | boolean)
    | undefined
}

interface KeysOptions {
  /** @default 32 */
  readonly most?: number | undefined
  /** @default "#" */
  readonly endKey?: string | false | undefined
  /** @default "10 seconds" */
  readonly first?: Duration.Input | undefined
  /** @default "3 seconds" */
  readonly next?: Duration.Input | undefined
  /** @default false */
  readonly secret?: boolean | undefined
}

interface TransferOptions {
  /** A number with its country, such as `+4930123456`, or an address, such as `sip:desk@example.com`. */
  readonly to: string
  /** What the caller hears first. No voice interrupts it. @default nothing */
  readonly say?: string | undefined
}

interface Performed<in out A, R> {
  readonly agent: Successor<R>
  readonly result: Codec<A, any>
}

/** What the compiler shows where an agent lacks handlers of its tools. */
interface Lacks<in out R> {
  readonly "give the agent the handlers of its tools with Agent.provide": R
}

type Handled<R> = 0 extends 1 & R ? unknown
  : [Extract<R, Tool.Handler<any>>] extends [never] ? unknown
  : Lacks<Extract<R, Tool.Handler<any>>>

/** What may change while an agent has the conversation. */
interface PlainUpdate {
  readonly instructions?: string | undefined
  readonly voice?: string | undefined
  /** Instead of those that there are: begin with `tools`, or give what `Tools.functions` makes. */
  readonly tools?: Set<any> | undefined
  readonly turn?: TurnOptions | undefined
}

interface PlainState {
  readonly agent: AgentState
  readonly user: UserState
  readonly status: "starting" | "open" | "draining" | "closed"
  /** Number of the user's open turn. */
  readonly turn: number
}

/**
 * The conversation in progress for plain functions: `Session` with promises. A failure rejects the
 * promise.
 *
 * @category plain functions
 * @since 0.1.0
 */
export interface Plain {
  readonly id: string
  readonly job: Readonly<Record<string, string>>
  /** What a page is told, and what it asks. */
  readonly room: PlainRoom
  /** Whom it talks with, with number, attributes and metadata as the room has them; `undefined` before anyone is there. */
  readonly participant: () => Promise<Participant | undefined>
  readonly say: (text: string, options?: PlainSayOptions) => Promise<PlainSpeech>
  readonly reply: (
    options?: Omit<PlainSayOptions, "clip"> & {
      readonly instructions?: string | undefined
      /** @default "auto" */
      readonly toolChoice?: "auto" | "none" | "required" | undefined
    }
  ) => Promise<PlainSpeech>
  readonly send: (text: string) => Promise<boolean>
  readonly interrupt: (options?: { readonly force?: boolean | undefined }) => Promise<void>
  /** Turns the microphone on or off. */
  readonly listen: (on: boolean) => Promise<void>
  /** Ends the user's turn now, for push to talk. */
  readonly commitTurn: () => Promise<void>
  /** Forgets the words of the open turn. */
  readonly clearTurn: () => Promise<void>
  /** Changes the agent while it has the conversation; what you leave out stays. */
  readonly update: (change: PlainUpdate) => Promise<void>
  /** The tools that the model may call now. */
  readonly tools: () => Promise<Set<any>>
  readonly state: () => Promise<PlainState>
  /** The present instructions of the agent: `update` changes them. */
  readonly instructions: () => Promise<string>
  /** The tool calls without a result, oldest first, except the one that asks. */
  readonly running: () => Promise<ReadonlyArray<PlainCall>>
  /** Ends a tool call that runs; `false` if it has ended already. */
  readonly cancel: (id: string) => Promise<boolean>
  /** What the providers were used for up to now, with its cost by `spending.prices`. */
  readonly spent: () => Promise<Report>
  readonly history: () => Promise<History>
  /** Changes the history from now on, for instance to begin anew at a hand-off: `updateHistory(() => History.empty)`. */
  readonly updateHistory: (change: (history: History) => History) => Promise<void>
  /** A `CallState` of this call: read and set at once, and what is refused throws. */
  readonly callState: <A>(state: Definition<A>) => PlainHeld<A>
  /** Gives the conversation to another agent, which needs nothing more (`Agent.provide`). */
  readonly handoff: <R>(agent: Successor<R> & Handled<R>) => Promise<void>
  /** Who has answered a call that the agent's side has made: ask in `onEnter`, before the agent speaks. */
  readonly answeredBy: (options?: AnsweredByOptions) => Promise<AnsweredBy>
  /** The keys that a telephone caller presses from now on, as one text; `""` if none comes in time. */
  readonly keys: (options?: KeysOptions) => Promise<string>
  /** Gives the conversation to the agent of a task until it has the result; rejects with a `Task.TaskError`. */
  readonly perform: <A, R>(task: Performed<A, R> & Handled<R>) => Promise<A>
  readonly hangUp: (options?: { readonly say?: string | undefined }) => Promise<void>
  /** Gives the line of a telephone caller to a number or an address, and ends the session; rejects if it was refused. */
  readonly transfer: (options: TransferOptions) => Promise<void>
  readonly close: (options?: { readonly drain?: boolean | undefined }) => Promise<void>
}

interface PlainCall {
  readonly id: string
  readonly name: string
  /** Time since it began, in seconds. */
  readonly seconds: number
}

interface Heard {
  readonly text: string
  readonly playedMs: number
  readonly outcome: "completed" | "interrupted" | "failed" | "discarded"
}

/** What a session has of these, as effects. */
interface Talking {
  readonly id: string
  readonly job: Readonly<Record<string, string>>
  readonly participant: Effect.Effect<Participant | undefined>
  readonly instructions: Effect.Effect<string>
  readonly running: Effect.Effect<ReadonlyArray<PlainCall>>
  readonly cancel: (id: string) => Effect.Effect<boolean>
  readonly spent: Effect.Effect<Report>
  readonly ended: Effect.Effect<unknown>
  readonly history: Effect.Effect<History>
  readonly updateHistory: (change: (history: History) => History) => Effect.Effect<void>
  readonly callState: <A>(state: Definition<A>) => Held<A>
  readonly say: (text: string, options?: PlainSayOptions) => Effect.Effect<Speech>
  readonly reply: (options?: Omit<PlainSayOptions, "clip">) => Effect.Effect<Speech>
  readonly send: (text: string) => Effect.Effect<boolean>
  readonly interrupt: (options?: { readonly force?: boolean | undefined }) => Effect.Effect<void, unknown>
  readonly listen: (on: boolean) => Effect.Effect<void>
  readonly commitTurn: () => Effect.Effect<void, unknown>
  readonly clearTurn: Effect.Effect<void>
  readonly update: (change: PlainUpdate) => Effect.Effect<void, unknown>
  readonly tools: Effect.Effect<Set<any>>
  readonly state: Effect.Effect<PlainState>
  readonly handoff: (agent: any) => Effect.Effect<void, unknown>
  readonly answeredBy: (options?: AnsweredByOptions) => Effect.Effect<AnsweredBy, unknown>
  readonly keys: (options?: KeysOptions) => Effect.Effect<string, unknown>
  readonly perform: (task: any) => Effect.Effect<any, unknown>
  readonly hangUp: (options?: { readonly say?: string | undefined }) => Effect.Effect<void>
  readonly transfer: (options: TransferOptions) => Effect.Effect<void, unknown>
  readonly close: (options?: { readonly drain?: boolean | undefined }) => Effect.Effect<void>
}

interface Speech {
  readonly id: string
  readonly heard: Effect.Effect<Heard, unknown>
  readonly interrupt: (options?: { readonly force?: boolean | undefined }) => Effect.Effect<void, unknown>
}

/** Gives what a plain function asks of the conversation. */
export const promised = <A>(context: Context.Context<never>, effect: Effect.Effect<A, unknown>): Promise<A> =>
  asking(context, (context) => Effect.runPromiseWith(context)(effect))

/**
 * A function whose result somebody waits for. In an effect the same has no parentheses, and `await speech.heard` would
 * wait for nothing, without a word: so it rejects.
 */
const called = <F extends (...args: ReadonlyArray<any>) => Promise<unknown>>(name: string, ask: F): F =>
  // oxlint-disable-next-line unicorn/no-thenable -- that it is awaited by accident is what it is there for
  Object.defineProperty(ask, "then", {
    value: (_: unknown, reject: (error: unknown) => void) =>
      reject(problem(name, `must be called: write await ${name}()`))
  })

const plain = (talking: Talking, context: Context.Context<never>): Plain => {
  const run = <A>(effect: Effect.Effect<A, unknown>): Promise<A> => promised(context, effect)
  const speech = (asked: Effect.Effect<Speech>): Promise<PlainSpeech> =>
    run(Effect.map(asked, ({ heard, id, interrupt }) => ({
      id,
      heard: called("speech.heard", () => run(heard)),
      interrupt: (options) => run(interrupt(options))
    })))
  return {
    id: talking.id,
    job: talking.job,
    get room() {
      return plainRoom(context, talking.ended, run, settled)
    },
    participant: called("session.participant", () => run(talking.participant)),
    say: (text, options) => speech(talking.say(text, options)),
    reply: (options) => speech(talking.reply(options)),
    send: (text) => run(talking.send(text)),
    interrupt: (options) => run(talking.interrupt(options)),
    listen: (on) => run(talking.listen(on)),
    commitTurn: () => run(talking.commitTurn()),
    clearTurn: called("session.clearTurn", () => run(talking.clearTurn)),
    update: (change) => run(talking.update(change)),
    tools: called("session.tools", () => run(talking.tools)),
    state: called("session.state", () => run(talking.state)),
    instructions: called("session.instructions", () => run(talking.instructions)),
    running: called("session.running", () => run(talking.running)),
    cancel: (id) => run(talking.cancel(id)),
    spent: called("session.spent", () => run(talking.spent)),
    history: called("session.history", () => run(talking.history)),
    updateHistory: (change) => run(talking.updateHistory(change)),
    callState: (state) => plainly(talking.callState(state)),
    handoff: (agent) => run(talking.handoff(agent)),
    answeredBy: (options) => run(talking.answeredBy(options)),
    keys: (options) => run(talking.keys(options)),
    perform: (task) => run(talking.perform(task)),
    hangUp: (options) => run(talking.hangUp(options)),
    transfer: (options) => run(talking.transfer(options)),
    close: (options) => run(talking.close(options))
  }
}

/** The conversation of whoever runs, where there is one. */
export const currentPlain: Effect.Effect<Plain | undefined> = Effect.contextWith((context: Context.Context<never>) => {
  // By its name: what a session is lies above this.
  const found = Context.getOption(context, Context.Service<Talking>("effect-voice/Session"))
  return Effect.succeed(found._tag === "None" ? undefined : plain(found.value, context))
})

/** Registers what is to be done later: a plain function at once, for who writes no Effect runs none. */
export const registering =
  (register: (todo: Effect.Effect<unknown, unknown>) => void) =>
  (todo: Effect.Effect<unknown, unknown> | (() => unknown)): Effect.Effect<void> => {
    if (Effect.isEffect(todo)) return Effect.sync(() => register(todo))
    if (typeof todo !== "function") {
      return Effect.die(new TypeError("onShutdown must be given an Effect or a function, which may be async"))
    }
    register(asEffect("onShutdown", todo))
    return Effect.void
  }

/** What is to be done, as it was written. */
export const asEffect = <R>(
  name: string,
  todo: Effect.Effect<unknown, unknown, R> | (() => unknown)
): Effect.Effect<unknown, unknown, R> => Effect.isEffect(todo) ? todo : settled<unknown, R>(name, todo as () => unknown)

/** What a function has given that would have to be run, and nobody runs. */
const unrun = (given: unknown): string | undefined => {
  if (typeof given === "function") return "must not give a function, which nobody calls: call it, or give what it gives"
  if (typeof given !== "object" || given === null) return undefined
  if (Effect.isEffect(given)) {
    return "must not give an Effect inside a promise, which nobody runs: leave out async, or await Effect.runPromise(…)"
  }
  return "next" in given && typeof given.next === "function" && Symbol.toStringTag in given &&
      String(given[Symbol.toStringTag]).endsWith("Generator")
    ? "must not give a generator, which nobody runs: write async () => …, or Effect.gen(function*() { … })"
    : undefined
}

/**
 * What a plain function gives, or an effect: one that throws or rejects has died of that. Virtual time waits for its
 * promise, by its name.
 */
export const settled = <A, R>(
  name: string,
  run: (signal: AbortSignal) => Effect.Effect<A, unknown, R> | PromiseLike<A> | A,
  /** What is wrong with what a plain function gives. */
  wrong: (given: unknown) => string | undefined = unrun
): Effect.Effect<A, unknown, R> =>
  Effect.contextWith((context: Context.Context<never>): Effect.Effect<A, unknown, R> => {
    const controller = new AbortController()
    const wait = begin(name, context)
    let awaited = false
    try {
      const given = within({ context, wait }, () => run(controller.signal))
      if (Effect.isEffect(given)) return given as Effect.Effect<A, unknown, R>
      awaited = true
      return Effect.promise(() => Promise.resolve(given as PromiseLike<A> | A)).pipe(
        Effect.tap((result) => {
          const why = wrong(result)
          return why === undefined
            ? Effect.void
            : Effect.die(problem(name, why))
        }),
        Effect.onInterrupt(() => Effect.sync(() => controller.abort())),
        Effect.ensuring(Effect.sync(() => wait?.end()))
      )
    } finally {
      if (!awaited) wait?.end()
    }
  })

/** The same of a hook whose result nobody needs: a text would not be heard. */
export const hooked = <A, R>(
  name: string,
  run: () => Effect.Effect<A, unknown, R> | PromiseLike<A> | A
): Effect.Effect<A, unknown, R> =>
  settled(
    name,
    run,
    (given) =>
      typeof given === "string" ? "must not give a text, which nobody says: write session.say(…)" : unrun(given)
  )
