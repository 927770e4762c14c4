/**
 * Takes the changes of a program while it runs: new calls get the new code; calls in progress keep
 * their code and their layers to their end. A change that cannot be taken is reported, and changes
 * nothing.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import { type FSWatcher, statSync, watch as watchFolder } from "node:fs"
import { basename, dirname, join } from "node:path"
import { Findings } from "../internal/config/variable.ts"
import { logFailure } from "../internal/worker/failureLog.ts"
import type { Entry, Prewarm } from "../internal/worker/prewarm.ts"
import type { Definition } from "../Worker.ts"
import { load, type Loaded, type ModuleError } from "./loadModule.ts"
import { type Modules, watchModules } from "./modules.ts"
import { ready } from "./singleConversation.ts"
import { wordsOf } from "./userError.ts"

/** One version of the program, with the calls that have it. */
interface Version {
  readonly entry: Entry
  readonly scope: Scope.Closeable
  calls: number
  isOld: boolean
}

const openVersion = (definition: Definition<unknown>): Effect.Effect<Version, unknown> =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const entry = yield* ready(definition).pipe(
      Scope.provide(scope),
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
    )
    return { entry, scope, calls: 0, isOld: false }
  })

interface Watched {
  readonly watcher: FSWatcher
  /** The folder itself: another may take its name. */
  readonly inode: number
}

/** Names of files that have changed, for as long as the scope is open. */
const changes = Effect.fnUntraced(function*(modules: Modules) {
  const queue = yield* Queue.unbounded<string>()
  const folders = new Map<string, Watched>()
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const { watcher } of folders.values()) watcher.close()
    })
  )
  const change = (file: string): void => {
    if (modules.files.has(file)) Queue.offerUnsafe(queue, basename(file))
  }
  const watch = (folder: string, inode: number): void => {
    try {
      const watcher = watchFolder(folder, (_, name) => name === null ? undefined : change(join(folder, name)))
      // A folder that is removed has no more changes.
      watcher.on("error", () => watcher.close())
      folders.set(folder, { watcher, inode })
    } catch {
      // It was removed in this moment: the next look finds it, or another.
    }
  }
  // Editors put another file in the place of the old one, which folders notice; git does so with folders.
  const look = Effect.sync(() => {
    for (const folder of new Set(Array.from(modules.files, (file) => dirname(file)))) {
      const inode = statSync(folder, { throwIfNoEntry: false })?.ino
      const known = folders.get(folder)
      if (inode === undefined || inode === known?.inode) continue
      known?.watcher.close()
      watch(folder, inode)
      if (known !== undefined) { for (const file of modules.files) if (dirname(file) === folder) change(file) }
    }
  })
  return { queue, look }
})

/** How often folders are looked for that have taken the place of others. */
const lookInterval = "1 second"

/** Told in its words, or with its place where its author's code has thrown it. */
const refused = (message: string, cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  const words = wordsOf(Cause.squash(cause))
  return words === undefined ? logFailure(message, cause) : Effect.logError(`${message}: ${words}`)
}

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
    let current = keep(yield* openVersion(loaded.definition))
    const { look, queue } = yield* changes(modules)
    yield* look

    const reload = Effect.gen(function*() {
      modules.renew()
      const { definition } = yield* load(file)
      const next = keep(yield* openVersion(definition))
      // Who comes in between must not leave it open.
      yield* Effect.uninterruptible(Effect.suspend(() => {
        const old = current
        current = next
        old.isOld = true
        return drop(old)
      }))
      if (options(definition) !== options(loaded.definition)) {
        yield* Effect.logWarning("options of Worker.define are taken when the command is started again")
      }
    })

    /** Takes what has changed; what changes meanwhile is taken instead. */
    const round = (earlier: ReadonlyArray<string>): Effect.Effect<void> =>
      Effect.gen(function*() {
        const first = yield* Queue.take(queue)
        yield* Effect.sleep(settle)
        const names = [...new Set([...earlier, first, ...(yield* Queue.clear(queue))])]
        const taking = reload.pipe(
          Effect.andThen(Effect.logInfo(`${names.join(", ")}: changed; new calls have it`)),
          Effect.catchCause((cause) =>
            refused(`${names.join(", ")}: the change is not taken, calls go on as before`, cause)
          ),
          Effect.andThen(look),
          Effect.as(undefined)
        )
        const newer = yield* Effect.raceFirst(taking, Queue.take(queue))
        if (newer === undefined) return
        Queue.offerUnsafe(queue, newer)
        yield* round(names)
      })
    yield* Effect.forkScoped(Effect.forever(Effect.suspend(() => round([]))))
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(lookInterval), look)))

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
