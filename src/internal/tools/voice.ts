/** How a tool behaves in a conversation: its `Tools.voice` annotation, checked and with every default filled in. */
import * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type { InvalidOptions } from "../../Failure.ts"
import type { Call, Set as Tools } from "../../Tools.ts"
import * as Check from "../options.ts"

/**
 * What becomes of a second call of a tool, of a later step of the model, while one runs or within 60 s of its end.
 *
 * **Details**
 *
 * - `confirm`: if it has the key of the first, nothing is started; its output says so, and that a call with the same
 *   parameters and `"confirm": true` runs, for which the model is shown a parameter. A confirmation that nobody has
 *   asked for is none. Others run. A call that failed by its own account, or was cancelled, is not counted.
 * - `allow`: both run.
 * - `reject`: the second fails at once while the first runs.
 * - `replace`: the first is cancelled; the second starts when it has ended.
 *
 * @category models
 * @since 0.1.0
 */
export type Duplicates<Params = unknown> =
  | {
    /**
     * A tool that says nothing of itself may do harm, as effect/ai has it, too: `Tool.Destructive` has no other rule.
     *
     * @default "confirm"; for tools that are `Tool.Readonly` or `Tool.Idempotent` "allow"
     */
    readonly duplicate?: "confirm" | undefined
    /** What two calls for the same have in common. @default their parameters, as the tool gets them */
    readonly idempotencyKey?: ((params: Params) => unknown) | undefined
  }
  | { readonly duplicate: "allow" | "reject" | "replace"; readonly idempotencyKey?: undefined }

/**
 * What results that a handler gives before its last one are for (`preliminary`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Progress<in Success = unknown> {
  /** What is said to the caller of it, when it is nobody's turn. @default nothing */
  readonly caller?: ((result: Success) => string | undefined) | undefined
  /** Shows the model the newest, beside the call. @default false */
  readonly model?: boolean | undefined
}

/**
 * How a tool behaves in a conversation.
 *
 * **Details**
 *
 * - `result`: what comes of a call is told (`reply`): in the reply that waits for it, else in one of its own when it is
 *   nobody's turn. `context` is known to the model and makes nobody speak up; after `silent` nothing is said at all. A
 *   failure is told in any case.
 * - `filler`: said when the reply has waited so long.
 * - `onInterruption`: `cancel` ends the call when the caller interrupts the reply that waits for it, and with the
 *   session; `finish` lets it run, and gives it the pipeline's `closeTimeout` at the end.
 * - `background`: the reply does not wait. The pipeline's `toolTimeout` does not hold, but a `limit` of its own
 *   (default 10 minutes); it ends with the session.
 *
 * Pairs that make no sense have no type: nothing waits for what is in the background, so that it has neither a filler nor
 * an interruption; after `silent` there is nothing to fill.
 *
 * @category options
 * @since 0.1.0
 */
export type VoiceOptions<Params = unknown, Success = unknown> =
  & Duplicates<Params>
  & (
    | {
      readonly background?: false | undefined
      /** @default "reply" */
      readonly result?: "reply" | "context" | undefined
      /** @default none */
      readonly filler?: {
        readonly say: string | ((params: Params) => string)
        /** @default "2 seconds" */
        readonly after?: Duration.Input | undefined
      } | undefined
      /** @default "finish" */
      readonly onInterruption?: "finish" | "cancel" | undefined
      readonly progress?: Progress<Success> | undefined
    }
    | {
      readonly background?: false | undefined
      readonly result: "silent"
      readonly filler?: undefined
      readonly onInterruption?: "finish" | "cancel" | undefined
      readonly progress?: undefined
    }
    | {
      /** @default false */
      readonly background: true | { readonly limit?: Duration.Input | undefined }
      readonly result?: "reply" | "context" | undefined
      readonly filler?: undefined
      readonly onInterruption?: "finish" | undefined
      readonly progress?: Progress<Success> | undefined
    }
    | {
      readonly background: true | { readonly limit?: Duration.Input | undefined }
      readonly result: "silent"
      readonly filler?: undefined
      readonly onInterruption?: "finish" | undefined
      readonly progress?: undefined
    }
  )

