/** The parts of a room in memory, each the owner of its own state, and what they expect of each other. */
import type * as Clock from "effect/Clock"
import type * as Audio from "../../Audio.ts"
import type { ByteMessage, EndReason, Event, TextMessage } from "../../Room.ts"
import { makeBroadcast } from "./broadcast.ts"
import { keeping } from "./earlyKeys.ts"
import { gone } from "./errors.ts"
import { type Lifetime, makeLifetime } from "./lifetime.ts"
import { makeOutbox, type Outbox, type OutboxOptions } from "./outbox.ts"
import { makeOutputs, type Outputs } from "./outputs.ts"
import { makeParticipants, type Participants } from "./participants.ts"
import { makeRpc, type Rpc } from "./rpc.ts"
import { makeTopics, ofBytes, ofEvent, ofText, type Topics } from "./topics.ts"

// Control traffic: far more than any subscriber lags behind, and a bound all the same.
const eventBuffer = 4096

interface HubOptions extends Pick<OutboxOptions, "kept" | "deliver"> {
  /** Milliseconds of audio that a slow subscriber may lag behind. @default 2000 */
  readonly audioBuffer?: number | undefined
  /** Runs once, when the agent first uses the room. */
  readonly onStart?: (() => void) | undefined
  /** Told what a participant's open microphone delivers. */
  readonly onVoice?: ((identity: string, frame: Audio.Frame) => void) | undefined
  /** Runs first when the room ends. */
  readonly onEnd?: (() => void) | undefined
  /** A listener who lags has lost something. */
  readonly onLagged?: (() => void) | undefined
}

export interface Options extends Pick<HubOptions, "audioBuffer" | "onStart" | "onVoice"> {
  /** @default "local" */
  readonly name?: string | undefined
  /** The agent's. @default "agent" */
  readonly identity?: string | undefined
  /** Milliseconds that may wait in an output before `write` waits. @default Infinity */
  readonly queueLimit?: number | undefined
  /** Keeps what the outputs played, for `OutputView.heard`. @default false */
  readonly keepHeard?: boolean | undefined
  /** Told what the agent was heard to say, at milliseconds since the room began. */
  readonly onHeard?: ((at: number, frame: Audio.Frame, track: number) => void) | undefined
  /** Told when what the outputs have queued has changed. */
  readonly onOutput?: (() => void) | undefined
}

/** All of a room but its outputs. */
export interface Hub {
  readonly clock: Clock.Clock
  readonly lifetime: Lifetime
  readonly events: ReturnType<typeof keeping>
  readonly texts: Topics<TextMessage>
  readonly bytes: Topics<ByteMessage>
  readonly rpc: Rpc
  readonly participants: Participants
  readonly outbox: Outbox
  /** Ends them all, in order: what was heard is told, and the end is the last event. */
  readonly end: (reason: EndReason) => void
}

export interface Parts extends Hub {
  readonly outputs: Outputs
}

export const makeHub = (clock: Clock.Clock, options: HubOptions): Hub => {
  const lifetime = makeLifetime(clock, options.onStart)
  const events = keeping(makeBroadcast<Event>(eventBuffer, ofEvent, options.onLagged))
  const texts = makeTopics<TextMessage>(eventBuffer, ofText, options.onLagged)
  const bytes = makeTopics<ByteMessage>(eventBuffer, ofBytes, options.onLagged)
  const rpc = makeRpc()
  const participants = makeParticipants({
    lifetime,
    bufferMs: options.audioBuffer ?? 2000,
    publish: events.publish,
    onVoice: options.onVoice,
    onLeave: rpc.forget
  })
  const outbox = makeOutbox({
    lifetime,
    has: participants.has,
    capacity: eventBuffer,
    kept: options.kept,
    deliver: options.deliver
  })
  const end = (reason: EndReason): void =>
    lifetime.end(reason, () => {
      options.onEnd?.()
      events.publish({ _tag: "Connection", state: "disconnected" })
      events.end()
      participants.end()
      texts.end()
      bytes.end()
      outbox.end()
    })
  return { clock, lifetime, events, texts, bytes, rpc, participants, outbox, end }
}

export const makeParts = (clock: Clock.Clock, options: Options): Parts => {
  const hub = makeHub(clock, { ...options, onEnd: () => outputs.collectHeard() })
  const { lifetime } = hub
  const outputs = makeOutputs({
    queueLimit: options.queueLimit,
    keepHeard: options.keepHeard === true,
    onHeard: options.onHeard,
    onChange: options.onOutput,
    origin: lifetime.origin,
    failure: () => lifetime.failureOf("output") ?? (lifetime.isOver() ? gone("write") : undefined)
  })
  return { ...hub, outputs }
}
