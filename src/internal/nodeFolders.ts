/** Makes folders by Node itself, where no `FileSystem` is at hand. */
import * as Effect from "effect/Effect"
import * as fs from "node:fs/promises"
import { makeWith } from "./folders.ts"
import { codeOf } from "./thrown.ts"

/** Why Node made no folder. */
interface NotMade {
  readonly cause: unknown
}

/** Makes a folder, with those above it; `mode` is that of each folder that is made. */
export const makeFolder = (folder: string, mode?: number): Effect.Effect<void, NotMade> =>
  makeWith<NotMade>({
    make: (one) => Effect.tryPromise({ try: () => fs.mkdir(one, { mode }), catch: (cause): NotMade => ({ cause }) }),
    isThere: (one) => Effect.promise(() => fs.stat(one).then((stat) => stat.isDirectory(), () => false)),
    hasNoParent: (error) => codeOf(error) === "ENOENT",
    exists: (error) => codeOf(error) === "EEXIST"
  }, folder)
