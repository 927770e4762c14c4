/** The files of a program, and how they are imported again: each time under another address. */
import { registerHooks } from "node:module"
import { fileURLToPath, pathToFileURL } from "node:url"

export interface Modules {
  /** Files that were imported so far, without those of packages. */
  readonly files: ReadonlySet<string>
  /** From now on all of them are imported anew. */
  readonly renew: () => void
}

// This package's own, also where it is no package.
const ours = new URL("../", import.meta.url).href

const isOfProgram = (url: string): boolean =>
  url.startsWith("file:") && !url.includes("/node_modules/") && !url.startsWith(ours)

/** For the rest of the process. */
export const watchModules = (): Modules => {
  const files = new Set<string>()
  let version = 0
  registerHooks({
    resolve: (specifier, context, next) => {
      const found = next(specifier, context)
      // What is required is known by its path alone.
      if (!isOfProgram(found.url) || !context.conditions.includes("import")) return found
      const file = fileURLToPath(found.url)
      files.add(file)
      return version === 0 ? found : { ...found, url: `${pathToFileURL(file).href}?version=${version}` }
    }
  })
  return { files, renew: () => void version++ }
}
