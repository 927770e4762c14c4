/**
 * Every option of every constructor and layer, given nonsense: a typed error names the option, or it is accepted on purpose. What
 * is no option is refused by its name, by every public function that takes options.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Redacted, Schema, Stream } from "effect"
import {
  Agent,
  Audio,
  CallState,
  Frontend,
  History,
  Llm,
  Metrics,
  OverlapClassifier,
  type Pipeline,
  Processor,
  Resilience,
  Room,
  type Session,
  Stt,
  Task,
  type Telephone,
  Text,
  Tools,
  Tts,
  type Turn,
  TurnDetector,
  Vad,
  Worker
} from "effect-voice"
import * as AssemblyAiStt from "effect-voice/Layers/AssemblyAiStt"
import * as AzureStt from "effect-voice/Layers/AzureStt"
import * as AzureTts from "effect-voice/Layers/AzureTts"
import * as CartesiaTts from "effect-voice/Layers/CartesiaTts"
import * as CommandStt from "effect-voice/Layers/CommandStt"
import * as CommandTts from "effect-voice/Layers/CommandTts"
import * as DeepgramFluxStt from "effect-voice/Layers/DeepgramFluxStt"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import * as ElevenLabsStt from "effect-voice/Layers/ElevenLabsStt"
import * as ElevenLabsTts from "effect-voice/Layers/ElevenLabsTts"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as FileRecorder from "effect-voice/Layers/FileRecorder"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as HttpLlm from "effect-voice/Layers/HttpLlm"
import * as HttpStt from "effect-voice/Layers/HttpStt"
import * as HttpTts from "effect-voice/Layers/HttpTts"
import * as LiveKitRoom from "effect-voice/Layers/LiveKitRoom"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as OpenAiRealtime from "effect-voice/Layers/OpenAiRealtime"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import * as OpenAiTts from "effect-voice/Layers/OpenAiTts"
import * as Prometheus from "effect-voice/Layers/Prometheus"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import * as SmartTurnDetector from "effect-voice/Layers/SmartTurnDetector"
import * as Telemetry from "effect-voice/Layers/Telemetry"
import * as TwilioRoom from "effect-voice/Layers/TwilioRoom"
import type * as WebSocketRoom from "effect-voice/Layers/WebSocketRoom"
import * as Testing from "effect-voice/testing"
import { Prompt } from "effect/ai"
import * as fs from "node:fs"
import * as os from "node:os"
import { join } from "node:path"
import { check as checkLiveKit } from "../src/internal/livekit/options.ts"
import { check as checkPipeline, checkEach } from "../src/internal/pipeline/options.ts"
import {
  checkAnswering,
  checkClose,
  checkHangUp,
  checkInterrupt,
  checkKeys,
  checkSay,
  checkTransfer,
  checkUpdate,
  checkWait
} from "../src/internal/pipeline/requests.ts"
import { check as checkTelephone } from "../src/internal/telephone/options.ts"
import { check as checkWebSocket } from "../src/internal/webSocket/options.ts"
import { check as checkWorker, checkDefinition } from "../src/internal/worker/options.ts"
import { takers } from "./support/takers.ts"

/** What is given in place of an option. */
const nonsense = {
  undefined,
  null: null,
  "\"\"": "",
  NaN: Number.NaN,
  "-1": -1,
  "{}": {},
  "[]": [],
  words: "nonsense of no kind",
  fn: () => undefined,
  true: true
}

type Name = keyof typeof nonsense
/** What of it an option takes on purpose, separated by spaces. */
type Taken = string

const isName = (name: string): name is Name => name in nonsense

// Kinds of options that need not be given …
const text = "undefined words"
const words = "undefined \"\" words"
const number = "undefined"
const level = "undefined -1"
const length = "undefined"
const flag = "undefined true"
const list = "undefined []"
const record = "undefined {}"
const callback = "undefined fn"
const only = "undefined"
// A file of that name would be made.
const path = "undefined -words"
const section = "{} undefined"
// … and of those that must.
const must = { path: "-words", text: "words", words: "\"\" words", callback: "fn", only: "" }

interface Sweep {
  readonly name: string
  readonly good: Readonly<Record<string, unknown>>
  readonly taken: Readonly<Record<string, Taken>>
  /** Whether all options may be left out. */
  readonly optional: boolean
  readonly build: (options: any) => unknown
}

type Fields<O> = { readonly [K in keyof O]-?: Taken }

const sweep = <O extends object>(
  name: string,
  build: (options: O) => unknown,
  taken: Fields<O>,
  good: Partial<O> = {},
  optional = false
): Sweep => ({ name, good: good as Sweep["good"], taken, optional, build })

const apiKey = Redacted.make("key")
const url = "http://127.0.0.1:1"
const folder = fs.mkdtempSync(join(os.tmpdir(), "effect-voice-nonsense-"))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))
const recordings = { folder, key: Redacted.make("00".repeat(32)) }
const llm = Llm.make({ name: "a", reply: () => Stream.make<[Llm.Delta]>({ _tag: "Finish" }) })
const tts = Tts.make({ name: "a", sampleRate: 8000, channels: 1, speak: (text) => Stream.drain(text) })
const stt = Stt.make({ name: "a", transcribe: (audio) => Stream.drain(audio) })
// Nobody is at its other end.
const noSocket = {
  reader: Effect.fail({ _tag: "SocketError" }),
  writer: Effect.fail({ _tag: "SocketError" })
} as unknown as Parameters<typeof TwilioRoom.accept>[0]
const session = new Proxy({} as Session.Session["Service"], {
  get: (_, name) => name === "events" ? Stream.empty : name === "job" ? {} : Effect.succeed("")
})
const definition = Worker.define({ entry: () => Effect.void, layer: Layer.empty })
const server = { url: "ws://127.0.0.1:1", apiKey, apiSecret: apiKey }

