/** What the command `effect-voice` can do: runs the agent that a module exports, for its author and for its users. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import { printable } from "../internal/numbers.ts"
import { guardOutput, surviving } from "../internal/unawaited.ts"
import { runMain } from "../internal/worker/runMain.ts"
import { doctor } from "./doctor/command.ts"
import { envFile, withEnvFile } from "./environment.ts"
import * as flags from "./flags.ts"
import { init } from "./init.ts"
import { later } from "./later.ts"
import { packageFacts } from "./packageFacts.ts"
import * as status from "./status.ts"
import { explained, portInUse } from "./userError.ts"

const file = Argument.String("agent").pipe(
  Argument.withDescription("Module whose default export is Worker.define({ … }), such as desk.ts")
)

const metadata = Flag.String("metadata").pipe(
  Flag.withDescription("Metadata of the job, as a dispatch would have it (default: none)"),
  Flag.withDefault("")
)

/** What NO_COLOR, TERM and the like say of the terminal. */
const isColoured = (): boolean => process.stdout.isTTY && process.stdout.hasColors()

const readable = (verbose: boolean, level: LogLevel.LogLevel = "Info") =>
  Layer.merge(
    Logger.layer([Logger.consolePretty({ colors: isColoured() })]),
    Layer.effect(
      References.MinimumLogLevel,
      Effect.map(
        Effect.serviceOption(GlobalFlag.LogLevel),
        (asked) => Option.getOrElse(Option.flatten(asked), (): LogLevel.LogLevel => verbose ? "Debug" : level)
      )
    )
  )

const json = Layer.unwrap(
  Effect.map(Effect.promise(() => import("../Layers/Telemetry.ts")), ({ layerJson }) => layerJson())
)

const dev = Command.make(
  "dev",
  {
    file,
    envFile,
    metadata,
    verbose: flags.verbose,
    playgroundPort: flags.port("playground-port", 8080, "Port of the page on 127.0.0.1"),
    playground: Flag.Boolean("playground").pipe(
      Flag.withDescription("Serve a page to talk to the agent; --no-playground does not (default: true)"),
      Flag.withDefault(true)
    ),
    watch: Flag.Boolean("watch").pipe(
      Flag.withDescription(
        "Take changes of the program for new calls; those in progress go on as they are (default: false)"
      ),
      Flag.withDefault(false)
    )
  },
  (input) =>
    later(() => import("./dev.ts"), input).pipe(
      surviving,
      withEnvFile(input.envFile),
      explained,
      Effect.provide(readable(input.verbose))
    )
).pipe(
  Command.withDescription(
    "Run the agent with a page to talk to it: on a LiveKit server, or without one where LIVEKIT_URL is not set"
  ),
  Command.withExamples([
    { command: "effect-voice dev desk.ts", description: "Talk at http://127.0.0.1:8080" },
    { command: "effect-voice dev --watch desk.ts", description: "The next call has what was changed" }
  ])
)

const start = Command.make("start", {
  file,
  envFile,
  port: flags.port("port", 8081, "Port of /health, /ready, /metrics and /worker"),
  host: flags.text("host").pipe(
    Flag.withDescription("Address to listen on, 0.0.0.0 for every one (default: METRICS_HOST, else 127.0.0.1)"),
    Flag.optional
  ),
  token: flags.token("Bearer token that /metrics, /worker and details need (default: none)"),
  processes: flags.whole("processes", { least: 0, most: 64 }).pipe(
    Flag.withDescription("Child processes that run the calls; 0 runs them in this one (default: 0)"),
    Flag.withDefault(0)
  ),
  jobs: flags.whole("jobs", { least: 1, most: 10_000 }).pipe(
    Flag.withDescription("Calls at once in each process (default: 32, with child processes 8)"),
    Flag.optional
  )
}, (input) =>
  later(() => import("./start.ts"), input).pipe(
    surviving,
    Effect.catch((error) => portInUse(error)),
    withEnvFile(input.envFile),
    explained,
    Effect.provide(json)
  )).pipe(
    Command.withDescription("Run the agent for real: JSON logs, health and metrics, draining on SIGTERM"),
    Command.withExamples([
      { command: "effect-voice start desk.js", description: "All calls in one process" },
      {
        command: "effect-voice start desk.js --processes 4 --jobs 8",
        description: "At most 32 calls in four processes"
      }
    ])
  )

