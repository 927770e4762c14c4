/** What recognisers tell in the dialects of the real world: shapes from their documents, packages and sources, and what proxies make of them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Logger, Stream } from "effect"
import { Stt } from "effect-voice"
import * as AssemblyAiStt from "effect-voice/Layers/AssemblyAiStt"
import * as AzureStt from "effect-voice/Layers/AzureStt"
import * as DeepgramFluxStt from "effect-voice/Layers/DeepgramFluxStt"
import * as DeepgramStt from "effect-voice/Layers/DeepgramStt"
import * as ElevenLabsStt from "effect-voice/Layers/ElevenLabsStt"
import * as HttpStt from "effect-voice/Layers/HttpStt"
import * as OpenAiStt from "effect-voice/Layers/OpenAiStt"
import { told } from "../src/internal/provider/languages.ts"
import * as provider from "./support/provider.ts"
import { key as apiKey, tone } from "./support/transcribing.ts"

/** What is told at each of two marks, and what comes of it: `"…"` a final transcript, `~` an interim one, `!` a failure. */
type Table = ReadonlyArray<readonly [how: string, told: ReadonlyArray<ReadonlyArray<unknown>>, outcome: string]>

const results = (transcript: unknown, words: unknown, more: object = {}, best: object = {}) => ({
  type: "Results",
  start: 0,
  duration: 1,
  is_final: true,
  channel: { alternatives: [{ transcript, words, confidence: 0.9, ...best }] },
  ...more
})
const word = (word: string, start: unknown, end: unknown, more: object = {}) => ({ word, start, end, ...more })
const twoDeepgram = [results("Two.", [word("two", 1, 1.5)], { start: 1 })]

const committed = (text: unknown, words: unknown, more: object = {}) => ({
  message_type: "committed_transcript_with_timestamps",
  text,
  words,
  language_code: "eng",
  ...more
})
const scribeWord = (text: unknown, start: unknown, end: unknown, type: unknown = "word", more: object = {}) => ({
  text,
  start,
  end,
  type,
  ...more
})
const twoScribe = [committed("Two.", [scribeWord("Two.", 1, 1.5)])]

const azure = (body: object, path = "speech.phrase") =>
  `X-RequestId:1\r\nContent-Type:application/json; charset=utf-8\r\nPath:${path}\r\n\r\n${JSON.stringify(body)}`
const phrase = (text: string, more: object = {}) =>
  azure({ RecognitionStatus: "Success", DisplayText: text, Offset: 0, Duration: 5_000_000, ...more })
const turnEnd = "X-RequestId:1\r\nPath:turn.end\r\n\r\n"
const twoAzure = [phrase("Two."), turnEnd]
const guesses = (Words: unknown, more: object = {}) => ({
  NBest: [{ Confidence: 0.9, Display: "One two.", Words, ...more }]
})
const azureWord = (Word: string, Offset: unknown, Duration: unknown) => ({ Word, Offset, Duration })

const completed = (transcript: unknown, id: unknown = "a", more: object = {}) => ({
  type: "conversation.item.input_audio_transcription.completed",
  item_id: id,
  content_index: 0,
  transcript,
  ...more
})
const accepted = (id: unknown) => ({ type: "input_audio_buffer.committed", item_id: id })
const twoOpenAi = [accepted("b"), completed("Two.", "b")]