const vad: Fields<Vad.Options> = {
  activation: number,
  deactivation: number,
  minSpeech: length,
  minSilence: length,
  prefixPadding: length,
  maxBufferedSpeech: length,
  onScore: callback
}

const openAi = {
  apiKey: only,
  baseUrl: only,
  organization: text,
  project: text,
  headers: record,
  name: text
}

const common = { apiKey: must.only, name: text, baseUrl: only }

const command = {
  name: text,
  program: must.only,
  args: "undefined [] fn",
  env: record,
  cwd: only,
  stderr: only,
  timeout: length,
  maxOutput: number,
  concurrency: number
}

const budget: Fields<History.Budget> = {
  maxTokens: must.only,
  targetTokens: number,
  keepRecent: number,
  estimate: callback
}

const attempts: Fields<Omit<Resilience.Policy, "breaker">> = {
  retries: number,
  schedule: only,
  attempt: length,
  firstOutput: length,
  nextOutput: length,
  thinking: length
}

const breaker: Fields<Omit<Resilience.BreakerOptions, "name" | "component">> = {
  consecutiveFailures: number,
  failureRate: number,
  minimumRequests: number,
  window: length,
  recovery: only
}

const fallback: Fields<Resilience.FallbackOptions<any>> = {
  name: text,
  policy: section,
  breaker: section,
  probe: callback,
  recovery: only
}

const hedge: Fields<Resilience.HedgeOptions> = { name: text, after: length, policy: section }

const turn: Fields<Turn.Options> = {
  detection: only,
  endpointing: section,
  interruption: section,
  preemption: section,
  language: text,
  phrases: record,
  holdFor: length,
  awayAfter: length,
  transcriptionTimeout: length,
  limits: section,
  toleratedFailures: number,
  maxErrors: number,
  errorWindow: length
}

const conversation: Fields<Omit<Pipeline.Options, "participant" | "sessionId">> = {
  turn: section,
  // What these hold, the detector and the room check when they are asked.
  vad: record,
  output: record,
  maxToolSteps: number,
  toolTimeout: length,
  results: section,
  resilience: section,
  apology: section,
  failedReply: section,
  filler: "undefined {} true",
  textTimeout: length,
  prewarm: flag,
  processors: list,
  detectorProcessors: list,
  transforms: list,
  minSentence: number,
  feed: only,
  stt: flag,
  syncTranscript: flag,
  mutedAfter: length,
  budget: only,
  spending: section,
  textTopic: text,
  onText: callback,
  onKey: callback,
  microphoneTimeout: length,
  subscriberTimeout: length,
  closeOnLeave: flag,
  returnTimeout: length,
  closeTimeout: length,
  lastWordsTimeout: length,
  drainTimeout: length,
  timeLimits: section,
  roomTimeout: length,
  hookTimeout: length,
  job: record,
  onEvent: callback
}

const calls = {
  port: number,
  host: text,
  maxCalls: number,
  load: callback,
  loadThreshold: number,
  drainTimeout: length,
  http: section
}

const own = { name: must.text, model: text, prewarm: only }
const format = { sampleRate: must.only, channels: must.only }

