/**
 * The conversation for those who write no Effect: a `Session` whose verbs give
 * promises. They run with what whoever was given it runs with (time, logs, on
 * whose behalf), and on their own: nobody who is interrupted ends them.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Frame } from "../Audio.ts"
import type { History } from "../History.ts"
import { type Definition, type Held, type PlainHeld, plainly } from "./callState.ts"
import type { Participant } from "./room/event.ts"

/**
 * What became of a speech, and who waits for it.
 *
 * @category plain functions
 * @since 0.1.0
 */
export interface PlainSpeech {
  readonly id: string
  /** Waits for its end; rejects in the tool that the speech itself waits for. */
  readonly heard: () => Promise<
    { readonly text: string; readonly outcome: "completed" | "interrupted" | "failed" | "discarded" }
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
  /** Not said at all where it is not audible so soon. @default "Infinity" */
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

/**
 * The conversation in progress, as plain functions see it: `Session` with
 * promises. What it is asked for fails by rejecting.
 *
 * @category plain functions
 * @since 0.1.0
 */
export interface Plain {
  readonly id: string
  readonly job: Readonly<Record<string, string>>
  /** Whom it talks with, with number, attributes and metadata as the room has them; `undefined` before anyone is there. */
  readonly participant: () => Promise<Participant | undefined>
  readonly say: (text: string, options?: PlainSayOptions) => Promise<PlainSpeech>
  readonly reply: (
    options?: Omit<PlainSayOptions, "clip"> & { readonly instructions?: string | undefined }
  ) => Promise<PlainSpeech>
  readonly send: (text: string) => Promise<boolean>
  readonly interrupt: (options?: { readonly force?: boolean | undefined }) => Promise<void>
  readonly history: () => Promise<History>
  /** A `CallState` of this call: read and set at once, and what is refused throws. */
  readonly callState: <A>(state: Definition<A>) => PlainHeld<A>
  /** Gives the conversation to another agent, which needs nothing more (`Agent.provide`). */
  readonly handoff: (
    agent: { readonly name: string; readonly bound: Effect.Effect<unknown, unknown, any> }
  ) => Promise<void>
  readonly hangUp: (options?: { readonly say?: string | undefined }) => Promise<void>
  readonly close: (options?: { readonly drain?: boolean | undefined }) => Promise<void>
}

interface Heard {
  readonly text: string
  readonly outcome: "completed" | "interrupted" | "failed" | "discarded"
}

/** What a session has of these, as effects. */
interface Talking {
  readonly id: string
  readonly job: Readonly<Record<string, string>>
  readonly participant: Effect.Effect<Participant | undefined>
  readonly history: Effect.Effect<History>
  readonly callState: <A>(state: Definition<A>) => Held<A>
  readonly say: (text: string, options?: PlainSayOptions) => Effect.Effect<Speech>
  readonly reply: (options?: Omit<PlainSayOptions, "clip">) => Effect.Effect<Speech>
  readonly send: (text: string) => Effect.Effect<boolean>
  readonly interrupt: (options?: { readonly force?: boolean | undefined }) => Effect.Effect<void, unknown>
  readonly handoff: (agent: any) => Effect.Effect<void, unknown>
  readonly hangUp: (options?: { readonly say?: string | undefined }) => Effect.Effect<void>
  readonly close: (options?: { readonly drain?: boolean | undefined }) => Effect.Effect<void>
}

interface Speech {
  readonly id: string
  readonly heard: Effect.Effect<Heard, unknown>
  readonly interrupt: (options?: { readonly force?: boolean | undefined }) => Effect.Effect<void, unknown>
}

const plain = (talking: Talking, context: Context.Context<never>): Plain => {
  const run = <A>(effect: Effect.Effect<A, unknown>): Promise<A> => Effect.runPromiseWith(context)(effect)
  const speech = (asked: Effect.Effect<Speech>): Promise<PlainSpeech> =>
    run(Effect.map(asked, ({ heard, id, interrupt }) => ({
      id,
      heard: () => run(heard),
      interrupt: (options) => run(interrupt(options))
    })))
  return {
    id: talking.id,
    job: talking.job,
    participant: () => run(talking.participant),
    say: (text, options) => speech(talking.say(text, options)),
    reply: (options) => speech(talking.reply(options)),
    send: (text) => run(talking.send(text)),
    interrupt: (options) => run(talking.interrupt(options)),
    history: () => run(talking.history),
    callState: (state) => plainly(talking.callState(state)),
    handoff: (agent) => run(talking.handoff(agent)),
    hangUp: (options) => run(talking.hangUp(options)),
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
    register(asEffect(todo))
    return Effect.void
  }

/** What is to be done, as it was written. */
export const asEffect = <R>(
  todo: Effect.Effect<unknown, unknown, R> | (() => unknown)
): Effect.Effect<unknown, unknown, R> => Effect.isEffect(todo) ? todo : settled<unknown, R>(todo as () => unknown)

/** What a plain function gives, or an effect: one that throws or rejects has died of that. */
export const settled = <A, R>(
  run: (signal: AbortSignal) => Effect.Effect<A, unknown, R> | PromiseLike<A> | A
): Effect.Effect<A, unknown, R> =>
  Effect.suspend((): Effect.Effect<A, unknown, R> => {
    const controller = new AbortController()
    const given = run(controller.signal)
    return Effect.isEffect(given)
      ? given as Effect.Effect<A, unknown, R>
      : Effect.onInterrupt(
        Effect.promise(() => Promise.resolve(given as PromiseLike<A> | A)),
        () => Effect.sync(() => controller.abort())
      )
  })