const deepgram: Table = [
  [
    "normal",
    [[results("One.", [word("one", 0, 0.5)])], twoDeepgram],
    "\"One.\" 0-500 [one 0-500] 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "words go back",
    [[results("One two.", [word("one", 0.5, 0.8), word("two", 0.2, 0.4)])], twoDeepgram],
    "\"One two.\" 500-800 [one 500-800, two 500-500] 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "words overlap",
    [[results("One two.", [word("one", 0, 0.8), word("two", 0.5, 0.9)])], twoDeepgram],
    "\"One two.\" 0-900 [one 0-800, two 500-900] 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "end before start",
    [[results("One.", [word("one", 0.8, 0.2)])], twoDeepgram],
    "\"One.\" 800-800 [one 800-800] 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "negative",
    [[results("One.", [word("one", -0.5, 0.2)])], twoDeepgram],
    "\"One.\" 0-200 [one 0-200] 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "beyond the audio",
    [[results("One.", [word("one", 900, 901)])], twoDeepgram],
    "\"One.\" 900000-901000 [one 900000-901000] 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "strings",
    [[results("One.", [word("one", "0.1", "0.5")])], twoDeepgram],
    "\"One.\" 0-1000 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "null times",
    [[results("One two.", [word("one", null, null), word("two", 0.5, 0.8)])], twoDeepgram],
    "\"One two.\" 500-800 [two 500-800] 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "words null",
    [[results("One.", null)], twoDeepgram],
    "\"One.\" 0-1000 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "words [null]",
    [[results("One.", [null])], twoDeepgram],
    "\"One.\" 0-1000 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "empty word",
    [[results("One.", [word("", 0, 0.1), word("one", 0.1, 0.5)])], twoDeepgram],
    "\"One.\" 0-500 [one 100-500] 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "final twice",
    [[results("One.", [word("one", 0, 0.5)]), results("One.", [word("one", 0, 0.5)])], twoDeepgram],
    "\"One.\" 0-500 [one 0-500] 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  ["interim after final", [[
    results("One.", [word("one", 0, 0.5)]),
    results("One", [word("one", 0, 0.5)], { is_final: false })
  ], twoDeepgram], "\"One.\" 0-500 [one 0-500] 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"],
  ["empty final after final", [
    [results("One.", [word("one", 0, 0.5)]), results("", [], { from_finalize: true })],
    twoDeepgram
  ], "\"One.\" 0-500 [one 0-500] 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"],
  [
    "speaker labels",
    [[results("One.", [word("one", 0, 0.5, { speaker: 0, speaker_confidence: 0.5 })])], twoDeepgram],
    "\"One.\" 0-500 [one 0-500] 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  ["alternatives empty", [
    [results("x", []), { type: "Results", is_final: true, channel: { alternatives: [] } }],
    twoDeepgram
  ], "\"x\" 0-1000 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"],
  ["transcript null", [[results(null, null)], twoDeepgram], "\"Two.\" 1000-1500 [two 1000-1500] 90% en"],
  [
    "confidence string",
    [[results("One.", null, {}, { confidence: "0.5" })], twoDeepgram],
    "\"One.\" 0-1000 en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "confidence 97",
    [[results("One.", null, {}, { confidence: 97 })], twoDeepgram],
    "\"One.\" 0-1000 100% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "languages string",
    [[results("One.", null, {}, { languages: "de" })], twoDeepgram],
    "\"One.\" 0-1000 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "detected_language",
    [[results("One.", null, {}, { detected_language: "de" })], twoDeepgram],
    "\"One.\" 0-1000 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "type number",
    [[{ type: 5 }, results("One.", null)], twoDeepgram],
    "\"One.\" 0-1000 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "text null msg",
    [["null", results("One.", null)], twoDeepgram],
    "\"One.\" 0-1000 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "list msg",
    [["[]", results("One.", null)], twoDeepgram],
    "\"One.\" 0-1000 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "empty text",
    [["", results("One.", null)], twoDeepgram],
    "\"One.\" 0-1000 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "bom",
    [["\uFEFF" + JSON.stringify(results("One.", null))], twoDeepgram],
    "\"One.\" 0-1000 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "binary json",
    [[Buffer.from(JSON.stringify(results("One.", null)))], twoDeepgram],
    "\"One.\" 0-1000 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  ["Error with code", [[{ type: "Error", err_code: "RATE_LIMIT", description: "x" }]], "! 429"],
  ["Error variant", [[{ type: "Error", variant: "INVALID_AUTH", message: "x" }]], "! 401"],
  ["err_code", [[{ err_code: "INVALID_AUTH", err_msg: "x", request_id: "r" }]], "! 401"],
  [
    "entities",
    [[results("One.", [word("one", 0, 0.5)], { entities: [{ label: "NAME" }] })], twoDeepgram],
    "\"One.\" 0-500 [one 0-500] 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ],
  [
    "newlines",
    [[results("One\n two.", null)], twoDeepgram],
    "\"One\n two.\" 0-1000 90% en, \"Two.\" 1000-1500 [two 1000-1500] 90% en"
  ]
]

const elevenLabs: Table = [
  [
    "normal",
    [[committed("One.", [scribeWord("One.", 0, 0.5)])], twoScribe],
    "\"One.\" 0-500 [One. 0-500] en, \"Two.\" 1000-1500 [Two. 1000-1500] en"
  ],
  ["words go back", [
    [committed("One twoScribe.", [scribeWord("One", 0.5, 0.8), scribeWord("twoScribe.", 0.2, 0.4)])],
    twoScribe
  ], "\"One twoScribe.\" 500-800 [One 500-800, twoScribe. 500-500] en, \"Two.\" 1000-1500 [Two. 1000-1500] en"],
  [
    "end before start",
    [[committed("One.", [scribeWord("One.", 0.8, 0.2)])], twoScribe],
    "\"One.\" 800-800 [One. 800-800] en, \"Two.\" 1000-1500 [Two. 1000-1500] en"
  ],
  [
    "negative",
    [[committed("One.", [scribeWord("One.", -0.8, 0.2)])], twoScribe],
    "\"One.\" 0-200 [One. 0-200] en, \"Two.\" 1000-1500 [Two. 1000-1500] en"
  ],
  [
    "null",
    [[committed("One.", [scribeWord("One.", null, null)])], twoScribe],
    "\"One.\" en, \"Two.\" 1000-1500 [Two. 1000-1500] en"
  ],
  ["speaker", [
    [committed("One.", [scribeWord("One.", 0, 0.5, "word", { speaker_id: "speaker_0", characters: null })])],
    twoScribe
  ], "\"One.\" 0-500 [One. 0-500] en, \"Two.\" 1000-1500 [Two. 1000-1500] en"],
  [
    "language en-US",
    [[committed("One.", null, { language_code: "en-US" })], twoScribe],
    "\"One.\" en-US, \"Two.\" 1000-1500 [Two. 1000-1500] en"
  ],
  [
    "language und",
    [[committed("One.", null, { language_code: "und" })], twoScribe],
    "\"One.\", \"Two.\" 1000-1500 [Two. 1000-1500] en"
  ],
  [
    "language name",
    [[committed("One.", null, { language_code: "English" })], twoScribe],
    "\"One.\" en, \"Two.\" 1000-1500 [Two. 1000-1500] en"
  ],
  ["text null", [[committed(null, null)], twoScribe], "\"Two.\" 1000-1500 [Two. 1000-1500] en"],
  ["error no error field", [[{ message_type: "rate_limited" }]], "! 429"],
  ["error object", [[{ message_type: "auth_error", error: { message: "x" } }]], "! 401"],
  ["error message", [[{ message_type: "quota_exceeded", message: "x" }]], "! 402"],
  ["input_error", [[{ message_type: "input_error", error: "x" }]], "! InvalidRequest"],
  ["error type", [[{ type: "error", error: "x", code: "quota_exceeded" }]], "! 402"],
  ["detail", [[{ detail: { status: "quota_exceeded", message: "x" } }]], "! 402"],
  ["partial after commit", [[committed("One.", [scribeWord("One.", 0, 0.5)]), {
    message_type: "partial_transcript",
    text: "One"
  }], twoScribe], "\"One.\" 0-500 [One. 0-500] en, ~\"One\", \"Two.\" 1000-1500 [Two. 1000-1500] en"],
  ["insufficient", [[{ message_type: "insufficient_audio_activity", error: "x" }]], "! Disconnected"]
]

const azureSpeech: Table = [
  ["normal", [[phrase("One."), turnEnd], twoAzure], "\"One.\" 0-500 en-US, \"Two.\" 1000-1500 en-US"],
  ["detailed", [
    [phrase("One twoAzure.", guesses([azureWord("one", 0, 2e6), azureWord("two", 2e6, 2e6)])), turnEnd],
    twoAzure
  ], "\"One two.\" 0-500 [one 0-200, two 200-400] 90% en-US, \"Two.\" 1000-1500 en-US"],
  ["back", [
    [phrase("One twoAzure.", guesses([azureWord("one", 5e6, 2e6), azureWord("two", 2e6, 2e6)])), turnEnd],
    twoAzure
  ], "\"One two.\" 0-500 [one 500-700, two 500-500] 90% en-US, \"Two.\" 1000-1500 en-US"],
  [
    "negative duration",
    [[phrase("One.", { Offset: 5e6, Duration: -2e6 }), turnEnd], twoAzure],
    "\"One.\" 500-500 en-US, \"Two.\" 1000-1500 en-US"
  ],
  [
    "offset string",
    [[phrase("One.", { Offset: "5000000", Duration: "2000000" }), turnEnd], twoAzure],
    "\"One.\" en-US, \"Two.\" 1000-1500 en-US"
  ],
  ["twice", [[phrase("One."), phrase("One."), turnEnd], twoAzure], "\"One.\" 0-500 en-US, \"Two.\" 1000-1500 en-US"],
  [
    "NBest object",
    [[phrase("One.", { NBest: {} }), turnEnd], twoAzure],
    "\"One.\" 0-500 en-US, \"Two.\" 1000-1500 en-US"
  ],
  [
    "NBest display null",
    [[phrase("One.", { NBest: [{ Display: null, Lexical: "one" }] }), turnEnd], twoAzure],
    "\"One.\" 0-500 en-US, \"Two.\" 1000-1500 en-US"
  ],
  [
    "status lower",
    [[azure({ RecognitionStatus: "success", DisplayText: "One." }), turnEnd], twoAzure],
    "\"One.\" en-US, \"Two.\" 1000-1500 en-US"
  ],
  [
    "status number 0",
    [[azure({ RecognitionStatus: 0, DisplayText: "One." }), turnEnd], twoAzure],
    "\"One.\" en-US, \"Two.\" 1000-1500 en-US"
  ],
  [
    "status unknown",
    [[azure({ RecognitionStatus: "BrandNew", DisplayText: "One." }), turnEnd], twoAzure],
    "\"One.\" en-US, \"Two.\" 1000-1500 en-US"
  ],
  ["status ServiceTimeout", [[azure({ RecognitionStatus: "ServiceTimeout" }), turnEnd]], "! 504"],
  ["status ServiceUnavailable", [[azure({ RecognitionStatus: "ServiceUnavailable" }), turnEnd]], "! 503"],
  ["status None", [[azure({ RecognitionStatus: "None" }), turnEnd], twoAzure], "\"Two.\" 1000-1500 en-US"],
  [
    "LF headers",
    [[`Path:speech.phrase\n\n{"RecognitionStatus":"Success","DisplayText":"One."}`, turnEnd], twoAzure],
    "\"One.\" en-US, \"Two.\" 1000-1500 en-US"
  ],
  ["path upper", [
    [`PATH: Speech.Phrase\r\n\r\n{"RecognitionStatus":"Success","DisplayText":"One."}`, turnEnd],
    twoAzure
  ], "\"One.\" en-US, \"Two.\" 1000-1500 en-US"],
  [
    "empty body hypothesis",
    [[azure({}, "speech.hypothesis"), phrase("One."), turnEnd], twoAzure],
    "\"One.\" 0-500 en-US, \"Two.\" 1000-1500 en-US"
  ],
  [
    "no body",
    [[`Path:speech.phrase\r\n\r\n`, phrase("One."), turnEnd], twoAzure],
    "\"One.\" 0-500 en-US, \"Two.\" 1000-1500 en-US"
  ],
  ["no headers", [["{}", phrase("One."), turnEnd], twoAzure], "\"One.\" 0-500 en-US, \"Two.\" 1000-1500 en-US"],
  ["blank", [["", phrase("One."), turnEnd], twoAzure], "\"One.\" 0-500 en-US, \"Two.\" 1000-1500 en-US"],
  ["hypothesis after phrase", [[
    phrase("One."),
    azure({ Text: "one", Offset: 0, Duration: 1 }, "speech.hypothesis"),
    turnEnd
  ], twoAzure], "\"One.\" 0-500 en-US, \"Two.\" 1000-1500 en-US"],
  [
    "language lower",
    [[phrase("One.", { PrimaryLanguage: { Language: "de-de" } }), turnEnd], twoAzure],
    "\"One.\" 0-500 de-DE, \"Two.\" 1000-1500 en-US"
  ],
  [
    "language string",
    [[phrase("One.", { PrimaryLanguage: "de-DE" }), turnEnd], twoAzure],
    "\"One.\" 0-500 en-US, \"Two.\" 1000-1500 en-US"
  ],
  [
    "language Unknown",
    [[phrase("One.", { PrimaryLanguage: { Language: "Unknown" } }), turnEnd], twoAzure],
    "\"One.\" 0-500 en-US, \"Two.\" 1000-1500 en-US"
  ],
  [
    "speaker",
    [[phrase("One.", { SpeakerId: "Guest-1" }), turnEnd], twoAzure],
    "\"One.\" 0-500 en-US, \"Two.\" 1000-1500 en-US"
  ]
]

const openAi: Table = [
  ["normal", [[accepted("a"), completed("One.")], twoOpenAi], "\"One.\" 0-1000 en, \"Two.\" 1000-2000 en"],
  [
    "twice",
    [[accepted("a"), completed("One."), completed("One.")], twoOpenAi],
    "\"One.\" 0-1000 en, \"Two.\" 1000-2000 en"
  ],
  ["no committed", [[completed("One.")], [completed("Two.", "b")]], "\"One.\" 0-1000 en, \"Two.\" 1000-2000 en"],
  [
    "no item id",
    [[{ type: "conversation.item.input_audio_transcription.completed", transcript: "One." }], twoOpenAi],
    "\"One.\" 0-1000 en, \"Two.\" 1000-2000 en"
  ],
  ["id number", [[accepted(1), completed("One.", 1)], twoOpenAi], "\"One.\" 0-1000 en, \"Two.\" 1000-2000 en"],
  ["transcript null", [[accepted("a"), completed(null)], twoOpenAi], "\"Two.\" 1000-2000 en"],
  [
    "logprobs list of null",
    [[accepted("a"), completed("One.", "a", { logprobs: [null] })], twoOpenAi],
    "\"One.\" 0-1000 en, \"Two.\" 1000-2000 en"
  ],
  ["logprobs ok", [
    [accepted("a"), completed("One.", "a", { logprobs: [{ token: "One", logprob: -0.1, bytes: [1] }] })],
    twoOpenAi
  ], "\"One.\" 0-1000 90% en, \"Two.\" 1000-2000 en"],
  [
    "language",
    [[accepted("a"), completed("One.", "a", { language: "de" })], twoOpenAi],
    "\"One.\" 0-1000 en, \"Two.\" 1000-2000 en"
  ],
  [
    "languages strings",
    [[accepted("a"), completed("One.", "a", { languages: ["de"] })], twoOpenAi],
    "\"One.\" 0-1000 en, \"Two.\" 1000-2000 en"
  ],
  [
    "usage",
    [[accepted("a"), completed("One.", "a", { usage: { type: "duration", seconds: 1 } })], twoOpenAi],
    "\"One.\" 0-1000 en, \"Two.\" 1000-2000 en"
  ],
  ["error code number", [[{ type: "error", error: { code: 429, message: "x" } }]], "! 429"],
  ["error type only", [[{ type: "error", error: { type: "server_error", message: "x" } }]], "! 500"],
  ["error string", [[{ type: "error", error: "x" }]], "! Broken"],
  ["error flat", [[{ type: "error", code: "rate_limit_exceeded", message: "x" }]], "! 429"],
  [
    "commit empty",
    [[{ type: "error", error: { code: "input_audio_buffer_commit_empty" } }], twoOpenAi],
    "\"Two.\" 1000-2000 en"
  ],
  [
    "order swapped",
    [[accepted("a")], [accepted("b"), completed("Two.", "b"), completed("One.", "a")]],
    "\"One.\" 0-1000 en, \"Two.\" 1000-2000 en"
  ],
  ["blank message", [["", accepted("a"), completed("One.")], twoOpenAi], "\"One.\" 0-1000 en, \"Two.\" 1000-2000 en"]
]

const infoed = (event: unknown, transcript: unknown, turn: unknown, more: object = {}) => {
  // After 300 ms of silence, which a mark adds.
  const [from, to] = turn === 1 ? [1.3, 1.8] : [0, 0.5]
  const words = typeof transcript === "string" && transcript !== "" ? [word(transcript, from, to)] : []
  const window = { audio_window_start: from, audio_window_end: to }
  return { type: "TurnInfo", event, transcript, turn_index: turn, words, ...window, ...more }
}
const oneFlux = infoed("EndOfTurn", "One.", 0)
const twoFlux = infoed("EndOfTurn", "Two.", 1)
const bothFlux = "\"One.\" 0-500 [One. 0-500] en, \"Two.\" 1000-1500 [Two. 1000-1500] en"

const flux: Table = [
  ["normal", [[oneFlux], [twoFlux]], bothFlux],
  ["an end twice", [[oneFlux, oneFlux], [twoFlux, twoFlux]], bothFlux],
  ["what comes late of a turn that has ended", [
    [oneFlux, infoed("Update", "One.", 0)],
    [twoFlux, infoed("TurnResumed", "Two. And", 1, { words: [word("Two.", 1.3, 1.8), word("And", 1.8, 2.2)] })]
  ], bothFlux],
  ["one number for all turns", [
    [oneFlux],
    [
      infoed("StartOfTurn", "Two.", 1, { turn_index: 0 }),
      infoed("EndOfTurn", "Two.", 1, { turn_index: 0 })
    ]
  ], "\"One.\" 0-500 [One. 0-500] en, ~\"Two.\" 1000-1500 [Two. 1000-1500] en, \"Two.\" 1000-1500 [Two. 1000-1500] en"],
  [
    "one number for all turns, and no starts",
    [[oneFlux], [infoed("EndOfTurn", "Two.", 1, { turn_index: 0 })]],
    bothFlux
  ],
  ["no numbers of turns", [[infoed("EndOfTurn", "One.", null)], [twoFlux]], bothFlux],
  [
    "no words",
    [[infoed("EndOfTurn", "One.", 0, { words: null })], [twoFlux]],
    "\"One.\" 0-500 en, \"Two.\" 1000-1500 [Two. 1000-1500] en"
  ],
  ["an unknown message", [[{ type: "Weather" }, { type: null }, { hello: 1 }, oneFlux], [twoFlux]], bothFlux]
]

const turned = (text: string, order: unknown, more: object = {}) => {
  const [start, end] = text === "Two." ? [1000, 1500] : [0, 500]
  return {
    type: "Turn",
    turn_order: order,
    turn_is_formatted: true,
    end_of_turn: true,
    transcript: text,
    words: [{ text, start, end, confidence: 0.9 }],
    ...more
  }
}
const bothAssembly = "\"One.\" 0-500 [One. 0-500] 90%, \"Two.\" 1000-1500 [Two. 1000-1500] 90%"
const twoAssembly = [turned("Two.", 1)]

const assemblyAi: Table = [
  ["normal", [[turned("One.", 0)], twoAssembly], bothAssembly],
  ["an end twice", [[turned("One.", 0), turned("One.", 0)], twoAssembly], bothAssembly],
  ["no numbers", [[turned("One.", null)], [turned("Two.", null)]], bothAssembly],
  ["an unknown message", [
    [{ type: null }, { type: 7 }, { type: "Weather" }, { hello: 1 }, turned("One.", 0)],
    twoAssembly
  ], bothAssembly]
]

interface Recogniser {
  readonly table: Table
  readonly layer: (url: string) => Layer.Layer<Stt.Stt, Stt.SttError>
  readonly isMark: (message: string | Buffer) => boolean
  readonly isEnd?: (message: string | Buffer) => boolean
}

const recognisers: Readonly<Record<string, Recogniser>> = {
  Deepgram: {
    table: deepgram,
    layer: (baseUrl) => DeepgramStt.layer({ apiKey, baseUrl }),
    isMark: (message) => String(message).includes("Finalize"),
    isEnd: (message) => String(message).includes("CloseStream")
  },
  ElevenLabs: {
    table: elevenLabs,
    layer: (baseUrl) => ElevenLabsStt.layer({ apiKey, baseUrl }),
    isMark: (message) => JSON.parse(String(message)).commit === true
  },
  Azure: {
    table: azureSpeech,
    layer: (baseUrl) => AzureStt.layer({ apiKey, region: "westeurope", baseUrl, output: "Detailed" }),
    isMark: (message) => typeof message !== "string" && message.length === 2 + message.readUInt16BE(0)
  },
  Flux: {
    table: flux,
    layer: (baseUrl) => DeepgramFluxStt.layer({ apiKey, baseUrl }),
    // 300 ms of silence.
    isMark: (message) => typeof message !== "string" && message.equals(Buffer.alloc(9600)),
    isEnd: (message) => String(message).includes("CloseStream")
  },
  AssemblyAI: {
    table: assemblyAi,
    layer: (baseUrl) => AssemblyAiStt.layer({ apiKey, baseUrl }),
    isMark: (message) => String(message).includes("ForceEndpoint"),
    isEnd: (message) => String(message).includes("Terminate")
  },
  OpenAI: {
    table: openAi,
    layer: (url) => OpenAiStt.layerRealtime({ apiKey, url }),
    isMark: (message) => String(message).includes("buffer.commit")
  }
}

const timesOf = ({ end, start }: { readonly start?: number | undefined; readonly end?: number | undefined }) =>
  start === undefined && end === undefined ? "" : ` ${start}-${end}`

const shown = ({ confidence, final, language, text, words, ...heard }: Stt.Transcript): string =>
  `${final ? "" : "~"}"${text}"${timesOf(heard)}` +
  (words === undefined ? "" : ` [${words.map((word) => `${word.text}${timesOf(word)}`).join(", ")}]`) +
  (confidence === undefined ? "" : ` ${Math.round(confidence * 100)}%`) + (language === undefined ? "" : ` ${language}`)

const failed = ({ reason }: Stt.SttError): string => `! ${reason._tag === "Rejected" ? reason.status : reason._tag}`

/** All that is heard of what is said. */
const heard = (audio: Stream.Stream<Stt.Input>) =>
  Effect.gen(function*() {
    const all: Array<string> = []
    yield* Stream.runForEach(Stt.transcribe(audio), (one) => Effect.sync(() => void all.push(shown(one)))).pipe(
      Effect.catch((error) => Effect.sync(() => void all.push(failed(error))))
    )
    return all.join(", ")
  })

const said = Stream.fromIterable<Stt.Input>([...tone, Stt.Finalize, ...tone, Stt.Finalize])

const outcome = ({ isEnd, isMark, layer }: Recogniser, told: Table[number][1]) =>
  Effect.scoped(Effect.gen(function*() {
    const marks = new Map<provider.Peer, number>()
    const server = yield* provider.webSocket({
      onMessage: (message, peer) => {
        if (isEnd?.(message) === true) return peer.socket.close(1000)
        if (!isMark(message)) return
        const mark = marks.get(peer) ?? 0
        marks.set(peer, mark + 1)
        // One more, at the end of the audio.
        if (mark === 2) return peer.socket.close(1000)
        for (const answer of told[mark] ?? []) peer.send(answer)
      }
    })
    return yield* Effect.provide(heard(said), layer(server.url))
  })).pipe(Effect.provide(Logger.layer([])))

for (const [name, recogniser] of Object.entries(recognisers)) {
  describe.concurrent(`the dialect of ${name}`, () => {
    it.live.each(recogniser.table)("%s", ([, told, expected]) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* outcome(recogniser, told), expected)
      }))
  })
}

