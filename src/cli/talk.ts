/** What `console` does: a conversation with whoever sits before this computer. */
import type * as CliError from "effect/cli/CliError"
import * as Effect from "effect/Effect"
import process from "node:process"
import { InWriting } from "../internal/session.ts"
import * as consoleRoom from "./console.ts"
import type { DeviceError } from "./devices.ts"
import { load } from "./loadModule.ts"
import { serveMetrics } from "./metrics.ts"
import { untilSignal } from "./processSignals.ts"
import * as settings from "./settings.ts"
import { converse } from "./singleConversation.ts"

export interface Input {
  readonly file: string
  readonly metadata: string
  readonly text: boolean
}

export const run = (input: Input) =>
  Effect.scoped(Effect.gen(function*() {
    const { definition } = yield* load(input.file)
    const given = yield* settings.given(definition)
    let broken: DeviceError | CliError.UserError | undefined
    const typed = process.stdin.isTTY
    const open = consoleRoom.open({
      text: input.text,
      typed,
      platform: process.platform,
      onFailure: (error) => {
        broken = error
      },
      onEnd: (reason, failed) => {
        broken ??= consoleRoom.failureOf(reason, typed ? 0 : failed)
      }
    })
    yield* serveMetrics(given)
    const about = { id: "console", identity: "agent", metadata: input.metadata }
    yield* untilSignal(Effect.provideService(converse(definition, open, about, given), InWriting, input.text))
    if (broken !== undefined) return yield* broken
  }))
