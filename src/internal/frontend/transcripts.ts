/** What is said, as text that frontends show: the user's words as they are understood, the agent's as they are heard. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as Event from "../../Event.ts"
import * as Room from "../../Room.ts"
import { attributes, topics } from "./protocolNames.ts"
import { follow, makeTry } from "./sessionListener.ts"

export interface Options {
  /** As text streams. */
  readonly streams: boolean
  /** As the packets that were before these. */
  readonly packets: boolean
  readonly to: ReadonlyArray<string> | undefined
}

export const tellTranscripts = (
  session: Room.Conversation,
  options: Options
): Effect.Effect<void, never, Room.Room | Scope.Scope> =>
  Effect.gen(function*() {
    const room = yield* Room.Room
    // Closes after what was said last has been sent.
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
    const publish = makePublish(room, options)
    const user = makeUser(session, room, publish)
    const agent = makeAgent(session, room, scope, publish)
    yield* follow(session, (events) =>
      Effect.forEach(
        condensed(events),
        (event) => Effect.andThen(user(event), agent(event)),
        { discard: true }
      ))
  })

/** Where a sender is too slow, guesses that are replaced anyway and pieces that follow each other are one. */
const condensed = (events: ReadonlyArray<Event.Event>): ReadonlyArray<Event.Event> => {
  const kept: Array<Event.Event> = []
  for (const event of events) {
    const last = kept.at(-1)
    if (last?._tag === "UserTranscript" && event._tag === "UserTranscript" && !last.final) kept.pop()
    if (last?._tag === "AgentTranscript" && event._tag === "AgentTranscript" && last.speech === event.speech) {
      if (!last.final && !event.final) {
        kept[kept.length - 1] = { ...event, text: last.text + event.text }
        continue
      }
    }
    kept.push(event)
  }
  return kept
}

/** A stretch of speech that a frontend shows as one message. */
interface Segment {
  readonly id: string
  /** Track of the one who speaks, where they have one. */
  readonly sid: string | undefined
}

interface Publish {
  /** The whole text so far, in the name of who said it. */
  readonly whole: (segment: Segment, options: {
    readonly text: string
    readonly final: boolean
    readonly as?: string | undefined
    readonly streamId?: string | undefined
  }) => Effect.Effect<void>
  readonly open: (segment: Segment) => Effect.Effect<Room.TextWriter | undefined, never, Scope.Scope>
  readonly write: (writer: Room.TextWriter, text: string) => Effect.Effect<void>
  readonly packet: (segment: Segment, options: {
    readonly identity: string
    readonly text: string
    readonly final: boolean
    readonly language?: string | undefined
  }) => Effect.Effect<void>
}

const makePublish = (room: Room.Room["Service"], options: Options): Publish => {
  const { to } = options
  const attempt = makeTry("a transcript")
  const attemptPacket = makeTry("a transcript as a packet")
  const attributesOf = ({ id, sid }: Segment, final: boolean) => ({
    [attributes.segment]: id,
    [attributes.final]: String(final),
    ...(sid === undefined ? {} : { [attributes.track]: sid })
  })
  const topic = topics.transcription
  return {
    whole: (segment, { as, final, streamId, text }) =>
      options.streams
        // A text without a single piece would replace nothing.
        ? attempt(
          room.sendText({
            topic,
            text: text === "" ? " " : text,
            attributes: attributesOf(segment, final),
            to,
            as,
            streamId
          })
        )
        : Effect.void,
    open: (segment) => {
      if (!options.streams) return Effect.undefined
      let writer: Room.TextWriter | undefined
      return Effect.map(
        Effect.flatMap(Effect.scope, (scope) =>
          attempt(
            room.openText({ topic, attributes: attributesOf(segment, false), to }).pipe(
              Scope.provide(scope),
              Effect.map((opened) => {
                writer = opened
              })
            )
          )),
        () => writer
      )
    },
    write: (writer, text) => attempt(writer.write(text)),
    packet: ({ id, sid }, { final, identity, language, text }) =>
      options.packets && sid !== undefined
        ? attemptPacket(room.publishTranscription({ identity, sid, segments: [{ id, text, final, language }] }))
        : Effect.void
  }
}

