/** What the package says of itself. */
import * as Schema from "effect/Schema"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { packageFile } from "../internal/packageFiles.ts"
import { ownSource } from "./ownSource.ts"

export interface PackageFacts {
  readonly version: string
  /** What stands in the dependencies of a project for this package. */
  readonly source: string
  /** Range of Node. */
  readonly node: string
  /** Of the packages that it is used and tested with. */
  readonly ranges: Readonly<Record<string, string>>
}

const Ranges = Schema.Record(Schema.String, Schema.String)
const Manifest = Schema.Struct({
  version: Schema.String,
  engines: Schema.Struct({ node: Schema.String }),
  devDependencies: Ranges,
  peerDependencies: Ranges
})

const { devDependencies, engines, peerDependencies, version } = Schema.decodeUnknownSync(Manifest)(
  createRequire(import.meta.url)(fileURLToPath(packageFile("package.json")))
)

export const packageFacts: PackageFacts = {
  version,
  source: ownSource(fileURLToPath(packageFile("")), version),
  node: engines.node,
  // What a program is compiled and tested with is newer than what it can do with.
  ranges: { ...peerDependencies, ...devDependencies }
}
