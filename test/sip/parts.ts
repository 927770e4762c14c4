/** What a telephone call by SIP needs on this machine: README.md says how to have it. */
import { it } from "@effect/vitest"
import { Config, Effect, Option, type Scope } from "effect"
import { spawnSync } from "node:child_process"
import { livekit } from "../livekit/support/people.ts"
import { installed } from "../support/programs.ts"

/** The Python that has the packages of the gateway. */
export const python = Option.getOrElse(
  Effect.runSync(Config.option(Config.String("SIP_PYTHON"))),
  () => "python3"
)

const imports = (packages: string): boolean => spawnSync(python, ["-c", `import ${packages}`]).status === 0

const missing: ReadonlyArray<string> = [
  ...(livekit === undefined ? ["a LiveKit server"] : []),
  ...(installed("baresip") ? [] : ["baresip"]),
  ...(imports("opensip, livekit.rtc, livekit.api") ? [] : [`the Python packages opensip, livekit and livekit-api`])
]

/** A test that holds a telephone call: it skips where a part is missing, and says which. */
export const calls = <E>(title: string, test: () => Effect.Effect<void, E, Scope.Scope>): void =>
  it.live.skipIf(missing.length > 0)(
    missing.length === 0 ? title : `${title} (missing: ${missing.join("; ")})`,
    test,
    120_000
  )