const layers: ReadonlyArray<Sweep> = [
  sweep<AzureStt.Options>("AzureStt.layer", AzureStt.layer, {
    ...common,
    region: must.only,
    language: only,
    languages: only,
    mode: only,
    profanity: only,
    output: only,
    phrases: list,
    segmentation: length,
    endpointId: text,
    sampleRate: number
  }, { apiKey, region: "westeurope" }),
  sweep<AzureTts.Options>("AzureTts.layer", AzureTts.layer, {
    ...common,
    region: must.only,
    voice: text,
    language: only,
    rate: number,
    pitch: only,
    volume: only,
    style: text,
    endpointId: text,
    sampleRate: number
  }, { apiKey, region: "westeurope" }),
  sweep<AssemblyAiStt.Options>("AssemblyAiStt.layer", AssemblyAiStt.layer, {
    ...common,
    model: text,
    languages: list,
    detectLanguage: flag,
    endThreshold: number,
    eagerThreshold: number,
    endSilence: length,
    endTimeout: length,
    voiceThreshold: number,
    formatTurns: flag,
    keyterms: list,
    prompt: text,
    mode: only,
    profanityFilter: flag,
    parameters: record,
    sampleRate: number
  }, { apiKey }),
  sweep<CartesiaTts.Options>("CartesiaTts.layer", CartesiaTts.layer, {
    ...common,
    voice: text,
    model: text,
    language: only,
    speed: number,
    volume: number,
    emotion: text,
    pronunciation: text,
    textNormalization: only,
    maxBufferDelay: length,
    sampleRate: only
  }, { apiKey }),
  sweep<CommandStt.Options>("CommandStt.layer", CommandStt.layer, {
    ...command,
    input: only,
    format: only,
    padding: only,
    answer: only,
    language: text,
    vad: only,
    vadOptions: section,
    maxSpeech: length
  }, { program: "true" }),
  sweep<CommandTts.Options>("CommandTts.layer", CommandTts.layer, {
    ...command,
    input: only,
    output: only,
    audio: only,
    sampleRate: number,
    voice: text,
    voices: list,
    speed: number
  }, { program: "true" }),
  sweep<DeepgramFluxStt.Options>("DeepgramFluxStt.layer", DeepgramFluxStt.layer, {
    ...common,
    model: only,
    languages: list,
    endThreshold: number,
    eagerThreshold: number,
    endTimeout: length,
    keyterms: list,
    mipOptOut: flag,
    tags: list,
    parameters: record,
    sampleRate: number
  }, { apiKey }),
  sweep<DeepgramStt.Options>("DeepgramStt.layer", DeepgramStt.layer, {
    ...common,
    model: text,
    language: only,
    interims: flag,
    endpointing: length,
    smartFormat: flag,
    noDelay: flag,
    punctuate: flag,
    numerals: flag,
    fillerWords: flag,
    profanityFilter: flag,
    redact: list,
    keyterms: list,
    keywords: list,
    mipOptOut: flag,
    tags: list,
    parameters: record,
    sampleRate: number
  }, { apiKey }),
  sweep<ElevenLabsStt.Options>("ElevenLabsStt.layer", ElevenLabsStt.layer, {
    ...common,
    model: text,
    language: only,
    secondaryLanguages: list,
    keyterms: list,
    noVerbatim: flag,
    commit: only,
    pause: length,
    voiceThreshold: number,
    words: flag,
    logging: flag,
    sampleRate: number
  }, { apiKey }),
  sweep<ElevenLabsTts.Options>("ElevenLabsTts.layer", ElevenLabsTts.layer, {
    ...common,
    voice: text,
    model: text,
    language: only,
    stability: number,
    similarityBoost: number,
    style: number,
    speakerBoost: flag,
    speed: number,
    latency: only,
    mode: only,
    format: only,
    autoMode: flag,
    chunkSchedule: list,
    inactivityTimeout: length,
    textNormalization: only,
    logging: flag
  }, { apiKey }),
  sweep<EnergyVad.Options>(
    "EnergyVad.layer",
    EnergyVad.layer,
    { ...vad, threshold: level, sampleRate: number, windowSize: number },
    {},
    true
  ),
  sweep<FileRecorder.Options>("FileRecorder.layer", FileRecorder.layer, {
    folder: must.path,
    key: must.only,
    retention: length,
    transcript: flag,
    tools: flag,
    audio: flag
  }, recordings),
  sweep<FileRecorder.ReadOptions>(
    "FileRecorder.read",
    (options) => Stream.runDrain(FileRecorder.read(join(folder, "none"), options)),
    { key: must.only },
    recordings
  ),
  sweep<Parameters<typeof FileRecorder.list>[0]>(
    "FileRecorder.list",
    (options) => Stream.runDrain(FileRecorder.list(options)),
    { key: must.only, folder: must.text },
    recordings
  ),
  sweep<Parameters<typeof FileRecorder.remove>[0]>(
    "FileRecorder.remove",
    FileRecorder.remove,
    { key: must.only, folder: must.text, where: must.callback },
    { ...recordings, where: () => false }
  ),
  sweep<Parameters<typeof FileRecorder.writeWav>[1]>(
    "FileRecorder.writeWav",
    (options) => FileRecorder.writeWav(join(folder, "none"), options),
    { key: must.only, to: must.path },
    { ...recordings, to: join(folder, "out.wav") }
  ),
  sweep<FliteTts.Options>("FliteTts.layer", FliteTts.layer, { voice: only, speed: number }, {}, true),
  sweep<HttpLlm.Options>("HttpLlm.layer", HttpLlm.layer, {
    url: must.only,
    name: text,
    headers: record,
    model: text,
    temperature: number,
    maxTokens: number,
    body: callback,
    answer: only
  }, { url }),
  sweep<HttpStt.Options>("HttpStt.layer", HttpStt.layer, {
    url: must.only,
    name: text,
    headers: record,
    model: text,
    upload: only,
    field: only,
    parameters: "undefined {} fn",
    language: text,
    answer: only,
    format: only,
    vad: only,
    vadOptions: section,
    interimEvery: length,
    maxSpeech: length
  }, { url }),
  sweep<HttpTts.Options>("HttpTts.layer", HttpTts.layer, {
    url: must.only,
    name: text,
    headers: record,
    model: text,
    voice: text,
    body: callback,
    answer: only,
    format: only,
    longest: number
  }, { url }),
  sweep<LiveKitRoom.Options>("LiveKitRoom.layer", checkLiveKit, {
    url: must.only,
    token: must.only,
    admin: only,
    autoSubscribe: only,
    encryption: only,
    rejoin: flag,
    retries: number,
    retryDelay: length,
    frame: length,
    audioBuffer: length,
    maxMessageBytes: number,
    topics: section,
    nativeLogs: flag,
    frontend: section,
    preconnect: section
  }, { url: "ws://127.0.0.1:1", token: apiKey }),
  sweep<LiveKitRoom.TokenOptions>("LiveKitRoom.token", LiveKitRoom.token, {
    apiKey: must.text,
    apiSecret: must.only,
    room: must.text,
    identity: must.text,
    name: words,
    metadata: words,
    attributes: record,
    kind: only,
    hidden: flag,
    admin: flag,
    ttl: length
  }, { apiKey: "key", apiSecret: apiKey, room: "desk", identity: "ann" }),
  sweep<LocalRoom.Options>(
    "LocalRoom.layer",
    LocalRoom.layer,
    {
      name: words,
      participants: list,
      record: path,
      mode: only,
      frame: length,
      keepHeard: flag
    },
    {},
    true
  ),
  sweep<LocalRoom.Participant>(
    "LocalRoom.layer participants",
    (participant) => LocalRoom.layer({ participants: [participant] }),
    {
      identity: must.text,
      name: words,
      kind: only,
      attributes: record,
      audio: "undefined [] -words",
      join: length,
      linger: length,
      format: only
    },
    { identity: "ann" }
  ),
  sweep<OpenAiLlm.Options>("OpenAiLlm.layer", OpenAiLlm.layer, {
    ...openAi,
    api: only,
    model: text,
    temperature: number,
    topP: number,
    maxTokens: number,
    frequencyPenalty: level,
    presencePenalty: level,
    seed: level,
    stop: list,
    reasoningEffort: only,
    parallelToolCalls: flag,
    strict: flag,
    hears: flag,
    extra: record
  }, { apiKey, baseUrl: url }),
  sweep<OpenAiRealtime.Options>("OpenAiRealtime.layer", OpenAiRealtime.layer, {
    ...openAi,
    model: text,
    voice: text,
    speed: number,
    maxTokens: number,
    extra: record
  }, { apiKey, baseUrl: url }),
  sweep<OpenAiStt.Options>("OpenAiStt.layer", OpenAiStt.layer, {
    ...openAi,
    language: only,
    languages: list,
    keywords: list,
    prompt: text,
    model: text,
    temperature: number,
    words: only,
    gates: "undefined {} true",
    vad: only,
    vadOptions: section,
    interimEvery: length,
    maxSpeech: length
  }, { apiKey, baseUrl: url, model: "gpt-transcribe" }),
  sweep<OpenAiStt.RealtimeOptions>("OpenAiStt.layerRealtime", OpenAiStt.layerRealtime, {
    ...openAi,
    language: only,
    languages: list,
    keywords: list,
    prompt: text,
    url: only,
    model: text,
    delay: only,
    noiseReduction: only
  }, { apiKey, baseUrl: url }),
  sweep<OpenAiTts.Options>("OpenAiTts.layer", OpenAiTts.layer, {
    ...openAi,
    model: text,
    voice: text,
    speed: number,
    instructions: words,
    format: only,
    sampleRate: number
  }, { apiKey, baseUrl: url, model: "gpt-4o-mini-tts" }),
  sweep<Prometheus.Options>(
    "Prometheus.layer",
    Prometheus.layer,
    {
      port: only,
      host: text,
      path: only,
      health: only,
      ready: only,
      enabled: flag,
      prefix: words
    },
    { port: 0, host: "127.0.0.1", enabled: false },
    true
  ),
  sweep<SileroVad.Options>(
    "SileroVad.layer",
    SileroVad.layer,
    {
      ...vad,
      sampleRate: number,
      windowSize: number,
      modelPath: text,
      worker: flag
    },
    { worker: false },
    true
  ),
  sweep<SmartTurnDetector.Options>(
    "SmartTurnDetector.layer",
    SmartTurnDetector.layer,
    { modelPath: text },
    { modelPath: join(folder, "none.onnx") },
    true
  ),
  sweep<Telemetry.JsonOptions>("Telemetry.layerJson", Telemetry.layerJson, { minimumLevel: only, to: only }, {}, true),
  sweep<Telemetry.OtlpOptions>("Telemetry.layerOtlp", Telemetry.layerOtlp, {
    url: must.only,
    serviceName: text,
    serviceVersion: text,
    attributes: record,
    headers: record,
    compression: only,
    logsInterval: length,
    metricsInterval: length,
    tracesInterval: length,
    shutdownTimeout: length
  }, { url, shutdownTimeout: 0 }),
  sweep<TwilioRoom.Options>(
    "TwilioRoom.accept",
    (options) => TwilioRoom.accept(noSocket, options),
    {
      identity: text,
      from: text,
      to: text,
      direction: only,
      key: only,
      keySid: text,
      apiUrl: only
    },
    {},
    true
  ),
  sweep<WebSocketRoom.Options>(
    "WebSocketRoom.make",
    (options = {}) => checkWebSocket(options),
    {
      ...calls,
      host: only,
      path: only,
      token: only,
      authorize: callback,
      origins: list,
      sampleRate: number,
      ahead: length,
      returnTimeout: length,
      silence: length,
      frontend: section
    },
    {},
    true
  )
]

