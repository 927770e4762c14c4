/** Where tools come from: what a program writes, in types. */
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Set } from "../../Tools.ts"
import * as Check from "../options.ts"

/**
 * What tools are taken from.
 *
 * **Details**
 *
 * A toolkit of `effect/ai`, whose handlers are among the services; one that has
 * its handlers, such as `McpClient.toolkit` gives; a `Set`, such as `functions`
 * gives; a server whose tools are found while a conversation goes on
 * (`discovered`).
 *
 * @category models
 * @since 0.1.0
 */
export type Source = Toolkit.Any | Toolkit.WithHandler<any> | Set<unknown> | Discovered<any>

/**
 * Tools of a server, which are asked for when an agent begins, and again between
 * turns. Connecting needs `R`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Discovered<out R = never> {
  readonly discover: Discovery<unknown, R>
}

/**
 * A server of tools, and how often it is asked.
 *
 * @category options
 * @since 0.1.0
 */
export interface Discovery<Client, out R = never> {
  /** Connects, in a scope that lasts as long as the connection; again when that was lost. */
  readonly connect: Effect.Effect<Client, unknown, R>
  /** Asks for the tools, which have their handlers. */
  readonly toolkit: (client: Client) => Effect.Effect<Toolkit.WithHandler<any>, unknown>
  /**
   * Which of the tools run only if `onApproval` of the agent allows it, by their names as the model
   * has them, or by their annotations. @default none, but those that say so themselves
   */
  readonly needsApproval?: ((tool: Tool.Any) => boolean) | undefined
  /** Age of what was found after which it is asked for again, between turns. @default "5 minutes" */
  readonly refresh?: Duration.Input | undefined
  /** Longest time to connect and to ask, during which an agent does not begin. @default "5 seconds" */
  readonly timeout?: Duration.Input | undefined
}

export const discovery = Check.struct<Discovery<unknown, unknown>>()({
  connect: Check.required(Check.effect),
  toolkit: Check.required(Check.callback),
  needsApproval: Check.callback,
  refresh: Check.duration({ default: "5 minutes", least: 1 }),
  timeout: Check.duration({ default: "5 seconds", least: 1 })
})

/**
 * The tools of a source, or of several.
 *
 * @category utility types
 * @since 0.1.0
 */
export type ToolOf<T> = T extends ReadonlyArray<infer Kit> ? ToolOf<Kit>
  : T extends Toolkit.Toolkit<infer Tools> ? Tools[keyof Tools]
  : T extends Toolkit.WithHandler<infer Tools> ? Tools[keyof Tools]
  : never

/**
 * What resolving a source, or several, requires: the handlers of toolkits that
 * have none, and what connecting needs.
 *
 * @category utility types
 * @since 0.1.0
 */
export type HandlersOf<T> = T extends ReadonlyArray<infer Kit> ? HandlersOf<Kit>
  : T extends Toolkit.Toolkit<infer Tools> ?
    Named<{ readonly [Name in keyof Tools]: HandlerOf<Tools[Name]> }[keyof Tools]>
  : T extends Discovered<infer R> ? R | Scope.Scope
  : never

/**
 * What the handlers and the schemas of a source, or of several, need at each
 * call.
 *
 * @category utility types
 * @since 0.1.0
 */
export type ServicesOf<T> = Named<Exclude<Tool.HandlerServices<ToolOf<T>>, undefined> | NeededBy<T>>

type NeededBy<T> = T extends ReadonlyArray<infer Kit> ? NeededBy<Kit> : T extends Set<infer R> ? R : never

type HandlerOf<T extends Tool.Any> = Tool.RequiresHandler<T> extends true ? Tool.Handler<T["name"]> : never

// What is inferred is shown by the names of its members, and not by that of a type with the tools' schemas in it.
type Named<T> = [T] extends [infer Members] ? Members : never
