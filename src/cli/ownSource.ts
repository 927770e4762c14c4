/** Where this package was installed from, as a project made by it has to name it: a registry's version, or the folder or file it came from. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { dirname, join, resolve, sep } from "node:path"

const Wanted = Schema.Struct({
  dependencies: Schema.optional(Schema.Record(Schema.String, Schema.String)),
  devDependencies: Schema.optional(Schema.Record(Schema.String, Schema.String))
})

const read = (file: string): typeof Wanted.Type => {
  try {
    return Option.getOrElse(
      Schema.decodeUnknownOption(Schema.fromJsonString(Wanted))(readFileSync(file, "utf8")),
      () => ({})
    )
  } catch {
    return {}
  }
}

/** What stands in `dependencies` for the package in `root`, whose version is this. */
export const ownSource = (root: string, version: string): string => {
  const folder = resolve(root)
  const at = folder.lastIndexOf(`${sep}node_modules${sep}`)
  // A clone: there is nothing else to install.
  if (at < 0) return `file:${folder}`
  const project = folder.slice(0, at)
  const { dependencies, devDependencies } = read(join(project, "package.json"))
  const asked = dependencies?.["effect-voice"] ?? devDependencies?.["effect-voice"] ?? ""
  if (asked.startsWith("file:")) {
    return `file:${resolve(dirname(join(project, "package.json")), asked.slice("file:".length))}`
  }
  return /^(https?:|git[+:]|github:)/.test(asked) ? asked : `^${version}`
}