const nouns: ReadonlyArray<Sweep> = [
  sweep<Agent.Options>("Agent.make", Agent.make, {
    name: text,
    instructions: must.words,
    tools: list,
    history: only,
    language: text,
    voice: text,
    stt: only,
    llm: only,
    tts: only,
    turn: section,
    vad: section,
    onEnter: callback,
    onExit: callback,
    onUserTurn: callback,
    onTurnLimit: callback,
    onAway: callback,
    onKey: callback,
    onFailure: callback,
    onEscalation: callback,
    onOrphanedResult: callback,
    onApproval: callback
  }, { instructions: "" }),
  sweep<Turn.Options>("Agent.make turn", (turn) => Agent.make({ instructions: "", turn }), turn, {}, true),
  sweep<Vad.Options>("Agent.make vad", (vad) => Agent.make({ instructions: "", vad }), vad, {}, true),
  sweep<Pipeline.Options>(
    "Pipeline.make",
    (options) => checkPipeline(options, true),
    { ...conversation, participant: words, sessionId: text },
    {}
  ),
  sweep<Pipeline.EachOptions>(
    "Pipeline.each",
    checkEach,
    { ...conversation, accepts: callback, concurrency: number },
    {}
  ),
  sweep<Session.ReplyOptions & Pick<Session.SayOptions, "clip">>("Session.say", checkSay, {
    instructions: words,
    toolChoice: only,
    when: only,
    expires: length,
    protected: flag,
    record: flag,
    voice: text,
    clip: list
  }),
  sweep<Session.AnsweredByOptions>("Session.answeredBy", (options) => checkAnswering(options), {
    first: length,
    person: length,
    pause: length,
    longest: length,
    isMachine: callback
  }),
  sweep<Session.KeysOptions>("Session.keys", (options) => checkKeys(options), {
    most: number,
    endKey: only,
    first: length,
    next: length,
    secret: flag
  }),
  sweep<Task.Options<{ readonly a: string }>>(
    "Task.make",
    (options) => Task.make(Agent.make({ instructions: "" }), options),
    { result: must.only, check: callback },
    { result: Schema.Struct({ a: Schema.String }) }
  ),
  sweep<Session.Update>(
    "Session.update",
    checkUpdate,
    { instructions: words, voice: text, tools: only, turn: section }
  ),
  sweep<Worker.DefineOptions<never, never>>(
    "Worker.define",
    (options) => checkDefinition(Worker.define(options)),
    {
      agentName: words,
      type: only,
      entry: must.callback,
      layer: must.only,
      prewarm: callback,
      accept: callback,
      encryption: only,
      connect: callback,
      autoSubscribe: only,
      permissions: section,
      deployment: words.replace("words", ""),
      joinTimeout: length,
      shutdownTimeout: length,
      callbackTimeout: length,
      afterRoom: length,
      prewarmTimeout: length,
      warmProviders: flag
    },
    { entry: () => Effect.void, layer: Layer.empty }
  ),
  sweep<Worker.Options>("Worker.run", (options) => checkWorker(definition, options), {
    url: must.only,
    apiKey: must.only,
    apiSecret: must.only,
    framing: only,
    retries: number,
    retryDelay: length,
    reconnects: number,
    maxJobs: number,
    memoryLimit: number,
    load: callback,
    loadThreshold: number,
    drainTimeout: length,
    pool: only,
    http: section
  }, server),
  sweep<Worker.PoolOptions>(
    "Worker.run pool",
    (pool) => checkWorker(definition, { ...server, pool }),
    {
      module: must.only,
      processes: number,
      jobsPerProcess: number,
      memoryWarning: number,
      memoryLimit: number,
      replaceAfterGrowth: number,
      replaceAfterJobs: number,
      execArgv: list
    },
    { module: "file:///desk.js" },
    true
  ),
  sweep<Worker.HttpOptions>(
    "Worker.run http",
    (http) => checkWorker(definition, { ...server, http }),
    {
      port: number,
      host: text,
      metricsPort: number,
      metrics: flag,
      token: only
    },
    {},
    true
  ),
  sweep<Telephone.TelephoneOptions>("Telephone.make", checkTelephone, {
    ...calls,
    url: must.only,
    token: must.only,
    accept: callback,
    key: only,
    keySid: text,
    apiUrl: only
  }, { url: "https://voice.example.com/call", token: apiKey }),
  sweep<Parameters<typeof Stt.make>[0]>("Stt.make", Stt.make, {
    ...own,
    interims: flag,
    resilient: flag,
    wants: only,
    oneShot: flag,
    turns: flag,
    language: text,
    withLanguage: callback,
    format: only,
    transcribe: must.callback
  }, { name: "a", transcribe: (audio) => Stream.drain(audio) }),
  sweep<Stt.RecognizerOptions>("Stt.fromRecognizer", Stt.fromRecognizer, {
    ...own,
    language: text,
    withLanguage: callback,
    recognize: must.callback,
    format: only,
    vad: only,
    vadOptions: section,
    interimEvery: length,
    maxSpeech: length
  }, { name: "a", recognize: () => Effect.succeed({ text: "" }) }),
  sweep<Parameters<typeof Llm.make>[0]>("Llm.make", Llm.make, {
    ...own,
    resilient: flag,
    runsTools: flag,
    hears: flag,
    reply: must.callback
  }, { name: "a", reply: () => Stream.empty }),
  sweep<Llm.LanguageModelOptions>(
    "Llm.fromLanguageModel",
    (options) => Llm.fromLanguageModel({} as never, options),
    { name: must.text, model: text, withSettings: callback },
    { name: "a" }
  ),
  sweep<Llm.Settings>("Llm.withSettings", (settings) => Llm.withSettings(llm, settings), {
    model: text,
    temperature: number,
    maxTokens: number
  }),
  sweep<Llm.CacheOptions>(
    "Llm.cached",
    (options) => Llm.cached(llm, options),
    { capacity: number, timeToLive: length },
    {},
    true
  ),
  sweep<Resilience.Policy>(
    "Llm.resilient",
    (policy) => Llm.resilient(llm, policy),
    {
      ...attempts,
      breaker: only
    },
    {},
    true
  ),
  sweep<Resilience.HedgeOptions>("Llm.hedge", (options) => Llm.hedge([llm, llm], options), hedge, {}, true),
  sweep<Resilience.FallbackOptions<any>>(
    "Llm.fallback",
    (options) => Llm.fallback([llm], options),
    fallback,
    {},
    true
  ),
  sweep<Parameters<typeof Tts.make>[0]>("Tts.make", Tts.make, {
    ...own,
    ...format,
    voices: list,
    resilient: flag,
    speak: must.callback
  }, { name: "a", sampleRate: 8000, channels: 1, speak: (text) => Stream.drain(text) }),
  sweep<Parameters<typeof Tts.fromSynthesizer>[0]>("Tts.fromSynthesizer", Tts.fromSynthesizer, {
    ...own,
    ...format,
    voices: list,
    synthesize: must.callback
  }, { name: "a", sampleRate: 8000, channels: 1, synthesize: () => Effect.succeed(Audio.silence(1, Audio.speech)) }),
  sweep<Resilience.Policy>(
    "Tts.resilient",
    (policy) => Tts.resilient(tts, policy),
    {
      ...attempts,
      breaker: only
    },
    {},
    true
  ),
  sweep<Resilience.HedgeOptions>("Tts.hedge", (options) => Tts.hedge([tts, tts], options), hedge, {}, true),
  sweep<Resilience.FallbackOptions<any>>("Tts.fallback", (options) => Tts.fallback([tts], options), fallback, {}, true),
  sweep<Tts.CacheOptions>(
    "Tts.cached",
    (options) => Tts.cached(tts, options),
    {
      maxBytes: number,
      accepts: callback,
      store: only
    },
    {},
    true
  ),
  sweep<Tts.StoreOptions>("Tts.fileStore", Tts.fileStore, {
    path: must.path,
    variant: must.words,
    maxBytes: number
  }, { path: join(folder, "voices"), variant: "" }),
  sweep<Resilience.Policy>(
    "Stt.resilient",
    (policy) => Stt.resilient(stt, policy),
    {
      ...attempts,
      breaker: only
    },
    {},
    true
  ),
  sweep<Resilience.FallbackOptions<any>>("Stt.fallback", (options) => Stt.fallback([stt], options), fallback, {}, true),
  sweep<Resilience.BreakerOptions>(
    "Resilience.breaker",
    Resilience.breaker,
    { ...breaker, name: must.text, component: only },
    { name: "a" }
  ),
  sweep<Resilience.LayerOptions>(
    "Llm.layerResilient",
    (options) => Llm.layerResilient(Layer.succeed(Llm.Llm, llm), options),
    { policy: section, breaker: section },
    {},
    true
  ),
  sweep<Resilience.RetryLayerOptions<never>>(
    "Resilience.retryLayer",
    (options) => Resilience.retryLayer(Layer.empty, options),
    { attempts: number, first: length, isRetryable: callback },
    {},
    true
  ),
  sweep<Parameters<typeof Vad.make>[0]>(
    "Vad.make",
    (options) => Effect.scoped(Vad.make(options).detector()),
    { name: must.text, sampleRate: must.only, windowSize: must.only, scorer: must.only, defaults: section },
    { name: "a", sampleRate: 16_000, windowSize: 320, scorer: Effect.succeed(() => 0) }
  ),
  sweep<Parameters<typeof TurnDetector.fromWords>[0]>(
    "TurnDetector.fromWords",
    TurnDetector.fromWords,
    { name: must.text, predict: must.callback },
    { name: "a", predict: () => Effect.succeed(0) }
  ),
  sweep<Parameters<typeof TurnDetector.fromAudio>[0]>(
    "TurnDetector.fromAudio",
    TurnDetector.fromAudio,
    { name: must.text, window: must.only, predict: must.callback },
    { name: "a", window: 8000, predict: () => Effect.succeed(0) }
  ),
  sweep<Parameters<typeof OverlapClassifier.fromWords>[0]>(
    "OverlapClassifier.fromWords",
    OverlapClassifier.fromWords,
    { name: must.text, classify: must.callback },
    { name: "a", classify: () => Effect.succeed("unknown") }
  ),
  sweep<{ readonly initial: string }>(
    "CallState.make",
    (options) => CallState.make("a", Schema.String, options),
    { initial: must.words },
    { initial: "" }
  ),
  sweep<Processor.Processor>(
    "Processor.make",
    Processor.make,
    { name: must.text, open: must.only },
    { name: "a", open: Effect.succeed((frames) => frames) }
  ),
  sweep<{ readonly name: string; readonly step: Processor.Step }>(
    "Processor.sync",
    (options) => Processor.sync(options?.name, options?.step),
    { name: must.text, step: must.callback },
    { name: "a", step: (frames) => frames }
  ),
  sweep<Processor.GateOptions>("Processor.gate", Processor.gate, { thresholdDbfs: level, hold: length }, {}, true),
  sweep<Processor.ChainOptions>(
    "Processor.chain",
    (options) => Processor.chain([], options),
    { onFailure: callback, openTimeout: length },
    {},
    true
  ),
  sweep<Metrics.CollectorOptions>("Metrics.collector", Metrics.collector, { turns: number }, {}, true),
  sweep<Metrics.Exporter>("Metrics.exporter", Metrics.exporter, {
    name: must.text,
    export: must.callback,
    schedule: only,
    timeout: length
  }, { name: "a", export: () => Effect.void }),
  sweep<Metrics.Options>("Metrics.layer", Metrics.layer, { metrics: list, exporters: list }, {}, true),
  sweep<Text.SentenceOptions>(
    "Text.segmenter",
    Text.segmenter,
    {
      minLength: number,
      firstMinLength: number,
      maxLength: number,
      language: text
    },
    {},
    true
  ),
  sweep<History.Budget>("History.fit", (options) => History.fit(History.empty, options), budget, { maxTokens: 9 }),
  sweep<History.SummarizeOptions>(
    "History.summarize",
    (options) => History.summarize(History.empty, llm, options),
    { ...budget, instructions: text },
    { maxTokens: 9 }
  ),
  sweep<{ readonly maxItems: number }>(
    "History.truncate",
    (options) => History.truncate(History.empty, options),
    { maxItems: must.only },
    { maxItems: 9 }
  ),
  sweep<Frontend.Options>(
    "Frontend.attach",
    (options) => Effect.provide(Effect.scoped(Frontend.attach(session, options)), LocalRoom.layer()),
    {
      name: text,
      state: flag,
      transcripts: flag,
      packets: flag,
      remote: flag,
      access: callback,
      instructions: flag,
      tools: flag,
      runTimeout: length,
      to: list
    },
    { state: false, transcripts: false, packets: false, remote: false }
  ),
  sweep<Parameters<typeof Room.make>[0]>("Room.make", Room.make, {
    open: must.only,
    name: text,
    identity: text,
    format: only,
    frame: length,
    ahead: length,
    playhead: only,
    audioBuffer: length,
    attach: callback
  }, { open: () => Effect.fail({ _tag: "Opened" }) as never }),
  sweep<Tools.VoiceOptions & { readonly idempotencyKey?: unknown }>("Tools.voice", Tools.voice as never, {
    result: only,
    filler: only,
    duplicate: only,
    idempotencyKey: callback,
    onInterruption: only,
    background: "undefined {} true",
    progress: section
  }),
  sweep<{ readonly run: () => unknown; readonly description?: string; readonly parameters?: unknown }>(
    "Tools.functions",
    (tool) => Tools.functions({ book: tool as { readonly run: () => unknown } }),
    { run: must.callback, description: text, parameters: only },
    { run: () => undefined }
  ),
  sweep<Parameters<typeof Tools.discovered>[0]>("Tools.discovered", Tools.discovered, {
    connect: must.only,
    toolkit: must.callback,
    needsApproval: callback,
    refresh: length,
    timeout: length
  }, { connect: Effect.never, toolkit: () => Effect.never }),
  sweep<Tools.RunnerOptions>(
    "Tools.makeRunner",
    Tools.makeRunner,
    {
      timeout: length,
      onPreliminary: callback,
      approve: callback,
      onOutput: callback
    },
    {},
    true
  )
]