/** Each update is a text of its own that replaces the one before it, up to the final one. */
const makeUser = (
  session: Room.Conversation,
  room: Room.Room["Service"],
  publish: Publish
): (event: Event.Event) => Effect.Effect<void> => {
  let count = 0
  let open: { readonly segment: Segment; readonly identity: string; text: string } | undefined
  const begin = Effect.fnUntraced(function*(identity: string) {
    const tracks = yield* Effect.orElseSucceed(room.tracks(identity), () => [])
    const audio = tracks.filter(({ kind }) => kind === "audio")
    const track = audio.find(({ source }) => source === "microphone") ?? audio[0]
    return { segment: { id: `${session.id}-user-${++count}`, sid: track?.sid }, identity, text: "" }
  })
  const tell = (text: string, final: boolean, language?: string | undefined): Effect.Effect<void> => {
    if (open === undefined) return Effect.void
    const { identity, segment } = open
    open.text = text
    if (final) open = undefined
    return Effect.andThen(
      publish.whole(segment, { text, final, as: identity }),
      publish.packet(segment, { identity, text, final, language })
    )
  }
  return (event) =>
    Effect.gen(function*() {
      if (event._tag === "UserTranscript" && event.participant !== undefined) {
        open ??= yield* begin(event.participant)
        yield* tell(event.text, event.final, event.language)
      }
      // Words that were never made final: they stay as they are shown, and what comes begins anew.
      if ((event._tag === "TranscriptionTimedOut" || event._tag === "SessionClosed") && open !== undefined) {
        yield* tell(open.text, true)
      }
    })
}

/** A stretch of the agent's speech: text that grows, and at its end is replaced by what was heard. */
interface Line {
  readonly segment: Segment
  readonly scope: Scope.Closeable
  readonly writer: Room.TextWriter | undefined
  text: string
}

const makeAgent = (
  session: Room.Conversation,
  room: Room.Room["Service"],
  scope: Scope.Scope,
  publish: Publish
): (event: Event.Event) => Effect.Effect<void> => {
  /** Of each speech: the lines that are not closed, oldest first. What is being written is the last. */
  const speeches = new Map<string, { readonly lines: Array<Line>; written: boolean }>()
  let count = 0
  const speechOf = (speech: string) => {
    const known = speeches.get(speech) ?? { lines: [], written: true }
    speeches.set(speech, known)
    return known
  }
  const begin = Effect.fnUntraced(function*(withText: boolean) {
    const segment: Segment = { id: `${session.id}-agent-${++count}`, sid: yield* session.track }
    const inner = yield* Scope.fork(scope)
    const writer = withText ? yield* Scope.provide(publish.open(segment), inner) : undefined
    return { segment, scope: inner, writer, text: "" }
  })
  const add = Effect.fnUntraced(function*(speech: string, text: string) {
    const known = speechOf(speech)
    if (known.written) {
      known.lines.push(yield* begin(true))
      known.written = false
    }
    const line = known.lines.at(-1)
    if (line === undefined) return
    line.text += text
    if (line.writer !== undefined) yield* publish.write(line.writer, text)
    yield* publish.packet(line.segment, { identity: room.identity, text: line.text, final: false })
  })
  const close = Effect.fnUntraced(function*(line: Line, text: string) {
    yield* Scope.close(line.scope, Exit.void)
    yield* publish.whole(line.segment, { text, final: true, streamId: line.writer?.streamId })
    yield* publish.packet(line.segment, { identity: room.identity, text, final: true })
  })
  const heard = Effect.fnUntraced(function*(speech: string, text: string) {
    const known = speechOf(speech)
    const line = known.lines.shift() ?? (yield* begin(false))
    if (known.lines.length === 0) known.written = true
    yield* close(line, text)
  })
  return (event) =>
    Effect.gen(function*() {
      switch (event._tag) {
        case "AgentTranscript":
          if (event.text !== "") yield* add(event.speech, event.text)
          if (event.final) speechOf(event.speech).written = true
          return
        case "AgentSpeechCommitted":
          return yield* heard(event.speech, event.text)
        case "SpeechFinished": {
          // What was written but never heard is taken back.
          const unheard = speeches.get(event.speech)?.lines ?? []
          speeches.delete(event.speech)
          return yield* Effect.forEach(unheard, (line) => close(line, ""), { discard: true })
        }
      }
    })
}