const srt = "1\n00:00:00,000 --> 00:00:01,000\nHello there.\n\n2\n00:00:01,000 --> 00:00:02,000\nRoom\n7\n"

const whisper = {
  "several languages in a list": [{ text: "Hello.", language: ["en"] }, `"Hello." 0-1000`],
  "a word without its times": [
    { text: "In 2014.", words: [{ word: "In", start: 0, end: 0.2 }, { word: "2014" }] },
    `"In 2014." 0-1000 [In 0-200]`
  ],
  "words in the segments alone, and a segment without a text": [
    {
      text: "In 2014.",
      language: "bengali",
      segments: [{ start: 0, end: 1, text: null, words: [{ word: " In", start: 0, end: 0.2, probability: 0.9 }] }]
    },
    `"In 2014." 0-1000 [In 0-200] bn`
  ],
  "segments alone": [
    { segments: [{ start: 0, end: 0.5, text: " Hello" }, { start: 0.5, end: 1, text: " there." }] },
    `"Hello there." 0-1000`
  ],
  "times in milliseconds": [
    { text: "Hello.", words: [{ word: "Hello.", start: 200, end: 700 }] },
    `"Hello." 0-1000 [Hello. 200-700]`
  ],
  "times of another audio": [{ text: "Hello.", words: [{ word: "Hello.", start: 2e7, end: 3e7 }] }, `"Hello." 0-1000`],
  "times that go back": [
    { text: "a b", words: [{ word: "a", start: 0.5, end: 0.7 }, { word: "b", start: 0.1, end: 0.05 }] },
    `"a b" 0-1000 [a 500-700, b 500-500]`
  ],
  "a text of JSON": ["Hello.", `"Hello." 0-1000`],
  "an error with a status that is fine": [{ error: { code: 503, message: "no" } }, "! 503"],
  "what a server in Python tells of itself": [{ detail: "no" }, "! Broken"],
  "neither a text nor segments": [{ status: "queued" }, "! InvalidResponse"]
} as const

