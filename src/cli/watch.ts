/**
 * Takes the changes of a program while it runs: new calls get the new code; calls in progress keep
 * their code and their layers to their end. A change that cannot be taken is reported, and changes
 * nothing.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import { type FSWatcher, watch as watchFolder } from "node:fs"
import { basename, dirname, join } from "node:path"
import { noting } from "../internal/config/findings.ts"
import { Findings } from "../internal/config/variable.ts"
import type { Entry, Prewarm } from "../internal/worker/prewarm.ts"
import type { Definition } from "../Worker.ts"
import { load, type Loaded, type ModuleError } from "./loadModule.ts"
import { type Modules, watchModules } from "./modules.ts"
import { messageOf } from "./userError.ts"

/** One version of the program, with the calls that have it. */
interface Version {
  readonly entry: Entry
  readonly scope: Scope.Closeable
  calls: number
  isOld: boolean
}

const openVersion = (open: Prewarm<unknown>): Effect.Effect<Version, unknown> =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const entry = yield* noting(open, (all) => all).pipe(
      Scope.provide(scope),
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
    )
    return { entry, scope, calls: 0, isOld: false }
  })

/** Names of files that have changed, for as long as the scope is open. */
const changes = Effect.fnUntraced(function*(modules: Modules) {
  const queue = yield* Queue.unbounded<string>()
  const watchers = new Map<string, FSWatcher>()
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const watcher of watchers.values()) watcher.close()
    })
  )
  // Editors put another file in the place of the old one: folders notice that.
  const look = Effect.sync(() => {
    for (const folder of new Set(Array.from(modules.files, (file) => dirname(file)))) {
      if (watchers.has(folder)) continue
      const watcher = watchFolder(folder, (_, name) => {
        if (name !== null && modules.files.has(join(folder, name))) Queue.offerUnsafe(queue, name)
      })
      // A folder that is removed has no more changes.
      watcher.on("error", () => watcher.close())
      watchers.set(folder, watcher)
    }
  })
  return { queue, look }
})

/** How long files are left to settle: an editor saves several, and some in two steps. */
const settle = "100 millis"

const options = ({ agentName, autoSubscribe, options: { connect: _, ...rest }, type }: Definition<unknown>): string =>
  JSON.stringify([agentName, autoSubscribe, type, rest])

const reopening = (loaded: Loaded, file: string, modules: Modules): Prewarm<unknown> =>
  Effect.gen(function*() {
    if ((yield* Findings)?.only === true) return yield* loaded.definition.open
    const versions = new Set<Version>()
    const keep = (version: Version): Version => {
      versions.add(version)
      return version
    }
    const drop = (version: Version): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (!version.isOld || version.calls > 0 || !versions.delete(version)) return Effect.void
        return Scope.close(version.scope, Exit.void)
      })
    yield* Effect.addFinalizer((exit) => Effect.forEach(versions, ({ scope }) => Scope.close(scope, exit)))
    let current = keep(yield* openVersion(loaded.definition.open))
    const { look, queue } = yield* changes(modules)
    yield* look

    const reload = Effect.gen(function*() {
      modules.renew()
      const { definition } = yield* load(file)
      const next = keep(yield* openVersion(definition.open))
      const old = current
      current = next
      old.isOld = true
      yield* drop(old)
      if (options(definition) !== options(loaded.definition)) {
        yield* Effect.logWarning("options of Worker.define are taken when the command is started again")
      }
    })

    const round = Effect.gen(function*() {
      const first = yield* Queue.take(queue)
      yield* Effect.sleep(settle)
      const others = yield* Queue.clear(queue)
      const names = [...new Set([first, ...others])].map((name) => basename(name)).join(", ")
      yield* reload.pipe(
        Effect.andThen(Effect.logInfo(`${names}: changed; new calls have it`)),
        Effect.catch((error) =>
          Effect.logError(`${names}: the change is not taken, calls go on as before: ${messageOf(error)}`)
        ),
        Effect.andThen(look)
      )
    })
    yield* Effect.forkScoped(Effect.forever(round))

    return (job, room) =>
      Effect.suspend(() => {
        const version = current
        version.calls++
        return Effect.ensuring(
          version.entry(job, room),
          Effect.suspend(() => {
            version.calls--
            return drop(version)
          })
        )
      })
  })

/** Imports a file, and whatever is changed of it from now on while its layer is in use. */
export const loadWatched = (file: string): Effect.Effect<Loaded, ModuleError> =>
  Effect.gen(function*() {
    const modules = watchModules()
    const loaded = yield* load(file)
    const open = reopening(loaded, file, modules)
    return { ...loaded, definition: { ...loaded.definition, open } }
  })
