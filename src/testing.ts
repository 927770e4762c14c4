/**
 * Tests of voice agents in virtual time: scripted providers, a caller in a
 * virtual room, whole conversations as scripts, and random ones with faults.
 *
 * Import it as a namespace: `import * as Testing from "effect-voice/testing"`.
 *
 * - `scenario` runs a script (`say`, `type`, …) through the whole pipeline and
 *   gives a `Timeline` to make assertions on, to the millisecond.
 * - `inVirtualTime` runs a program of your own without waiting.
 * - `layer` gives every service that a pipeline needs, scripted, and a `Caller`.
 * - `job` is what the entry of a worker is given.
 * - `stt`, `llm`, `tts`, `vad`, `room` and their layers are the single services.
 * - `speech` is audio from which the text can be read back (`readSpeech`).
 * - `roomContract` is what a room of your own must keep; `sttContract`, `llmContract` and
 *   `ttsContract` are the same for a recogniser, a model and a voice.
 * - `layerRealLlm` puts a real model into a scenario, whose `simulatedUser` may be played by another;
 *   `judge` asks a model whether a conversation is as expected.
 * - `check` holds random conversations and checks `invariants` on each.
 *
 * A number where a duration is wanted is milliseconds.
 *
 * @since 0.1.0
 */
export * from "./testing/actions.ts"
export { type AnswerOptions, type Answers, answers } from "./testing/answered.ts"
export {
  Caller,
  layerRoom,
  NoReply,
  type OutputView,
  type Person,
  room,
  type RoomControl,
  type RoomOptions,
  type SayOptions,
  type Sent,
  type Transferred
} from "./testing/caller.ts"
export { differs, type InvariantOptions, invariants, type Violation } from "./testing/invariants.ts"
export { job, type JobOptions } from "./testing/job.ts"
export { judge, Verdict } from "./testing/judge.ts"
export { layer, type Script, type Services } from "./testing/layer.ts"
export * from "./testing/llm.ts"
export { llmContract } from "./testing/llmContract.ts"
export {
  type Hearing,
  type Mark,
  marked,
  type MarkedFrame,
  markedFrom,
  type TimedTranscript,
  type Utterance
} from "./testing/marks.ts"
export { picture, type PictureOptions } from "./testing/picture.ts"
export {
  Broken,
  check,
  type CheckOptions,
  converse,
  type Outcome,
  type OwnAgent,
  replay,
  type Summary
} from "./testing/property.ts"
export type { ContractOptions, ProviderCheck } from "./testing/providerContract.ts"
export {
  type Conversation,
  conversation,
  type ProgramAction,
  type RandomOptions
} from "./testing/randomConversation.ts"
export { layerRealLlm } from "./testing/realLlm.ts"
export { roomContract } from "./testing/roomContract.ts"
export type { RoomCheck, RoomContractOptions, RoomPeers } from "./testing/roomPeers.ts"
export * from "./testing/scenario.ts"
export { shrink } from "./testing/shrink.ts"
export type { SimulatedUser, Simulation } from "./testing/simulatedUser.ts"
export { type ReadSpeech, readSpeech, speech, type SpeechOptions } from "./testing/speech.ts"
export * from "./testing/stt.ts"
export { sttContract, type SttContractOptions } from "./testing/sttContract.ts"
export {
  type Expectation,
  type LogLine,
  type Playback,
  type Recording,
  type Timeline,
  Unexpected
} from "./testing/timeline.ts"
export * from "./testing/tts.ts"
export { ttsContract } from "./testing/ttsContract.ts"
export * from "./testing/vad.ts"
export { inVirtualTime, sleep } from "./testing/virtualTime.ts"
export { type CallEnd } from "./testing/watched.ts"
