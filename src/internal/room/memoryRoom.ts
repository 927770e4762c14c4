/**
 * A room in memory: what `LocalRoom` and the rooms of tests share. The agent
 * sees a `Room`, whoever plays the participants holds its `RoomControl`.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import {
  type ByteMessage,
  type EndReason,
  type Event,
  type LeaveReason,
  type Output,
  type Participant,
  Room,
  RoomError,
  type TextMessage
} from "../../Room.ts"
import { monotonicMs } from "../steady.ts"
import { makeBroadcast } from "./broadcast.ts"
import type { Newcomer, Part, RoomControl, Sent } from "./control.ts"
import { given } from "./given.ts"
import { makeMicrophone, type Microphone, trackOf } from "./microphone.ts"
import { makeOutputs, type Outputs } from "./outputs.ts"
import { makeRpc } from "./rpc.ts"
import { makeTopics, ofBytes, ofText, type Topics } from "./topics.ts"

// Control traffic: far more than any subscriber lags behind, and a bound all the same.
const eventBuffer = 4096
const sentKept = 10_000

export interface Options {
  /** @default "local" */
  readonly name?: string | undefined
  /** The agent's. @default "agent" */
  readonly identity?: string | undefined
  /** Milliseconds of audio that a slow subscriber may lag behind. @default 2000 */
  readonly audioBuffer?: number | undefined
  /** Milliseconds that may wait in an output before `write` waits. @default Infinity */
  readonly queueLimit?: number | undefined
  /** Keeps what the outputs played, for `OutputView.heard`. @default false */
  readonly keepHeard?: boolean | undefined
  /** Runs once, when the agent first uses the room. */
  readonly onStart?: (() => void) | undefined
  /** Told what a participant's open microphone delivers. */
  readonly onVoice?: ((identity: string, frame: Audio.Frame) => void) | undefined
  /** Told what the agent was heard to say, at milliseconds since the room began. */
  readonly onHeard?: ((at: number, frame: Audio.Frame, track: number) => void) | undefined
  /** Told when what the outputs have queued has changed. */
  readonly onOutput?: (() => void) | undefined
}

export interface MemoryRoom {
  readonly room: Room["Service"]
  readonly control: RoomControl
  /** Begins the room, as its first use does. */
  readonly start: () => void
  /** Milliseconds since the room began. */
  readonly nowUnsafe: () => number
  readonly joinUnsafe: (participant: Newcomer) => RoomError | undefined
  readonly leaveUnsafe: (identity: string) => void
  readonly microphone: (identity: string) => Microphone | undefined
  readonly agentIsSpeaking: () => boolean
  /** Hands what was heard up to now to `onHeard`. */
  readonly collectHeard: () => void
}

interface Member {
  participant: Participant
  readonly microphone: Microphone
  readonly preconnect: boolean | undefined
}

const refuse = (reason: RoomError["reason"], detail: string) => new RoomError({ reason, detail })