type Build = readonly [name: string, build: (options: any) => unknown, good?: object]

const recover = { recoveries: [] }
const ofSilence = (look: (timeline: Testing.Timeline) => unknown) =>
  Effect.flatMap(Testing.scenario({}), (timeline) => Effect.sync(() => look(timeline)))

/** Other functions that take options, of which the options are tried elsewhere. */
const others: ReadonlyArray<Build> = [
  ["Audio.converter", Audio.converter, { to: Audio.speech }],
  [
    "Frontend.preconnect",
    (options) =>
      Effect.provide(Effect.flatMap(Room.Room, (room) => Frontend.preconnect(room, options)), LocalRoom.layer())
  ],
  ["History.fromPrompt", (options) => History.fromPrompt(Prompt.empty, options)],
  ["History.copy", (options) => History.copy(History.empty, options)],
  ["History.toPrompt", (options) => History.toPrompt(History.empty, options)],
  ["Llm.layerFallback", (options) => Llm.layerFallback([Layer.succeed(Llm.Llm, llm)], options)],
  ["Llm.recovering", (options) => Llm.recovering(llm, options), recover],
  ["Llm.prewarm", (options) => Llm.prewarm(llm, options)],
  ["Resilience.guard", (options) => Resilience.guard(undefined, options), { error: () => new Error() }],
  [
    "Resilience.guard policy",
    (policy) => Resilience.guard(policy, { error: () => new Error() as never })(Stream.empty)
  ],
  ["Room.play", (options) => Effect.provide(Room.play(Stream.empty, options), LocalRoom.layer())],
  ["Session.commitTurn", (options) => checkWait(options)],
  ["Session.hangUp", checkHangUp],
  ["Session.transfer", (options) => checkTransfer(options), { to: "+4930123456" }],
  ["Session.close", checkClose],
  ["Session.interrupt", checkInterrupt],
  ["Stt.layerResilient", (options) => Stt.layerResilient(Layer.succeed(Stt.Stt, stt), options)],
  ["Stt.layerFallback", (options) => Stt.layerFallback([Layer.succeed(Stt.Stt, stt)], options)],
  ["Stt.recovering", (options) => Stt.recovering(stt, options), recover],
  ["Stt.prewarm", (options) => Stt.prewarm(stt, options)],
  ["Text.words", (options) => Text.words("", options)],
  ["Text.replace", (options) => Text.replace({}, options)],
  ["Tools.execute", (options) => Tools.execute(Tools.empty, {} as never, options)],
  ["Tts.voices", (options) => Tts.voices({ a: tts }, options)],
  ["Tts.layerResilient", (options) => Tts.layerResilient(Layer.succeed(Tts.Tts, tts), options)],
  ["Tts.layerFallback", (options) => Tts.layerFallback([Layer.succeed(Tts.Tts, tts)], options)],
  ["Tts.withOptions", (options) => Tts.withOptions(tts, options)],
  ["Tts.recovering", (options) => Tts.recovering(tts, options), recover],
  ["Tts.prewarm", (options) => Tts.prewarm(tts, options)],
  ["Vad.validate", (options) => Vad.validate({ sampleRate: 16_000, windowSize: 320 }, options)],
  [
    "Vad.detect",
    (options) => Effect.provide(Stream.runDrain(Vad.detect(Stream.empty, options)), EnergyVad.layer())
  ],
  [
    "HttpLlm.answer",
    HttpLlm.answer,
    { format: "json", schema: Schema.Unknown, parts: () => [] }
  ],
  ["LiveKitRoom.layerEngine", LiveKitRoom.layerEngine],
  ["TwilioRoom.verify", TwilioRoom.verify, { token: apiKey, url, signature: undefined }],
  ["Testing.answers", (options) => ofSilence((timeline) => Testing.answers(timeline, options))],
  ["Testing.room", Testing.room],
  ["Testing.invariants", (options) => ofSilence((timeline) => Testing.invariants(timeline, options))],
  ["Testing.job", Testing.job],
  ["Testing.llm", (options) => Testing.llm([], options)],
  ["Testing.llmContract", Testing.llmContract],
  ["Testing.picture", (options) => ofSilence((timeline) => Testing.picture(timeline, options))],
  ["Testing.replay", (options) => Testing.replay(1, options), { size: 1 }],
  ["Testing.check", Testing.check, { runs: 0 }],
  ["Testing.conversation", (options) => Testing.conversation(1, options)],
  ["Testing.roomContract", Testing.roomContract],
  [
    "Testing.shrink",
    (options) => Testing.shrink(Testing.conversation(1), () => Effect.succeed(false), options)
  ],
  ["Testing.speech", (options) => Testing.speech("Hello.", options)],
  ["Testing.stt", Testing.stt],
  ["Testing.sttContract", Testing.sttContract],
  ["Testing.tts", (options) => Testing.tts({}, options)],
  ["Testing.ttsContract", Testing.ttsContract],
  ["Testing.vad", Testing.vad],
  ["Testing.inVirtualTime", (options) => Testing.inVirtualTime(Effect.void, options)]
]

