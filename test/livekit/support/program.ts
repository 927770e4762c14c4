/** A worker as a program of its own, whose load is not the business of other tests. */
import { Effect } from "effect"
import { Worker } from "effect-voice"
import * as Telemetry from "effect-voice/Layers/Telemetry"
import { argv } from "node:process"
import desk from "./desk.ts"

const [, , port, metricsPort, processes] = argv.map(Number)

const worker = Worker.serve(desk, {
  load: () => 0.1,
  http: { port, metricsPort },
  ...(processes === 0 ? {} : {
    pool: { module: new URL("./desk.ts", import.meta.url).href, processes }
  })
})

Worker.runMain(Effect.provide(worker, Telemetry.layerJson()))
