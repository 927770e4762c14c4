/** What `connect` does: joins one room, without a dispatch. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import { holdEngine } from "../internal/worker/executor.ts"
import * as LiveKitRoom from "../Layers/LiveKitRoom.ts"
import { load } from "./loadModule.ts"
import { serveMetrics } from "./metrics.ts"
import { untilSignal } from "./processSignals.ts"
import * as settings from "./settings.ts"
import { converse } from "./singleConversation.ts"

export interface Input {
  readonly file: string
  readonly room: string
  readonly identity: Option.Option<string>
  readonly metadata: string
}

export const run = (input: Input) =>
  Effect.scoped(Effect.gen(function*() {
    const { definition } = yield* load(input.file)
    const { given, server } = yield* settings.withServer(definition)
    yield* holdEngine
    yield* serveMetrics(given)
    const fresh = Effect.map(Random.nextIntBetween(0, 36 ** 6), (number) => `agent-${number.toString(36)}`)
    const identity = Option.isSome(input.identity) ? input.identity.value : yield* fresh
    const token = yield* LiveKitRoom.token({
      apiKey: Redacted.value(server.apiKey),
      apiSecret: server.apiSecret,
      room: input.room,
      identity,
      admin: true,
      attributes: { "lk.agent.name": definition.agentName }
    })
    const open = LiveKitRoom.connect({
      url: server.url,
      token,
      autoSubscribe: definition.autoSubscribe,
      encryption: definition.options.encryption
    })
    yield* untilSignal(converse(definition, open, { id: "connect", identity, metadata: input.metadata }, given))
  }))