/** Who takes what is also something else, and why. */
const wider: Readonly<Record<string, string>> = {
  "FileRecorder.read": "what the layer was given",
  "FileRecorder.list": "what the layer was given",
  "FileRecorder.remove": "what the layer was given",
  "FileRecorder.writeWav": "what the layer was given",
  "Processor.sync": "takes a name and a step, and no options",
  "Llm.make": "a service that is wrapped",
  "Stt.make": "a service that is wrapped",
  "Tts.make": "a service that is wrapped"
}

/** What is called `options`, and is none of a program's. */
const noOptions: Readonly<Record<string, string>> = {
  "Config.merge": "two settings of the environment, each of which a schema has read"
}

/** What is made is run: a layer is built. */
const running = (made: any): any => {
  const effect = Layer.isLayer(made) ? Layer.build(made as any) : made
  return Effect.isEffect(effect) ? Effect.scoped(effect as any) : Effect.succeed(made)
}

/** What a constructor, or the layer that it makes, comes to. */
const outcome = (build: () => unknown): Effect.Effect<Exit.Exit<unknown, unknown>> =>
  Effect.suspend((): Effect.Effect<unknown, unknown> => running(build())).pipe(
    Effect.provide(NodeFileSystem.layer),
    Effect.exit
  )

const refusals = /^(InvalidOptions|InvalidOption|InvalidRequest|InvalidArgument)$/

