/**
 * The door to the providers' own packages: the members that are used here, and none where a package is not
 * installed (`npm install --prefix test/oracles`). They are no dependency of the project.
 */
import { createRequire } from "node:module"
import * as Path from "node:path"

const require = createRequire(import.meta.url)

const load = <A>(name: string): A | undefined => {
  try {
    return require(name) as A
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND") return undefined
    throw error
  }
}

/** What a test is called that a package is missing for. */
export const titled = (title: string, client: unknown): string =>
  client === undefined ? `${title} (skipped: npm install --prefix test/oracles)` : title

/** The folder of a package, or none. */
export const folder = (name: string): string | undefined => {
  // Some do not let their package.json be asked for: these have their entry beside it.
  for (const file of [`${name}/package.json`, name]) {
    try {
      return Path.dirname(require.resolve(file))
    } catch {
      continue
    }
  }
  return undefined
}

export interface DeepgramSocket {
  readonly on: (event: "message", listener: (message: unknown) => void) => void
  readonly connect: () => unknown
  readonly waitForOpen: () => Promise<unknown>
  readonly sendMedia: (bytes: Uint8Array) => void
  readonly sendFinalize: (message: { readonly type: "Finalize" }) => void
  readonly sendKeepAlive: (message: { readonly type: "KeepAlive" }) => void
  readonly sendCloseStream: (message: { readonly type: "CloseStream" }) => void
  readonly close: () => void
}

export interface FluxSocket extends Omit<DeepgramSocket, "sendFinalize" | "sendKeepAlive"> {
  readonly sendForceEndTurn: (message: { readonly type: "ForceEndTurn" }) => void
}

export const deepgram = load<{
  readonly DeepgramClient: new(options: object) => {
    readonly listen: {
      readonly v1: { readonly connect: (options: object) => Promise<DeepgramSocket> }
      readonly v2: { readonly connect: (options: object) => Promise<FluxSocket> }
    }
  }
}>("@deepgram/sdk")

export interface Scribe {
  readonly on: (event: string, listener: (message: Readonly<Record<string, unknown>>) => void) => void
  readonly send: (chunk: { readonly audioBase64: string }) => void
  readonly commit: () => void
  readonly close: () => void
}

export const elevenlabs = load<{
  readonly ElevenLabsClient: new(options: object) => {
    readonly speechToText: { readonly realtime: { readonly connect: (options: object) => Promise<Scribe> } }
    readonly textToSpeech: { readonly stream: (voice: string, request: object) => Promise<ReadableStream<Uint8Array>> }
    readonly voices: { readonly getAll: () => Promise<{ readonly voices: ReadonlyArray<{ readonly name?: string }> }> }
  }
}>("@elevenlabs/elevenlabs-js")

export interface Codec {
  readonly parseOrThrow: (raw: unknown, options?: object) => unknown
}

/** Reads a message by the package's own description of it. */
export const elevenlabsSerialization = load<
  { readonly [Name in "AudioOutput" | "InitializeConnection" | "SendText" | "CloseConnection"]: Codec }
>(
  "@elevenlabs/elevenlabs-js/serialization"
)

interface Recognizer {
  recognizing: (sender: unknown, event: { readonly result: { readonly text: string } }) => void
  recognized: (sender: unknown, event: { readonly result: { readonly text: string; readonly json: string } }) => void
  canceled: (sender: unknown, event: { readonly errorDetails: string | undefined }) => void
  sessionStopped: () => void
  readonly startContinuousRecognitionAsync: () => void
  readonly close: () => void
}

interface SpeechConfig {
  speechRecognitionLanguage: string
  outputFormat: number
  speechSynthesisVoiceName: string
  readonly requestWordLevelTimestamps: () => void
  readonly setProfanity: (option: number) => void
  readonly setProperty: (id: number, value: string) => void
}

export const azure = load<{
  readonly SpeechConfig: { readonly fromEndpoint: (url: URL, key: string) => SpeechConfig }
  readonly OutputFormat: { readonly Detailed: number }
  readonly ProfanityOption: { readonly Masked: number }
  readonly PropertyId: { readonly Speech_SegmentationSilenceTimeoutMs: number }
  readonly AudioStreamFormat: { readonly getWaveFormatPCM: (rate: number, bits: number, channels: number) => unknown }
  readonly AudioInputStream: {
    readonly createPushStream: (
      format: unknown
    ) => { readonly write: (bytes: ArrayBuffer) => void; readonly close: () => void }
  }
  readonly AudioConfig: { readonly fromStreamInput: (stream: unknown) => unknown }
  readonly SpeechRecognizer: {
    new(config: SpeechConfig, audio: unknown): Recognizer
    readonly FromConfig: (config: SpeechConfig, languages: unknown, audio: unknown) => Recognizer
  }
  readonly AutoDetectSourceLanguageConfig: {
    readonly fromLanguages: (languages: ReadonlyArray<string>) => { mode: number }
  }
  readonly LanguageIdMode: { readonly Continuous: number }
  readonly PhraseListGrammar: {
    readonly fromRecognizer: (
      recognizer: Recognizer
    ) => { readonly addPhrases: (phrases: ReadonlyArray<string>) => void }
  }
  readonly RecognitionStatus?: Readonly<Record<string, unknown>>
}>("microsoft-cognitiveservices-speech-sdk")

export interface AssemblyAiSocket {
  readonly on: (event: "turn" | "error" | "close", listener: (event: unknown) => void) => void
  readonly connect: () => Promise<unknown>
  readonly sendAudio: (audio: ArrayBuffer) => void
  readonly forceEndpoint: () => void
  readonly keepAlive: () => void
  readonly close: () => Promise<unknown>
}

export const assemblyai = load<{ readonly StreamingTranscriber: new(options: object) => AssemblyAiSocket }>(
  "assemblyai"
)

export interface CartesiaContext {
  readonly push: (piece: { readonly transcript: string; readonly generation_config?: object }) => Promise<void>
  readonly no_more_inputs: () => Promise<void>
  readonly cancel: () => Promise<void>
  readonly receive: () => AsyncIterable<{ readonly type: string; readonly audio?: Uint8Array }>
}

export interface CartesiaSocket {
  readonly on: (event: "error", listener: (error: unknown) => void) => void
  readonly connect: () => Promise<unknown>
  readonly context: (options: object) => CartesiaContext
  readonly close: () => void
}

export const cartesia = load<{
  readonly Cartesia: new(options: object) => {
    readonly tts: { readonly websocket: () => Promise<CartesiaSocket> }
  }
}>("@cartesia/cartesia-js")
