/**
 * The tools of all sources, and those of servers, which are asked again.
 *
 * A `Server` owns its connection: it is opened when it is first asked, in a scope of its own within
 * that in which the agent was bound, and again when it was lost and nothing runs on it any more. If
 * a request for tools is interrupted, the tools from before stay. It ends with the agent's scope,
 * even if calls still run.
 */
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { Set as Tools } from "../../Tools.ts"
import { thrownIn } from "../foreign.ts"
import { effectOf, saysYes } from "../given.ts"
import * as Check from "../options.ts"
import { outside } from "../realWaits.ts"
import { monotonic } from "../steady.ts"
import * as entry from "./entry.ts"
import { isLost, kindOf } from "./mcp.ts"
import { type Discovered, type Discovery, discovery, type Source } from "./source.ts"

/** How soon a server that failed is asked again (ms). */
const pause = 10_000

/** Of one server: all of them stand in every prompt. */
const mostFound = 128

/** Characters of their names, descriptions and parameters, as JSON. */
const longestFound = 262_144

const lengthOf = (tool: Tool.Any): number => {
  try {
    return JSON.stringify([tool.name, Tool.getDescription(tool), Tool.getJsonSchema(tool)]).length
  } catch {
    // What cannot be written is told to no model.
    return 0
  }
}

/** As many as a model can be told of, in their order. */
const within = (tools: ReadonlyArray<Tool.Any>): ReadonlyArray<Tool.Any> => {
  let left = longestFound
  const taken: Array<Tool.Any> = []
  for (const tool of tools) {
    if (taken.length === mostFound) break
    const length = lengthOf(tool)
    if (length > left) continue
    left -= length
    taken.push(tool)
  }
  return taken
}

/** What was found at a server, in a set of tools. */
export interface Found<out R> {
  readonly server: Server
  /** What it offered when it was last asked, whatever the program has made of it since. */
  readonly names: ReadonlySet<string>
  readonly give: (found: entry.Entry<never>) => entry.Entry<R>
}

interface Resolved<out R> {
  readonly entries: ReadonlyArray<entry.Entry<R>>
  readonly found: ReadonlyArray<Found<R>>
}

interface Connection {
  readonly client: unknown
  readonly scope: Scope.Closeable
  calls: number
  lost: boolean
}

interface Server {
  /** Whether it is to be asked again. */
  readonly isDue: Effect.Effect<boolean>
  /** Its tools; `undefined` where it did not answer, which is logged. */
  readonly ask: Effect.Effect<ReadonlyArray<entry.Entry<never>> | undefined>
}

const makeServer = (
  { connect, needsApproval, refresh, timeout, toolkit }: Omit<typeof discovery.Type, "connect"> & {
    readonly connect: Effect.Effect<unknown, unknown, any>
  },
  context: Context.Context<never>,
  scope: Scope.Scope
): Server => {
  const asking = Semaphore.makeUnsafe(1)
  let connection: Connection | undefined
  let asked = Number.NEGATIVE_INFINITY
  let failed = false

  const close = (one: Connection): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (connection === one) connection = undefined
      return one.calls > 0 ? Effect.void : Effect.asVoid(Effect.forkIn(Scope.close(one.scope, Exit.void), scope))
    })

  const connected: Effect.Effect<unknown, unknown, Scope.Scope> = Effect.provideContext(
    outside("connect", connect, timeout),
    context
  )
  const open: Effect.Effect<Connection, unknown> = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const own = yield* Scope.fork(scope)
      const client = yield* restore(Scope.provide(connected, own)).pipe(
        Effect.onError((cause) => Effect.forkIn(Scope.close(own, Exit.failCause(cause)), scope))
      )
      return connection = { client, scope: own, calls: 0, lost: false }
    })
  )

  /** The handler, which counts the calls on its connection and sees when that is lost. */
  const watched = (one: Connection, found: entry.Entry<never>): entry.Entry<never> => ({
    ...found,
    taker: server,
    server,
    handler: found.handler && ((params, call) =>
      Effect.acquireUseRelease(
        Effect.sync(() => void one.calls++),
        () =>
          Effect.tapError(found.handler!(params, call), (error) =>
            Effect.sync(() => {
              if (isLost(error)) one.lost = true
            })),
        () => {
          one.calls--
          return one.lost && connection !== one ? close(one) : Effect.void
        }
      ))
  })

  const approved = (tool: Tool.Any): Tool.Any =>
    needsApproval !== undefined && saysYes("needsApproval", needsApproval(tool))
      ? (tool as Tool.Tool<string, any>).setNeedsApproval(true)
      : tool

  const find = Effect.gen(function*() {
    if (connection?.lost === true) yield* close(connection)
    const one = connection ?? (yield* open)
    const kit = yield* outside("toolkit", effectOf("toolkit", () => toolkit(one.client)), timeout).pipe(
      Effect.tapError(() => Effect.sync(() => void (one.lost = true)))
    )
    const all = Object.values<Tool.Any>(kit.tools)
    const tools = within(all)
    if (tools.length < all.length) {
      yield* Effect.logWarning("a server offers more tools than a model is told of: further ones are left out").pipe(
        Effect.annotateLogs({ offered: all.length, taken: tools.length })
      )
    }
    return tools.map((tool) => watched(one, entry.fromKit(kit, approved(tool))))
  })

  const ask = Effect.gen(function*() {
    const exit = yield* Effect.exit(Effect.timeoutOption(find, timeout))
    asked = yield* monotonic
    failed = Exit.isFailure(exit) || exit.value._tag === "None"
    if (Exit.isSuccess(exit) && exit.value._tag === "Some") return exit.value.value
    if (connection !== undefined) connection.lost = true
    const why = Exit.isSuccess(exit) ? "TimeoutError" : kindOf(thrownIn(exit.cause))
    yield* Effect.logWarning(`a server's tools cannot be asked for (${why}); those that were found before stay`).pipe(
      Effect.annotateLogs({ reason: why })
    )
    return undefined
  })
  const server: Server = {
    isDue: Effect.map(monotonic, (now) => {
      const soon = failed || connection?.lost === true
      return now - asked >= (soon ? Math.min(refresh, pause) : refresh)
    }),
    ask: asking.withPermits(1)(ask)
  }
  return server
}

