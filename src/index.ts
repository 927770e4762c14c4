/**
 * Voice agents as Effect services, layers and streams.
 *
 * @since 0.1.0
 */
export * as Audio from "./Audio.ts"
export * as Failure from "./Failure.ts"
export * as Llm from "./Llm.ts"
export * as Processor from "./Processor.ts"
export * as Resilience from "./Resilience.ts"
export * as Room from "./Room.ts"
export * as Stt from "./Stt.ts"
export * as Tts from "./Tts.ts"
export * as Vad from "./Vad.ts"