/** Whatever they are asked for. */
const texts: ReadonlyArray<readonly [how: string, body: string, outcome: string]> = [
  ["text", "Hello there.\n", `"Hello there." 0-1000`],
  ["text in lines", "Hello\r\nthere.\r\n", `"Hello there." 0-1000`],
  ["subtitles", srt, `"Hello there. Room 7" 0-1000`],
  ["WebVTT", "WEBVTT\n\n00:00.000 --> 00:01.000\n<v Bob>Hello there.\n", `"Hello there." 0-1000`],
  ["lines with their times", "[00:00:00.000 --> 00:00:01.000]   Hello there.", `"Hello there." 0-1000`],
  ["a number", "7", `"7" 0-1000`],
  ["words in brackets", "[7] is my room", `"[7] is my room" 0-1000`],
  ["a mark before it", "\uFEFFHello.", `"Hello." 0-1000`],
  ["a page", "<!DOCTYPE html><html><body>Sign in</body></html>", "! InvalidResponse"],
  ["a piece of one", "<p>Please log in</p>", "! InvalidResponse"]
]

const answered = (body: string, type: string, layer: (url: string) => Layer.Layer<Stt.Stt, Stt.SttError>) =>
  Effect.scoped(Effect.gen(function*() {
    const server = yield* provider.http((_, response) =>
      void response.writeHead(200, { "content-type": type }).end(body)
    )
    const once = Stream.fromIterable<Stt.Input>([...tone, Stt.Finalize])
    return yield* Effect.provide(heard(once), layer(server.url))
  }))

