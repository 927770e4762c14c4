/**
 * Makes folders, each with those above it, one after the other. Node's own way
 * of making all at once tries for ever where a file system has no place for one,
 * such as `/proc`.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import * as path from "node:path"

/** How one folder is made, and what it means that it cannot be. */
interface Maker<E> {
  readonly make: (folder: string) => Effect.Effect<void, E>
  readonly isThere: (folder: string) => Effect.Effect<boolean>
  readonly hasNoParent: (error: E) => boolean
  readonly exists: (error: E) => boolean
}

/** Makes a folder by what is given. */
export const makeWith = <E>(maker: Maker<E>, folder: string): Effect.Effect<void, E> =>
  Effect.catch(maker.make(folder), (error) =>
    Effect.flatMap(maker.isThere(folder), (there) => {
      const above = path.dirname(folder)
      if (there) return Effect.void
      if (!maker.hasNoParent(error) || above === folder) return Effect.fail(error)
      return Effect.andThen(
        makeWith(maker, above),
        // Another process may be faster.
        Effect.catchIf(maker.make(folder), maker.exists, () => Effect.void)
      )
    }))

/** Makes a folder by a `FileSystem`; `mode` is that of each folder that is made. */
export const makeFolderIn = (
  files: FileSystem.FileSystem,
  folder: string,
  mode?: number
): Effect.Effect<void, PlatformError.PlatformError> =>
  makeWith({
    make: (one) => files.makeDirectory(one, mode === undefined ? {} : { mode }),
    isThere: (one) =>
      Effect.match(files.stat(one), { onSuccess: ({ type }) => type === "Directory", onFailure: () => false }),
    hasNoParent: ({ reason }) => reason._tag === "NotFound",
    exists: ({ reason }) => reason._tag === "AlreadyExists"
  }, folder)
