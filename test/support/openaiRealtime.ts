/**
 * OpenAI's Realtime interface, written from its published protocol: a server that keeps the items of each
 * conversation, and refuses what the real one refuses.
 */
import { Effect, type Scope } from "effect"
import type {
  ConversationItem,
  RealtimeClientEvent,
  RealtimeResponse,
  RealtimeServerEvent
} from "openai/resources/realtime/realtime"
import * as provider from "./provider.ts"

/** Audio of so many milliseconds, in base64. */
export const audioOf = (ms: number): string => Buffer.alloc(48 * ms, 1).toString("base64")

/** How the model answers. */
export interface Reply {
  /** Spoken word by word. */
  readonly text?: string | undefined
  readonly wordMs?: number | undefined
  /** Written, and not spoken. */
  readonly written?: string | undefined
  readonly calls?:
    | ReadonlyArray<{ readonly id: string; readonly name: string; readonly params: unknown }>
    | undefined
  /** Stops after so many words, and goes on with `Session.proceed`. */
  readonly holdAfter?: number | undefined
  readonly status?: RealtimeResponse["status"]
  readonly details?: RealtimeResponse["status_details"]
  /** Said between the words, as it is. */
  readonly raw?: ReadonlyArray<unknown> | undefined
  /** Closes the connection after so many words. */
  readonly closeAfter?: number | undefined
}

export interface Session {
  readonly peer: provider.Peer
  readonly events: Array<RealtimeClientEvent>
  /** The conversation as the server has it. */
  readonly items: Array<ConversationItem & { ms?: number }>
  /** What the model knew when it was asked. */
  readonly asked: Array<ReadonlyArray<string>>
  readonly errors: Array<string>
  /** Goes on with what was held back. */
  proceed: () => void
}

export interface Realtime {
  readonly url: string
  readonly sessions: ReadonlyArray<Session>
  readonly next: Effect.Effect<provider.Peer>
}

/** An item in short. */
export const shown = (item: ConversationItem & { ms?: number }): string => {
  switch (item.type) {
    case "message":
      return `${item.role}: ${
        item.content.map((part) =>
          part.type === "input_audio"
            ? `[${Buffer.from(part.audio ?? "", "base64").length / 48} ms] ${part.transcript ?? ""}`
            : part.type === "output_audio"
            ? `[${item.ms} ms] ${part.transcript ?? ""}`
            : "text" in part
            ? part.text
            : part.type
        ).join(" + ")
      }`
    case "function_call":
      return `call: ${item.name} ${item.arguments}`
    case "function_call_output":
      return `output: ${item.output}`
    default:
      return item.type ?? "?"
  }
}

export const usage = {
  total_tokens: 300,
  input_tokens: 200,
  output_tokens: 100,
  input_token_details: {
    text_tokens: 80,
    audio_tokens: 120,
    cached_tokens: 90,
    cached_tokens_details: { text_tokens: 30, audio_tokens: 60 }
  },
  output_token_details: { text_tokens: 20, audio_tokens: 80 }
}

interface Options {
  /** The answers in order, or by what the model knows; the last one for ever. */
  readonly replies: ReadonlyArray<Reply> | ((known: ReadonlyArray<string>) => Reply)
  /** Refuses a client's event with an error of this code. */
  readonly refuse?: ((event: RealtimeClientEvent, session: Session) => string | undefined) | undefined
  /** Does nothing about a client's event. */
  readonly ignore?: ((event: RealtimeClientEvent, session: Session) => boolean) | undefined
  readonly refuseHandshake?: NonNullable<Parameters<typeof provider.webSocket>[0]>["refuse"]
  /** Before it has begun to answer. */
  readonly silent?: boolean | undefined
}

type Stub = NonNullable<Parameters<typeof provider.webSocket>[0]>