/** How it was refused, or a mistake of ours, or nothing. */
const refusal = (
  exit: Exit.Exit<unknown, unknown>
): { readonly typed: boolean; readonly message: string } | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const error = Cause.squash(exit.cause) as {
    readonly _tag?: string
    readonly reason?: unknown
    readonly message?: string
  }
  const reason = error.reason as { readonly _tag?: string } | string | undefined
  const tags = [error._tag, typeof reason === "string" ? reason : reason?._tag]
  const typed = tags.some((tag) => tag !== undefined && refusals.test(tag))
  return typed || error._tag === undefined ? { typed, message: String(error.message) } : undefined
}

const seen = (exit: Exit.Exit<unknown, unknown>, where: string, given: string, taken: boolean, names: RegExp) => {
  const refused = refusal(exit)
  if (refused === undefined) return taken ? [] : [`${where}: ${given} → accepted`]
  if (taken || !refused.typed) return [`${where}: ${given} → ${refused.typed ? "" : "untyped: "}${refused.message}`]
  if (/nonsense of no kind/.test(refused.message) && / (?:apiKey|apiSecret|token|key|admin)$/.test(where)) {
    return [`${where}: quoted`]
  }
  return names.test(refused.message) && /must |not |missing/.test(refused.message)
    ? []
    : [`${where}: ${given} → does not say what to do: ${refused.message}`]
}