export const makeMemoryRoom = (options?: Options): Effect.Effect<MemoryRoom, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const members = new Map<string, Member>()
    const events = makeBroadcast<Event>(eventBuffer)
    const texts = makeTopics<TextMessage>(eventBuffer, ofText)
    const bytes = makeTopics<ByteMessage>(eventBuffer, ofBytes)
    const sends = makeBroadcast<Sent>(eventBuffer)
    const failures = new Map<Part, RoomError>()
    const ended = Deferred.makeUnsafe<EndReason>()
    const rpc = makeRpc()
    let sent: Array<Sent> = []
    let attributes: Readonly<Record<string, string>> = {}
    let origin = monotonicMs(clock)
    let started = false
    let streams = 0
    let over = false

    const outputs: Outputs = makeOutputs({
      queueLimit: options?.queueLimit,
      keepHeard: options?.keepHeard === true,
      onHeard: options?.onHeard,
      onChange: options?.onOutput,
      origin: () => origin,
      failure: () => failures.get("output") ?? (over ? gone("write") : undefined)
    })

    const start = (): void => {
      if (started) return
      started = true
      origin = monotonicMs(clock)
      options?.onStart?.()
    }
    const gone = (what: string) => refuse("Disconnected", `${what}: the room has ended`)
    const unknown = (what: string, identity: string) =>
      refuse("UnknownParticipant", `${what}: no participant ${identity} in the room`)

    const joinUnsafe = (newcomer: Newcomer): RoomError | undefined => {
      const { identity } = newcomer
      if (over) return gone("join")
      if (members.has(identity)) return refuse("InvalidOption", `join: ${identity} is already in the room`)
      const participant: Participant = {
        identity,
        ...given({ name: newcomer.name }),
        kind: newcomer.kind ?? "standard",
        ...given({ direction: newcomer.direction, metadata: newcomer.metadata }),
        attributes: newcomer.attributes ?? {}
      }
      members.set(identity, {
        participant,
        preconnect: newcomer.preconnect,
        microphone: makeMicrophone({
          bufferMs: options?.audioBuffer ?? 2000,
          onHeard: (frame) => options?.onVoice?.(identity, frame)
        })
      })
      events.publish({ _tag: "ParticipantJoined", participant })
      return undefined
    }

    const leaveUnsafe = (identity: string, reason: LeaveReason = "left"): void => {
      const member = members.get(identity)
      if (member === undefined) return
      members.delete(identity)
      rpc.forget(identity)
      events.publish({ _tag: "ParticipantLeft", identity, reason })
      member.microphone.end()
    }

    const end = (reason: EndReason): void => {
      if (over) return
      over = true
      outputs.collectHeard()
      events.publish({ _tag: "Connection", state: "disconnected" })
      events.end()
      for (const { microphone } of members.values()) microphone.end()
      members.clear()
      texts.end()
      bytes.end()
      sends.end()
      Deferred.doneUnsafe(ended, Effect.succeed(reason))
    }

    /** What a participant does: the room must be there, and so must they. */
    const as = (what: string, identity: string, act: (member: Member) => void): Effect.Effect<void, RoomError> =>
      Effect.suspend(() => {
        const member = members.get(identity)
        if (over) return Effect.fail(gone(what))
        if (member === undefined) return Effect.fail(unknown(what, identity))
        act(member)
        return Effect.void
      })

    const send = (what: string, to: ReadonlyArray<string> | undefined, message: Sent): Effect.Effect<void, RoomError> =>
      Effect.suspend(() => {
        start()
        if (over) return Effect.fail(gone(what))
        const failure = failures.get("send")
        if (failure !== undefined) return Effect.fail(failure)
        const stranger = to?.find((identity) => !members.has(identity))
        if (stranger !== undefined) return Effect.fail(unknown(what, stranger))
        sent.push(message)
        if (sent.length > 2 * sentKept) sent = sent.slice(-sentKept)
        sends.publish(message)
        return Effect.void
      })

    /** Text that grows: each step is sent as long as the room is there and the text is open. */
    const openText: Room["Service"]["openText"] = ({ as, attributes, streamId, to, topic }) =>
      Effect.gen(function*() {
        const id = streamId ?? `stream-${++streams}`
        let open = true
        yield* send("openText", to, {
          _tag: "TextOpened",
          streamId: id,
          topic,
          attributes: attributes ?? {},
          to,
          ...given({ as })
        })
        const close = Effect.suspend(() => {
          if (!open) return Effect.void
          open = false
          return Effect.ignore(send("close", undefined, { _tag: "TextClosed", streamId: id }))
        })
        yield* Effect.addFinalizer(() => close)
        return {
          streamId: id,
          write: (text) =>
            Effect.suspend(() =>
              open
                ? send("write", undefined, { _tag: "TextWritten", streamId: id, text })
                : Effect.fail(refuse("PublishFailed", "write: the text is closed"))
            ),
          close
        }
      })

    const topicOf = <A>(topics: Topics<A>, name: string): Stream.Stream<A> =>
      Stream.unwrap(Effect.tap(Effect.suspend(() => topics.subscribe(name)), () => Effect.sync(start)))

    const using = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.suspend(() => {
        start()
        return effect
      })

    const room = Room.of({
      name: options?.name ?? "local",
      identity: options?.identity ?? "agent",
      participants: using(Effect.sync(() => [...members.values()].map((member) => member.participant))),
      // Subscribed before the room begins, so that whoever is there first sees everyone join.
      events: Stream.unwrap(Effect.tap(events.subscribe, () => Effect.sync(start))),
      audio: (identity) =>
        Stream.unwrap(using(Effect.suspend((): Effect.Effect<
          Stream.Stream<Audio.Frame, RoomError>,
          RoomError,
          Scope.Scope
        > => {
          const member = members.get(identity)
          const failure = failures.get("audio")
          if (over) return Effect.fail(gone("audio"))
          if (failure !== undefined) return Effect.fail(failure)
          if (member === undefined) return Effect.fail(unknown("audio", identity))
          return member.microphone.subscribe
        }))),
      tracks: (identity) =>
        using(Effect.suspend(() => {
          if (over) return Effect.fail(gone("tracks"))
          const member = members.get(identity)
          return member === undefined
            ? Effect.fail(unknown("tracks", identity))
            : Effect.succeed([{ ...trackOf(identity, member.microphone), ...given({ preconnect: member.preconnect }) }])
        })),
      subscribe: () => Effect.fail(refuse("Unsupported", "subscribe: in this room every microphone is received")),
      output: (wish) =>
        using(
          Effect.suspend((): Effect.Effect<Output, RoomError, Scope.Scope> =>
            over ? Effect.fail(gone("output")) : Effect.provideService(outputs.open(wish), Clock.Clock, clock)
          )
        ),
      sendText: ({ as, attributes, streamId, text, to, topic }) =>
        send("sendText", to, {
          _tag: "Text",
          topic,
          text,
          attributes: attributes ?? {},
          to,
          ...given({ as, streamId })
        }),
      openText,
      texts: (name) => topicOf(texts, name),
      sendBytes: ({ attributes, bytes, mimeType, name, to, topic }) =>
        send("sendBytes", to, {
          _tag: "Bytes",
          topic,
          bytes,
          attributes: attributes ?? {},
          to,
          ...given({ name, mimeType })
        }),
      bytes: (name) => topicOf(bytes, name),
      publishTranscription: ({ identity, segments, sid }) =>
        send("publishTranscription", undefined, { _tag: "Transcription", identity, sid, segments }),
      sendData: ({ payload, reliable, to, topic }) =>
        send("sendData", to, { _tag: "Data", topic, payload, reliable: reliable ?? true, to }),
      sendDtmf: (digits) =>
        /^[0-9*#A-D]+$/.test(digits)
          ? send("sendDtmf", undefined, { _tag: "Dtmf", digits })
          : Effect.fail(refuse("InvalidOption", "sendDtmf: digits are 0 to 9, *, # and A to D, at least one")),
      call: ({ identity, method, payload, timeout }) =>
        using(Effect.suspend(() => {
          if (over) return Effect.fail(gone("call"))
          const failure = failures.get("rpc")
          if (failure !== undefined) return Effect.fail(failure)
          if (!members.has(identity)) return Effect.fail(unknown("call", identity))
          return rpc.ask(identity, method, { identity, payload }, timeout)
        })),
      handle: (method, handler) => using(rpc.answer(undefined, method, handler)),
      setAttributes: (changed) =>
        Effect.tap(
          send("setAttributes", undefined, { _tag: "Attributes", attributes: changed }),
          () =>
            Effect.sync(() => {
              attributes = { ...attributes, ...changed }
            })
        ),
      remove: (identity) =>
        using(Effect.suspend(() => {
          if (over) {
            return Effect.fail(gone("remove"))
          }
          leaveUnsafe(identity, "removed")
          return Effect.void
        })),
      ended: using(Deferred.await(ended)),
      leave: Effect.sync(() => end("left"))
    })

    const control: RoomControl = {
      join: (newcomer) =>
        Effect.suspend(() => {
          const error = joinUnsafe(newcomer)
          return error === undefined ? Effect.void : Effect.fail(error)
        }),
      leave: (identity, reason) => Effect.sync(() => leaveUnsafe(identity, reason)),
      feed: (identity, frames) => as("feed", identity, ({ microphone }) => microphone.feed(frames)),
      mute: (identity, muted) => as("mute", identity, ({ microphone }) => microphone.mute(muted)),
      setAttributes: (identity, changed) =>
        as("setAttributes", identity, (member) => {
          const attributes = { ...member.participant.attributes, ...changed }
          member.participant = { ...member.participant, attributes }
          events.publish({ _tag: "AttributesChanged", identity, attributes })
        }),
      sendText: ({ attributes, identity, text, topic: name }) =>
        as(
          "sendText",
          identity,
          () => texts.publish(name, { identity, topic: name, text, attributes: attributes ?? {} })
        ),
      sendBytes: ({ attributes, bytes: sent, identity, mimeType, name, topic }) =>
        as("sendBytes", identity, () =>
          bytes.publish(topic, {
            identity,
            topic,
            bytes: sent,
            attributes: attributes ?? {},
            ...given({ name, mimeType })
          })),
      sendData: (message) => Effect.sync(() => events.publish({ _tag: "Data", ...message })),
      sendDtmf: (identity, digits) =>
        as("sendDtmf", identity, () => {
          for (const digit of digits) events.publish({ _tag: "Dtmf", identity, digit })
        }),
      call: ({ identity, method, payload }) =>
        Effect.andThen(as("call", identity, () => {}), rpc.ask(undefined, method, { identity, payload })),
      handle: (identity, method, handler) =>
        Effect.andThen(
          as("handle", identity, () => {}),
          rpc.answer(identity, method, ({ payload }) => handler(payload))
        ),
      sent: Effect.sync(() => sent.slice(-sentKept)),
      sends: Stream.unwrap(sends.subscribe),
      attributes: Effect.sync(() => attributes),
      outputs: outputs.views,
      agentSpeaking: outputs.speaking,
      agentSilent: outputs.silent,
      dropped: (identity) =>
        Effect.suspend(() => {
          const member = members.get(identity)
          return member === undefined
            ? Effect.fail(unknown("dropped", identity))
            : Effect.succeed(member.microphone.dropped())
        }),
      open: Effect.sync(() => ({
        events: events.subscribers(),
        texts: texts.subscribers(),
        bytes: bytes.subscribers(),
        audio: sum(members.values(), (member) => member.microphone.subscribers()),
        outputs: outputs.count(),
        handlers: rpc.size()
      })),
      connection: (state) => Effect.sync(() => events.publish({ _tag: "Connection", state })),
      disconnect: (reason) => Effect.sync(() => end(reason)),
      fail: (part, error) =>
        Effect.sync(() => {
          failures.set(part, error)
          if (part === "audio") { for (const { microphone } of members.values()) microphone.fail(error) }
        }),
      mend: (part) =>
        Effect.sync(() => {
          failures.delete(part)
        })
    }

    yield* Effect.addFinalizer(() => Effect.sync(() => end("left")))

    return {
      room,
      control,
      start,
      nowUnsafe: () => monotonicMs(clock) - origin,
      joinUnsafe,
      leaveUnsafe,
      microphone: (identity) => members.get(identity)?.microphone,
      agentIsSpeaking: outputs.isSpeaking,
      collectHeard: outputs.collectHeard
    }
  })

const sum = <A>(all: Iterable<A>, count: (one: A) => number): number => {
  let total = 0
  for (const one of all) total += count(one)
  return total
}