/**
 * Tools of a server that come and go while a conversation goes on, such as those
 * of an MCP server.
 *
 * **Details**
 *
 * They are asked for when an agent begins. Between turns, and never in the way of
 * a reply, they are asked for again: when `refresh` is over, and when the
 * connection was lost, which is then opened anew (not within 10 seconds of the
 * last failure). A server that is slow, cannot be reached or sends nonsense is
 * logged, and what was found before stays; a call of it fails with words that
 * the model may read. What has a name that is taken by then is left out, and so
 * is what goes beyond 128 tools, or beyond 262,144 characters of their names,
 * descriptions and parameters together: all of it stands in every prompt. Throws
 * `Failure.InvalidOptions` where `refresh` or `timeout` cannot be.
 *
 * **Example** (An agent with the tools of an MCP server)
 *
 * ```ts
 * import { Agent, Tools } from "effect-voice"
 * import { McpClient } from "effect/ai"
 *
 * const docs = Tools.discovered({
 *   connect: McpClient.McpClient, // of a layer: `McpClient.layerHttp` or `layerStdio`
 *   toolkit: (client) => McpClient.toolkit(client, "docs__")
 * })
 *
 * const agent = Agent.make({ instructions: "You answer from the documentation.", tools: docs })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const discovered = <Client, R = never>(options: Discovery<Client, R>): Discovered<Exclude<R, Scope.Scope>> => {
  // What one function makes, the other takes.
  const made = options as Discovery<unknown, any>
  Check.readOrThrow(discovery, made)
  return { discover: made }
}

const named = (entries: ReadonlyArray<entry.Entry<unknown>>): ReadonlySet<string> =>
  new Set(entries.map(({ tool }) => tool.name))

const isMany = (sources: Source | ReadonlyArray<Source>): sources is ReadonlyArray<Source> => Array.isArray(sources)
const isSet = (source: Source): source is Tools<unknown> => "entries" in source
const isServer = (source: Source): source is Discovered<any> => "discover" in source
const isKit = (source: Toolkit.Any | Toolkit.WithHandler<any>): source is Toolkit.WithHandler<any> => "handle" in source

const one = <R, Needed>(source: Source): Effect.Effect<Resolved<R>, never, Needed> =>
  Effect.contextWith((context: Context.Context<Needed>) => {
    // `Tools.resolve` states in `R` and in `Needed` what each source requires.
    if (isSet(source)) {
      return Effect.succeed({ entries: [...source.entries.values()], found: source.found } as Resolved<R>)
    }
    if (!isServer(source)) {
      const tools = Object.values<Tool.Any>(source.tools)
      const entries = tools.map((tool) =>
        isKit(source) ? entry.fromKit<R>(source, tool) : entry.fromContext<R>(tool, context)
      )
      return Effect.succeed({ entries, found: [] })
    }
    const server = makeServer(
      { ...source.discover, ...Check.readOrThrow(discovery, source.discover) },
      context,
      Context.getUnsafe(context, Scope.Scope)
    )
    return Effect.map(server.ask, (entries = []) => ({
      entries,
      found: [{ server, names: named(entries), give: (found: entry.Entry<never>) => found }]
    }))
  })

/** What the sources hold, in order; the context has a handler for each tool that requires one. */
export const resolve = <R, Needed>(
  sources: Source | ReadonlyArray<Source>
): Effect.Effect<Resolved<R>, never, Needed> =>
  Effect.map(
    Effect.forEach(isMany(sources) ? sources : [sources], (source) => one<R, Needed>(source), {
      concurrency: "unbounded"
    }),
    (all) => ({ entries: all.flatMap(({ entries }) => entries), found: all.flatMap(({ found }) => found) })
  )

