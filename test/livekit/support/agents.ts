/** Agents that need no provider: they hear by Silero, think by a script, and speak by flite. */
import { Effect, Layer } from "effect"
import { Agent, Audio, type Event, Pipeline, Session, Stt, Vad } from "effect-voice"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as LiveKitRoom from "effect-voice/Layers/LiveKitRoom"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import * as Testing from "effect-voice/testing"
import { recording } from "../../fixtures/speech.ts"
import { agentToken, type Caller, now, url } from "./people.ts"
import type { Address } from "./server.ts"

/** Recognises a speech as how long it was. */
const Ears = Layer.effect(
  Stt.Stt,
  Vad.Vad.useSync((vad) =>
    Stt.fromRecognizer({
      name: "clock",
      vad,
      recognize: (speech) => Effect.succeed({ text: `I spoke for ${Math.round(Audio.durationMs(speech))}.` })
    })
  )
)

const Mind = (script: Testing.LlmScript, thinks: number) =>
  Testing.layerLlm(script, { firstToken: thinks, total: thinks + 50 })

export const services = (script: Testing.LlmScript, thinks = 50) =>
  Layer.mergeAll(Ears, Mind(script, thinks), FliteTts.layer()).pipe(Layer.provideMerge(SileroVad.layer()))

export interface Told {
  readonly at: number
  readonly event: Event.Event
}

export interface Talk {
  readonly session: Session.Session["Service"]
  readonly told: ReadonlyArray<Told>
  readonly of: <T extends Event.Event["_tag"]>(tag: T) => ReadonlyArray<Extract<Event.Event, { readonly _tag: T }>>
}

export interface TalkOptions {
  readonly room: string
  readonly identity?: string | undefined
  readonly greeting?: string | undefined
  readonly script: Testing.LlmScript
  /** Until the first word of a reply (ms). @default 50 */
  readonly thinks?: number | undefined
  readonly options?: Pipeline.Options | undefined
  readonly livekit?: Partial<LiveKitRoom.Options> | undefined
  /** @default the server of this run */
  readonly at?: Address | undefined
}

/** An agent in a room, until the scope closes. */
export const talk = (options: TalkOptions) =>
  Effect.gen(function*() {
    const told: Array<Told> = []
    const { greeting } = options
    const agent = Agent.make({
      instructions: "",
      ...(greeting === undefined ? {} : { onEnter: Session.Session.use((session) => session.say(greeting)) })
    })
    const token = yield* agentToken(options.room, options.identity, options.at)
    const room = LiveKitRoom.layer({ url: options.at?.url ?? url(), token, ...options.livekit })
    const context = yield* Layer.build(Layer.merge(room, services(options.script, options.thinks)))
    const session = yield* Effect.provide(
      Pipeline.make(agent, {
        turn: { preemption: { llm: false, tts: false }, interruption: { echoWarmUp: 0 } },
        ...options.options,
        onEvent: (event) => told.push({ at: now(), event })
      }),
      context
    )
    const talk: Talk = {
      session,
      told,
      of: (tag) =>
        told.flatMap(({ event }) => event._tag === tag ? [event as Extract<Event.Event, { _tag: typeof tag }>] : [])
    }
    return { ...talk, context }
  })

export const question = recording("weather_question.wav")
export const long = recording("jfk.wav")

/** Asks the question aloud, and hears the answer to its end; gives after how long it began (ms). */
export const asks = (ann: Caller) =>
  Effect.gen(function*() {
    yield* ann.says(question)
    const asked = now()
    const answered = yield* ann.hears("agent", asked)
    yield* ann.hearsSilence("agent", 700)
    return Math.round(answered - asked)
  })