/** How it behaves, and what it keeps of each connection. */
export const behaving = (
  options: Options
): { readonly stub: Stub; readonly sessions: ReadonlyMap<provider.Peer, Session> } => {
  const sessions = new Map<provider.Peer, Session>()
  let answers = 0
  let events = 0
  let ids = 0
  const eventId = () => `event_${++events}`
  const open = (peer: provider.Peer): Session => {
    const session = { peer, events: [], items: [], asked: [], errors: [], proceed: () => {} }
    sessions.set(peer, session)
    tell(peer, {
      type: "session.created",
      event_id: eventId(),
      session: { type: "realtime", model: peer.url.searchParams.get("model") ?? "" }
    })
    return session
  }
  const tell = (peer: provider.Peer, event: RealtimeServerEvent): void => peer.send(event)
  const active = new Map<Session, { readonly id: string; readonly end: (status: Reply["status"]) => void }>()

  const wrong = (session: Session, code: string, event?: RealtimeClientEvent): void => {
    session.errors.push(code)
    tell(session.peer, {
      type: "error",
      event_id: eventId(),
      error: {
        type: /rate|server/.test(code) ? code : "invalid_request_error",
        code,
        message: "What the caller said.",
        ...(event?.event_id === undefined ? undefined : { event_id: event.event_id })
      }
    })
  }

  const add = (session: Session, item: ConversationItem & { ms?: number }, after?: string | null): void => {
    const at = after === "root" ? 0 : after == null
      ? session.items.length
      : session.items.findIndex(({ id }) => id === after) + 1
    session.items.splice(at, 0, item)
    const previous_item_id = session.items[at - 1]?.id ?? null
    tell(session.peer, { type: "conversation.item.added", event_id: eventId(), previous_item_id, item })
  }

  const respond = (session: Session, reply: Reply): void => {
    const { peer } = session
    const response_id = `resp_${++ids}`
    const response = (status: RealtimeResponse["status"]): RealtimeResponse => ({
      object: "realtime.response",
      id: response_id,
      status: status!,
      output: []
    })
    tell(peer, { type: "response.created", event_id: eventId(), response: response("in_progress") })
    peer.send({ type: "response.brand_new", event_id: eventId(), response_id, something: { unknown: true } })
    const end = (status: Reply["status"]): void => {
      active.delete(session)
      session.proceed = () => {}
      tell(peer, {
        type: "response.done",
        event_id: eventId(),
        response: {
          ...response(status),
          usage,
          ...(status === "cancelled"
            ? { status_details: { type: "cancelled", reason: "client_cancelled" } }
            : reply.details === undefined
            ? undefined
            : { status_details: reply.details })
        }
      })
      peer.send({ type: "rate_limits.updated", event_id: eventId(), rate_limits: [] })
    }
    active.set(session, { id: response_id, end })
    const spoken = (reply.text ?? "").split(/(?<= )/).filter((word) => word !== "")
    const about = { response_id, output_index: 0, content_index: 0 }
    const finish = (): void => {
      if (!active.has(session)) return
      for (const { id, name, params } of reply.calls ?? []) {
        const item_id = `item_s${++ids}`
        const written = JSON.stringify(params)
        const item = { id: item_id, type: "function_call", call_id: id, name, arguments: "" } as const
        tell(peer, { type: "response.output_item.added", event_id: eventId(), response_id, output_index: 1, item })
        for (const delta of [written.slice(0, 3), written.slice(3)]) {
          tell(peer, {
            type: "response.function_call_arguments.delta",
            event_id: eventId(),
            response_id,
            output_index: 1,
            item_id,
            call_id: id,
            delta
          })
        }
        const done = { ...item, status: "completed", arguments: written } as const
        add(session, done)
        tell(peer, {
          type: "response.output_item.done",
          event_id: eventId(),
          response_id,
          output_index: 1,
          item: done
        })
      }
      end(reply.status ?? "completed")
    }
    if (reply.written !== undefined) {
      const item_id = `item_s${++ids}`
      const content = [{ type: "output_text" as const, text: reply.written }]
      const item = { id: item_id, type: "message", role: "assistant", content } as const
      tell(peer, {
        type: "response.output_item.added",
        event_id: eventId(),
        response_id,
        output_index: 0,
        item: { ...item, content: [] }
      })
      add(session, { ...item, content })
      tell(peer, {
        type: "response.output_text.delta",
        event_id: eventId(),
        ...about,
        item_id,
        delta: reply.written
      })
    }
    if (spoken.length === 0) {
      for (const raw of reply.raw ?? []) peer.send(raw)
      return finish()
    }
    const item_id = `item_s${++ids}`
    const part = { type: "output_audio" as const, transcript: "" }
    const item: ConversationItem & { ms: number } = {
      id: item_id,
      type: "message",
      role: "assistant",
      content: [part],
      ms: 0
    }
    tell(peer, {
      type: "response.output_item.added",
      event_id: eventId(),
      response_id,
      output_index: 0,
      item: { id: item_id, type: "message", role: "assistant", content: [] }
    })
    add(session, item)
    const say = (from: number, to: number): void => {
      for (const [i, word] of spoken.slice(from, to).entries()) {
        if (reply.closeAfter === from + i) return void peer.socket.terminate()
        part.transcript += word
        tell(peer, {
          type: "response.output_audio_transcript.delta",
          event_id: eventId(),
          ...about,
          item_id,
          delta: word
        })
        if (i === 0) { for (const raw of reply.raw ?? []) peer.send(raw) }
        item.ms += reply.wordMs ?? 100
        tell(peer, {
          type: "response.output_audio.delta",
          event_id: eventId(),
          ...about,
          item_id,
          delta: audioOf(reply.wordMs ?? 100)
        })
      }
      if (to < spoken.length) return
      tell(peer, { type: "response.output_audio.done", event_id: eventId(), ...about, item_id })
      tell(peer, {
        type: "response.output_item.done",
        event_id: eventId(),
        response_id,
        output_index: 0,
        item: { id: item_id, type: "message", role: "assistant", status: "completed", content: [part] }
      })
      finish()
    }
    const hold = reply.holdAfter ?? spoken.length
    say(0, hold)
    session.proceed = () => active.has(session) && say(hold, spoken.length)
  }

  const perform = (event: RealtimeClientEvent, session: Session): void => {
    const { items, peer } = session
    const place = (id: string) => items.findIndex((item) => item.id === id)
    switch (event.type) {
      case "session.update":
        return tell(peer, { type: "session.updated", event_id: eventId(), session: event.session as never })
      case "conversation.item.create": {
        const { item, previous_item_id: after } = event
        if (after != null && after !== "root" && place(after) < 0) return wrong(session, "item_not_found", event)
        if (place(item.id ?? "") >= 0) return wrong(session, "item_already_exists", event)
        return add(session, structuredClone(item), after)
      }
      case "conversation.item.delete":
        if (place(event.item_id) < 0) return wrong(session, "item_delete_invalid_item_id", event)
        items.splice(place(event.item_id), 1)
        return tell(peer, { type: "conversation.item.deleted", event_id: eventId(), item_id: event.item_id })
      case "conversation.item.truncate": {
        const item = items[place(event.item_id)]
        if (item?.type !== "message" || item.role !== "assistant" || event.audio_end_ms > (item.ms ?? 0)) {
          return wrong(session, "invalid_truncate", event)
        }
        item.ms = event.audio_end_ms
        item.content = [{ type: "output_audio", transcript: "…" }]
        const { audio_end_ms, content_index, item_id } = event
        return tell(peer, {
          type: "conversation.item.truncated",
          event_id: eventId(),
          item_id,
          content_index,
          audio_end_ms
        })
      }
      case "response.create": {
        if (active.has(session)) return wrong(session, "conversation_already_has_active_response", event)
        session.asked.push(items.map(shown))
        if (options.silent === true) return
        const { replies } = options
        const reply = typeof replies === "function"
          ? replies(items.map(shown))
          : replies[Math.min(answers, replies.length - 1)]
        answers += 1
        return respond(session, reply ?? {})
      }
      case "response.cancel":
        if (active.get(session)?.id !== event.response_id) {
          return wrong(session, "response_cancel_not_active", event)
        }
        return active.get(session)!.end("cancelled")
      default:
        return wrong(session, "unknown_event", event)
    }
  }
  return {
    sessions,
    stub: {
      refuse: options.refuseHandshake,
      onOpen: open,
      onMessage: (message, peer) => {
        const event = JSON.parse(String(message)) as RealtimeClientEvent
        const session = sessions.get(peer) ?? open(peer)
        session.events.push(event)
        if (options.ignore?.(event, session) === true) return
        const code = options.refuse?.(event, session)
        if (code !== undefined) wrong(session, code, event)
        else perform(event, session)
      }
    }
  }
}

export const serve = (options: Options): Effect.Effect<Realtime, never, Scope.Scope> =>
  Effect.suspend(() => {
    const { sessions, stub } = behaving(options)
    return Effect.map(provider.webSocket(stub), ({ next, url }) => ({
      url: url.replace("ws", "http"),
      next,
      get sessions() {
        return [...sessions.values()]
      }
    }))
  })