const wholes = {
  OpenAiStt: (baseUrl: string) => OpenAiStt.layer({ apiKey, baseUrl, words: true, language: "auto" }),
  "HttpStt with its words alone": (url: string) => HttpStt.layer({ url, answer: HttpStt.text })
}

describe.concurrent("servers of Whisper", () => {
  it.live.each(Object.entries(whisper))("tell their words: %s", ([, [body, expected]]) =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* answered(
          JSON.stringify(body),
          typeof body === "string" ? "text/plain" : "application/json",
          wholes.OpenAiStt
        ),
        expected
      )
    }))

  for (const [name, layer] of Object.entries(wholes)) {
    it.live.each(texts)(`${name} reads what is no JSON: %s`, ([, body, expected]) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* answered(body, "text/plain; charset=utf-8", layer), expected)
      }))
  }

  it.live("tell no words by JSON that was not asked for, and a confidence that is none is left out", () =>
    Effect.gen(function*() {
      const json = JSON.stringify({ transcript: "Hello.", confidence: 95 })
      assert.strictEqual(
        yield* answered(json, "application/json", wholes["HttpStt with its words alone"]),
        "! InvalidResponse"
      )
      const transcript = (url: string) => HttpStt.layer({ url })
      assert.strictEqual(yield* answered(json, "application/json", transcript), `"Hello." 0-1000`)
      const odd = JSON.stringify({ transcript: "Hello.", confidence: "0.9" })
      assert.strictEqual(yield* answered(odd, "application/json", transcript), `"Hello." 0-1000`)
    }))
})

describe("a language", () => {
  const spelt = {
    en: ["en", "EN", "eng", "english", "English", "English (United States)"],
    "en-US": ["en-US", "en_US", "EN-us"],
    "zh-Hans-CN": ["cmn-Hans-CN", "zh-hans-cn"],
    zh: ["mandarin", "Chinese", "zho"],
    he: ["iw", "Hebrew", "heb"],
    bn: ["bengali", "Bangla"],
    my: ["myanmar", "Burmese"],
    mi: ["maori"],
    fil: ["tagalog", "tl"],
    nn: ["nynorsk"],
    jv: ["javanese", "jw"],
    ht: ["haitian creole"],
    es: ["castilian", "spanish"]
  }
  const none = ["und", "mul", "zxx", "unknown", "auto", "", "none of them", "??"]

  it("is told by its tag, however it is spelt", () => {
    for (const [tag, all] of Object.entries(spelt)) {
      for (const name of all) assert.strictEqual(told(name), tag, name)
    }
    for (const name of none) assert.strictEqual(told(name), undefined, name)
  })
})