interface Filler {
  readonly say: string | ((params: any) => string)
  /** @default "2 seconds" */
  readonly after?: Duration.Input | undefined
}

interface Background {
  /** @default "10 minutes" */
  readonly limit?: Duration.Input | undefined
}

interface Told {
  readonly caller?: ((result: any) => string | undefined) | undefined
  /** @default false */
  readonly model?: boolean | undefined
}

/** The annotation with its types forgotten: what a program writes is typed by what it declares. */
export interface Given {
  /** @default "reply" */
  readonly result?: "reply" | "context" | "silent" | undefined
  readonly filler?: Filler | undefined
  readonly duplicate?: "confirm" | "allow" | "reject" | "replace" | undefined
  readonly idempotencyKey?: ((params: any) => unknown) | undefined
  /** @default "finish" */
  readonly onInterruption?: "finish" | "cancel" | undefined
  /** @default false */
  readonly background?: boolean | Background | undefined
  readonly progress?: Told | undefined
}

const said = Check.required(
  Check.such<Filler["say"]>(
    (given) => typeof given === "function" || typeof given === "string" && given.trim() !== "",
    "be a text that is not empty, or a function that gives one"
  )
)

const schema = Check.struct<Given>()({
  result: Check.oneOf(["reply", "context", "silent"], { default: "reply" }),
  filler: Check.maybe(
    Check.struct<Filler>()({ say: said, after: Check.duration({ default: "2 seconds" }) })
  ),
  duplicate: Check.oneOf(["confirm", "allow", "reject", "replace"]),
  idempotencyKey: Check.callback,
  onInterruption: Check.oneOf(["finish", "cancel"], { default: "finish" }),
  background: Check.orFlag(
    Check.struct<Background>()({
      limit: Check.duration({ default: "10 minutes" })
    }),
    { default: false }
  ),
  progress: Check.section(
    Check.struct<Told>()({ caller: Check.callback, model: Check.flag({ default: false }) })
  )
})

// What the types refuse is refused of programs without types, too.
const voicing = Check.together(schema, ({ background, duplicate, filler, idempotencyKey, onInterruption, result }) => ({
  filler: filler === undefined
    ? undefined
    : background !== false
    ? "makes no sense with background: the reply does not wait"
    : result === "silent"
    ? "makes no sense with a silent result: nothing follows it"
    : undefined,
  onInterruption: background !== false && onInterruption === "cancel"
    ? "must be finish with background: no reply waits that could be interrupted"
    : undefined,
  idempotencyKey: idempotencyKey !== undefined && duplicate !== undefined && duplicate !== "confirm"
    ? "is for duplicate confirm alone: nothing else looks at it"
    : undefined
}))

export type Voice = typeof voicing.Type

export const read = (given: Given, error: (invalid: InvalidOptions) => Error, where?: string): Voice =>
  Check.readOrThrow(voicing, given, error, where)

const plain: Voice = Check.readOrThrow(voicing, {})

export const Annotation = Context.Reference<Voice>("effect-voice/Tools/Voice", { defaultValue: () => plain })

/** How a tool behaves; one that is unknown, like one that says nothing. */
export const voiceOf = (set: Tools<unknown>, name: string): Voice =>
  Context.get(set.entries.get(name)?.tool.annotations ?? Context.empty(), Annotation)

/** What becomes of a second call: what may be done twice needs no care. */
export const duplicateOf = (tool: Tool.Any | undefined): NonNullable<Voice["duplicate"]> => {
  const annotations = tool?.annotations ?? Context.empty()
  const harmless = Context.get(annotations, Tool.Readonly) || Context.get(annotations, Tool.Idempotent)
  return Context.get(annotations, Annotation).duplicate ?? (harmless ? "allow" : "confirm")
}

/** How long a call may take (ms), where its tool has a limit of its own. */
export const limitOf = (set: Tools<unknown>, call: Call): number | undefined => {
  const { background } = voiceOf(set, call.name)
  return background === false ? undefined : background.limit
}
