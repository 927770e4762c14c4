/** Counts what providers are used for, where they are really asked. */
import type * as Prompt from "effect/ai/Prompt"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import * as Cost from "../../Cost.ts"
import type * as Llm from "../../Llm.ts"
import type * as Stt from "../../Stt.ts"
import type * as Tts from "../../Tts.ts"
import { isGuarded } from "../resilience/breaker.ts"

const usageOf = (
  component: Cost.Usage["component"],
  { model, name }: { readonly name: string; readonly model?: string | undefined },
  used: Partial<Cost.Usage>
): Cost.Usage => ({
  component,
  provider: name,
  ...(model === undefined ? {} : { model }),
  inputTokens: 0,
  outputTokens: 0,
  characters: 0,
  audioMs: 0,
  estimated: false,
  ...used
})

/** Tokens, where nobody tells them. */
const tokens = (characters: number): number => Math.ceil(characters / 4)

const lengthOf = (prompt: Prompt.Prompt): number =>
  prompt.content.reduce((sum, { content }) => {
    if (typeof content === "string") return sum + content.length
    const parts: ReadonlyArray<{ readonly type: string; readonly text?: unknown }> = content
    return parts.reduce((sum, part) => sum + (typeof part.text === "string" ? part.text.length : 0), sum)
  }, 0)

/** What is made of others tells what these have done. */
export const meteredReply = (
  service: Llm.Llm["Service"],
  request: Llm.Request
): Stream.Stream<Llm.Delta, Llm.LlmError> => {
  if (isGuarded(service)) return service.reply(request)
  return Stream.unwrap(Effect.map(Cost.Meter, (report) => {
    let finish: Extract<Llm.Delta, { readonly _tag: "Finish" }> | undefined
    let written = 0
    return service.reply(request).pipe(
      Stream.map((delta) => {
        if (delta._tag === "Finish") finish = delta
        else written += delta._tag === "Text" ? delta.text.length : 1
        return delta
      }),
      Stream.onExit((exit) =>
        Effect.sync(() => {
          // Who refuses a request asks nothing for it.
          if (Exit.isFailure(exit) && written === 0 && finish === undefined && !Exit.hasInterrupts(exit)) return
          const usage = finish?.usage
          const model = finish?.model ?? request.settings?.model ?? service.model
          report(usageOf("llm", { name: service.name, model }, {
            inputTokens: usage?.inputTokens ?? tokens(lengthOf(request.prompt)),
            outputTokens: usage?.outputTokens ?? tokens(written),
            estimated: usage === undefined
          }))
        })
      )
    )
  }))
}

export const meteredSpeech = <E, R>(
  service: Tts.Tts["Service"],
  text: Stream.Stream<string, E, R>,
  options: Tts.Options | undefined
): Stream.Stream<Tts.Chunk, E | Tts.TtsError, R> => {
  if (isGuarded(service)) return service.speak(text, options)
  return Stream.unwrap(Effect.map(Cost.Meter, (report) => {
    let characters = 0
    let audioMs = 0
    const counted = Stream.map(text, (piece) => {
      characters += piece.length
      return piece
    })
    return service.speak(counted, options).pipe(
      Stream.map((chunk) => {
        audioMs += Audio.durationMs(chunk.frame)
        return chunk
      }),
      Stream.onExit((exit) =>
        Effect.sync(() => {
          if (characters === 0 || (Exit.isFailure(exit) && audioMs === 0 && !Exit.hasInterrupts(exit))) return
          report(usageOf("tts", service, { characters, audioMs }))
        })
      )
    )
  }))
}

/** Longest audio that is not told of (ms). */
const toldEveryMs = 15_000

export const meteredTranscription = <E, R>(
  service: Stt.Service,
  audio: Stream.Stream<Stt.Input, E, R>,
  transcribe: Stt.Service["transcribe"]
): Stream.Stream<Stt.Transcript, E | Stt.SttError, R> => {
  if (isGuarded(service)) return transcribe(audio)
  return Stream.unwrap(Effect.map(Cost.Meter, (report) => {
    let audioMs = 0
    const tell = () => {
      if (audioMs > 0) report(usageOf("stt", service, { audioMs }))
      audioMs = 0
    }
    const counted = Stream.mapArray(audio, (inputs) => {
      for (const input of inputs) if ("samples" in input) audioMs += Audio.durationMs(input)
      // A line on which nobody speaks costs, too.
      if (audioMs >= toldEveryMs) tell()
      return inputs
    })
    return transcribe(counted).pipe(
      Stream.map((heard) => {
        if (heard.final) tell()
        return heard
      }),
      Stream.onExit(() => Effect.sync(tell))
    )
  }))
}

/** For services that claim to be resilient by themselves, and that nobody has wrapped. */
export const meterLlm = (llm: Llm.Llm["Service"]): Llm.Llm["Service"] =>
  isGuarded(llm) ? llm : { ...llm, reply: (request) => meteredReply(llm, request) }

export const meterTts = (tts: Tts.Tts["Service"]): Tts.Tts["Service"] =>
  isGuarded(tts) ? tts : { ...tts, speak: (text, options) => meteredSpeech(tts, text, options) }

export const meterStt = (stt: Stt.Service): Stt.Service =>
  isGuarded(stt) ? stt : { ...stt, transcribe: (audio) => meteredTranscription(stt, audio, stt.transcribe) }