const inSection = (option: string) => [`${option}.unknown`, { [option]: { unknown: 1 } }] as const

/** A name that is no option's must be said, with that it is none. */
const unknown = (exit: Exit.Exit<unknown, unknown>, where: string, taken: boolean): ReadonlyArray<string> => {
  const refused = refusal(exit)
  const isNamed = refused?.typed === true && /\bunknown:? is not known/.test(refused.message)
  return isNamed === !taken && (taken ? refused === undefined : true)
    ? []
    : [`${where}: ${refused?.message ?? "accepted"}`]
}

const wholes: ReadonlyArray<Name> = ["null", "\"\"", "NaN", "[]", "words", "fn", "true"]

describe("nonsense", () => {
  it.live.each([...layers, ...nouns].map((one) => [one.name, one] as const))(
    "for an option of %s is refused by its name, with what to do",
    ([, { build, good, name, optional, taken }]) =>
      Effect.gen(function*() {
        const wrong: Array<string> = []
        assert.deepStrictEqual(refusal(yield* outcome(() => build(good))), undefined, `${name}: what is good`)
        for (const [option, kinds] of Object.entries(taken)) {
          const accepted = kinds.split(" ")
          for (const given of Object.keys(nonsense).filter(isName).filter((given) => !accepted.includes(`-${given}`))) {
            const exit = yield* outcome(() => build({ ...good, [option]: nonsense[given] }))
            wrong.push(...seen(exit, `${name} ${option}`, given, accepted.includes(given), new RegExp(option)))
          }
        }
        for (const given of wholes) {
          wrong.push(...seen(yield* outcome(() => build(nonsense[given])), name, given, false, /./))
        }
        const sections = Object.entries(taken).filter(([, kinds]) => kinds === section).map(([option]) => option)
        for (const [option, given] of [["unknown", { unknown: 1 }], ...sections.map(inSection)] as const) {
          const exit = yield* outcome(() => build({ ...good, ...given }))
          wrong.push(...unknown(exit, `${name} ${option}`, name in wider && option === "unknown"))
        }
        const nothing = yield* outcome(() => build(undefined))
        if (optional) wrong.push(...seen(nothing, name, "undefined", true, /./))
        assert.deepStrictEqual(wrong, [])
      })
  )

  it.live.each(others)(
    "for a name that is no option of %s is refused by it",
    ([name, build, good = {}]) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(refusal(yield* outcome(() => build(good))), undefined, `${name}: what is good`)
        assert.deepStrictEqual(unknown(yield* outcome(() => build({ ...good, unknown: 1 })), name, false), [])
      })
  )

  it("is tried on every public function that takes options", () => {
    const all = takers(Testing)
    const names = new Set([...layers, ...nouns].map(({ name }) => name.split(" ")[0]!))
    for (const [name] of others) names.add(name.split(" ")[0]!)
    const isTried = ({ name }: (typeof all)[number]) => names.has(name) || Object.hasOwn(noOptions, name)
    // `layer` of a provider gives its options to `make`: of those that take the same, one is tried.
    const same = new Set(all.filter(isTried).map(({ file, type }) => `${file} ${type}`))
    const left = all.filter((one) => !isTried(one) && !same.has(`${one.file} ${one.type}`))
    assert.deepStrictEqual(left.map(({ name, type }) => `${name} takes ${type}`), [])
    for (const { name } of all) names.add(name)
    assert.deepStrictEqual(Object.keys({ ...noOptions, ...wider }).filter((name) => !names.has(name)), [])
  })

  it("is tried on every layer that has options", () => {
    const files = fs.readdirSync(new URL("../src/Layers", import.meta.url)).map((file) => file.replace(".ts", ""))
    const tried = new Set(layers.map(({ name }) => name.split(".")[0]))
    assert.deepStrictEqual(files.filter((file) => !tried.has(file)), [])
  })
})
