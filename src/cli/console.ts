/**
 * A room that is this computer: the caller sits before it, with its microphone
 * and loudspeaker, or with its keyboard.
 */
import * as CliError from "effect/cli/CliError"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import type * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Audio from "../Audio.ts"
import type * as Event from "../Event.ts"
import { hookFailed } from "../internal/hook.ts"
import { printable } from "../internal/numbers.ts"
import { makeMemoryRoom } from "../internal/room/memoryRoom.ts"
import { type Conversation, Room } from "../Room.ts"
import { makeAnswered } from "./answered.ts"
import * as devices from "./devices.ts"

export interface Options {
  /** Neither microphone nor loudspeaker. */
  readonly text: boolean
  /** Somebody types, who may cut in; else each line waits for the answer to the one before. */
  readonly typed: boolean
  readonly platform: NodeJS.Platform
  /** Told of the device that ended the conversation. */
  readonly onFailure: (error: devices.DeviceError) => void
  /** Told when the conversation is over: why, and how many of its answers have failed. */
  readonly onEnd: (reason: Event.CloseReason, failed: number) => void
}

const caller = "you"

/** Long values are cut: a terminal is no place for a document. */
const shown = (value: unknown): string => {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? ""
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`
}

const reasonOf = (reason: Event.Of<"ProviderFailed">["reason"]): string =>
  typeof reason === "string" ? reason : reason.message === "" ? reason._tag : reason.message

/** What the caller sees of a conversation, a line a thing. */
const lineOf = (event: Event.Event): string | undefined => {
  switch (event._tag) {
    case "UserSpeechCommitted":
      return `you    ${event.text}`
    case "UserSpeechSetAside":
      return event.reason === "echo" ? undefined : `you    (${event.text})`
    case "AgentSpeechCommitted":
      return `agent  ${event.text}${event.interrupted ? " —" : ""}`
    case "FunctionCallStarted":
      return `tool   ${event.name} …`
    case "FunctionCallsFinished":
      return event.calls.map(({ isFailure, name, params, result }) =>
        `tool   ${name}(${shown(params)}) ${isFailure ? "failed:" : "→"} ${shown(result)}`
      ).join("\n")
    case "AgentChanged":
      return `       ${event.to} takes over`
    case "ProviderFailed":
      if (event.component === "hook") {
        return `       ${hookFailed(event.provider)}`
      }
      return `       ${event.provider} (${event.component}) failed: ${reasonOf(event.reason)}${
        event.recovered ? "; the conversation goes on" : ""
      }`
    case "Warning":
      return `       ${event.component}: ${event.message}`
    case "SpeechFinished":
      return event.outcome === "failed" ? "       the agent could not answer; see above" : undefined
    case "SessionClosed":
      return `       the conversation is over (${event.reason})`
    default:
      return undefined
  }
}

/** Prints a conversation; in writing the agent's words as they are written. */
const makePrinter = (stdio: Stdio.Stdio, text: boolean) => {
  let speech: string | undefined
  const print = (content: string) => Stream.run(Stream.succeed(printable(content)), stdio.stdout())
  const broken = (mark: string): string => {
    const end = speech === undefined ? "" : `${mark}\n`
    speech = undefined
    return end
  }
  return (event: Event.Event): Effect.Effect<void, PlatformError.PlatformError> => {
    if (text && event._tag === "AgentTranscript") {
      if (event.text === "") return Effect.void
      const begin = speech === event.speech ? "" : `${broken("")}agent  `
      speech = event.speech
      return print(begin + event.text)
    }
    if (text && event._tag === "AgentSpeechCommitted") return print(broken(event.interrupted ? " —" : ""))
    const line = lineOf(event)
    return line === undefined ? Effect.void : print(`${broken("")}${line}\n`)
  }
}

/** Prints what is said, and says what is typed. */
const follow =
  (stdio: Stdio.Stdio, { onEnd, text, typed }: Pick<Options, "onEnd" | "text" | "typed">) =>
  (session: Conversation): Effect.Effect<void, never, Scope.Scope> =>
    Effect.gen(function*() {
      const print = makePrinter(stdio, text)
      const answered = makeAnswered()
      yield* session.events.pipe(
        Stream.runForEach((event) => {
          answered.follow(event)
          if (event._tag === "SessionClosed") onEnd(event.reason, answered.failed())
          return print(event)
        }),
        // Where nobody reads it, nobody talks.
        Effect.catch(() => session.close()),
        Effect.forkScoped({ startImmediately: true })
      )
      const turn = typed ? Effect.void : answered.wait
      yield* stdio.stdin.pipe(
        Stream.decodeText,
        Stream.splitLines,
        Stream.map((line) => line.trim()),
        Stream.filter((line) => line !== ""),
        Stream.runForEach((line) => Effect.andThen(turn, session.send(line))),
        Effect.andThen(turn),
        // Who closes the keyboard has hung up.
        Effect.andThen(session.close({ drain: true })),
        Effect.ignore,
        Effect.forkScoped
      )
    })

/** What the command ends with where the conversation has not gone well; the program that types learns of each answer. */
export const failureOf = (reason: Event.CloseReason, failed: number): CliError.UserError | undefined => {
  const fault = reason === "provider_failures"
    ? "the conversation broke off: too many calls of a provider have failed"
    : reason === "start_failed"
    ? "the conversation could not begin"
    : failed > 0
    ? `${failed === 1 ? "an answer has" : `${failed} answers have`} failed`
    : undefined
  return fault === undefined ? undefined : new CliError.UserError({ cause: `${fault}; see above` })
}

/** Opens the room; closing the scope closes the devices. */
export const open = (
  options: Options
): Effect.Effect<
  Room["Service"],
  devices.DeviceError,
  ChildProcessSpawner.ChildProcessSpawner | Scope.Scope | Stdio.Stdio
> =>
  Effect.gen(function*() {
    const stdio = yield* Stdio.Stdio
    const pair = options.text ? Option.none() : yield* devices.find(options.platform)
    const loudspeaker = Option.isNone(pair) ? undefined : yield* devices.play(pair.value)
    const memoryRoom = yield* makeMemoryRoom({
      name: "console",
      onStart: () => void memoryRoom.joinUnsafe({ identity: caller }),
      ...(loudspeaker === undefined ? undefined : { onHeard: (_, frame) => loudspeaker.write(converted(frame)) })
    })
    const converter = Audio.converter({ to: devices.loudspeakerFormat })
    const converted = (frame: Audio.Frame): Audio.Frame => Audio.concat(converter.push([frame]))
    if (Option.isSome(pair)) {
      const failed = (error: devices.DeviceError) =>
        Effect.andThen(Effect.sync(() => options.onFailure(error)), memoryRoom.control.disconnect("connection_lost"))
      yield* Effect.forkScoped(Effect.catch(
        Stream.runForEachArray(devices.record(pair.value), (frames) =>
          Effect.ignore(memoryRoom.control.feed(caller, frames))),
        failed
      ))
      yield* Effect.forkScoped(Effect.repeat(Effect.sync(memoryRoom.collectHeard), Schedule.spaced("20 millis")))
      if (loudspeaker !== undefined) {
        yield* Effect.forkScoped(Effect.catch(loudspeaker.ended, failed))
      }
    }
    yield* Console.log(
      Option.match(pair, {
        onNone: () =>
          "Type to the agent, a line a turn; Ctrl-D hangs up.",
        onSome: ({ name }) => `Speak to the agent, with headphones (through ${name}), or type; Ctrl-C ends.`
      })
    )
    return Room.of({ ...memoryRoom.room, attach: follow(stdio, options) })
  })
