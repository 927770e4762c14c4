export * from "./testing/caller.ts"
export * from "./testing/llm.ts"
export {
  type Hearing,
  type Mark,
  marked,
  type MarkedFrame,
  markedFrom,
  type TimedTranscript,
  type Utterance
} from "./testing/marks.ts"
export * from "./testing/scenario.ts"
export { type ReadSpeech, readSpeech, speech, type SpeechOptions } from "./testing/speech.ts"
export * from "./testing/stt.ts"
export {
  type Expectation,
  type LogLine,
  type Playback,
  type Recording,
  type Timeline,
  Unexpected
} from "./testing/timeline.ts"
export * from "./testing/tts.ts"
export * from "./testing/vad.ts"