const byName = <R>(entries: Iterable<entry.Entry<R>>): ReadonlyMap<string, entry.Entry<R>> =>
  new Map([...entries].map((one) => [one.tool.name, one]))

export const join = <A, B>(self: Tools<A>, added: Resolved<B>): Tools<A | B> => ({
  entries: byName<A | B>([...self.entries.values(), ...added.entries]),
  found: [...self.found, ...added.found]
})

export const provide = <R>(self: Tools<R>, context: Context.Context<R>): Tools => ({
  entries: byName([...self.entries.values()].map((one) => entry.provide(one, context))),
  found: self.found.map(({ give, names, server }) => ({
    server,
    names,
    give: (found) => entry.provide(give(found), context)
  }))
})

const leftOut = (name: string): Effect.Effect<void> =>
  Effect.logWarning(`Tool ${name} of a server is left out: its name is taken`)

/** Without the tools of servers that others have the names of: the program's own, or those of a server before it. */
export const withoutTaken = <A, B>(self: Tools<A>, added: Resolved<B>): Effect.Effect<Resolved<B>> => {
  const isFound = (one: entry.Entry<B>): boolean => one.server !== undefined
  const names = new Set([...self.entries.keys(), ...named(added.entries.filter((one) => !isFound(one)))])
  const taken: Array<string> = []
  const entries = added.entries.filter((one) => {
    const { name } = one.tool
    if (!isFound(one) || !names.has(name)) {
      names.add(name)
      return true
    }
    taken.push(name)
    return false
  })
  return Effect.as(Effect.forEach(taken, leftOut, { discard: true }), { ...added, entries })
}

/** The set with what a server offers now in the place of what it offered; the order of the rest stays. */
const exchanged = <R>(
  self: Tools<R>,
  before: Found<R>,
  now: ReadonlyArray<entry.Entry<never>>
): Effect.Effect<Tools<R>> => {
  const offered = byName(now.map(before.give))
  const entries = new Map(
    [...self.entries].flatMap(([name, old]): ReadonlyArray<readonly [string, entry.Entry<R>]> => {
      if (old.server !== before.server) return [[name, old]]
      const found = offered.get(name)
      return found === undefined ? [] : [[name, found]]
    })
  )
  // What it offered and is here no more was taken out, or replaced, by the program.
  const more = [...offered].filter(([name]) => !before.names.has(name))
  const taken = more.filter(([name]) => entries.has(name))
  for (const [name, found] of more) if (!entries.has(name)) entries.set(name, found)
  const found = self.found.map((one) => one === before ? { ...before, names: named(now) } : one)
  return Effect.as(Effect.forEach(taken, ([name]) => leftOut(name), { discard: true }), { entries, found })
}

/** Asks the servers again that are due, or all; `undefined` where there was nothing new to ask. */
export const again = <R>(self: Tools<R>, all: boolean): Effect.Effect<Tools<R> | undefined> =>
  Effect.gen(function*() {
    const due = yield* Effect.filter(self.found, ({ server }) => all ? Effect.succeed(true) : server.isDue)
    const answers = yield* Effect.forEach(due, (one) => Effect.map(one.server.ask, (now) => ({ one, now })), {
      concurrency: "unbounded"
    })
    let changed: Tools<R> | undefined
    for (const { now, one } of answers) {
      const found = changed ?? self
      if (now !== undefined) changed = yield* exchanged(found, one, now)
    }
    return changed
  })
