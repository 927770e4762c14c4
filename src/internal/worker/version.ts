/** Version of this package, as servers and operators are told. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { packageFile } from "../packageFiles.ts"

const Package = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

const read = (): string => {
  try {
    const text = readFileSync(packageFile("package.json"), "utf8")
    return Option.match(Schema.decodeOption(Package)(text), {
      onNone: () => "unknown",
      onSome: ({ version }) => version
    })
  } catch {
    return "unknown"
  }
}

export const version: string = read()
