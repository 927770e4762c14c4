/** What `dev` does: runs the agent with a page to talk to it, on a LiveKit server or without one. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { effectOf } from "../internal/given.ts"
import { holdEngine } from "../internal/worker/executor.ts"
import * as LiveKitRoom from "../Layers/LiveKitRoom.ts"
import * as Worker from "../Worker.ts"
import { load } from "./loadModule.ts"
import { serveMetrics } from "./metrics.ts"
import * as overSocket from "./overSocket.ts"
import * as playground from "./playground.ts"
import { untilSignal } from "./processSignals.ts"
import * as settings from "./settings.ts"
import { withTold } from "./told.ts"
import { loadWatched } from "./watch.ts"

export interface Input {
  readonly file: string
  readonly metadata: string
  readonly playgroundPort: number
  readonly playground: boolean
  readonly watch: boolean
}

export const run = (input: Input) =>
  Effect.scoped(Effect.gen(function*() {
    const { definition } = yield* (input.watch ? loadWatched : load)(input.file)
    if (input.playground && (yield* overSocket.isWanted)) {
      const given = yield* settings.given(definition)
      yield* serveMetrics(given)
      return yield* untilSignal(Effect.scoped(overSocket.run(definition, {
        port: input.playgroundPort,
        metadata: input.metadata,
        given
      })))
    }
    const { given, server } = yield* settings.withServer(definition)
    if (definition.options.connect === undefined) yield* holdEngine
    yield* serveMetrics(given)
    const { encryption } = definition.options
    const connect = definition.options.connect ?? ((entrance) => LiveKitRoom.connect({ ...entrance, encryption }))
    const told: Worker.Definition<unknown> = {
      ...definition,
      options: {
        ...definition.options,
        connect: (entrance) => Effect.map(effectOf("connect", () => connect(entrance)), withTold)
      }
    }
    if (input.playground) {
      const url = yield* playground.serve({
        ...server,
        agentName: definition.agentName,
        metadata: input.metadata,
        port: input.playgroundPort
      })
      yield* Console.log(`Talk to the agent at ${url}`)
    }
    // A developer's computer may be busy: a server gives no job to a worker whose load is 0.7 or more.
    yield* Worker.serve(told, { ...server, http: false, load: () => 0 })
  }))