const talk = Command.make(
  "console",
  {
    file,
    envFile,
    metadata,
    verbose: flags.verbose,
    text: Flag.Boolean("text").pipe(
      Flag.withAlias("t"),
      Flag.withDescription("Type instead of speaking"),
      Flag.withDefault(false)
    )
  },
  (input) =>
    later(() => import("./talk.ts"), input).pipe(
      surviving,
      withEnvFile(input.envFile),
      explained,
      Effect.provide(readable(input.verbose, "Warn"))
    )
).pipe(
  Command.withDescription("Talk to the agent here, without a server: by microphone and loudspeaker, or in writing"),
  Command.withExamples([
    { command: "effect-voice console --text desk.ts", description: "Type, a line a turn" },
    {
      command: `effect-voice console --text desk.ts --metadata '{"tenant":"sole"}'`,
      description: "As the job of that dispatch"
    }
  ])
)

const connect = Command.make(
  "connect",
  {
    file,
    envFile,
    verbose: flags.verbose,
    room: flags.text("room").pipe(Flag.withDescription("Room to join")),
    identity: flags.text("identity").pipe(
      Flag.withDescription("Identity of the agent in the room; a fresh one unless given"),
      Flag.optional
    ),
    metadata
  },
  (input) =>
    later(() => import("./connect.ts"), input).pipe(
      surviving,
      withEnvFile(input.envFile),
      explained,
      Effect.provide(readable(input.verbose))
    )
).pipe(
  Command.withDescription("Join one room now, without waiting to be dispatched"),
  Command.withExamples([{ command: "effect-voice connect desk.ts --room lobby", description: "Join the room lobby" }])
)

const urlOf = ({ port, url }: { readonly port: number; readonly url: Option.Option<string> }): string =>
  Option.getOrElse(url, () => `http://127.0.0.1:${port}`).replace(/\/+$/, "")

const statusOf = Command.make(
  "status",
  {
    envFile,
    url: Flag.String("url").pipe(
      Flag.withDescription("Where the worker answers (default: the port on this machine)"),
      Flag.optional
    ),
    port: flags.whole("port", { least: 1, most: 65_535 }).pipe(
      Flag.withDescription("Port of the worker on this machine, where --url is not given (default: 8081)"),
      Flag.withDefault(8081)
    ),
    token: flags.token("Token of the worker's port, if it has one")
  },
  (input) =>
    status.status(urlOf(input), Option.getOrUndefined(Option.map(input.token, Redacted.value))).pipe(
      Effect.flatMap((told) => Console.log(printable(told))),
      withEnvFile(input.envFile),
      explained
    )
).pipe(
  Command.withDescription("Ask a running worker how it is: calls, load, breakers, processes"),
  Command.withExamples([
    { command: "effect-voice status", description: "Of the worker on this machine" },
    { command: "effect-voice status --port 9000", description: "Of the one that was started with --port 9000" }
  ])
)

const initialise = Command.make("init", {
  folder: Argument.String("folder").pipe(
    Argument.withDescription("Where the project is made (default: this folder)"),
    Argument.withDefault(".")
  )
}, ({ folder }) => init(folder, packageFacts).pipe(Effect.flatMap(Console.log), explained)).pipe(
  Command.withDescription("Make a project that runs: an agent, its test, and what it is built and deployed with"),
  Command.withExamples([{ command: "effect-voice init desk", description: "In the folder desk" }])
)

const { version } = packageFacts

guardOutput()

Command.make("effect-voice").pipe(
  Command.withDescription("Voice agents: make one, talk to it, run it"),
  Command.withSubcommands([initialise, dev, start, talk, connect, doctor, statusOf]),
  Command.run({ version }),
  Effect.provide(NodeServices.layer),
  runMain
)
