/**
 * Voice agents as Effect services, layers and streams.
 *
 * @since 0.1.0
 */
export * as Agent from "./Agent.ts"
export * as Audio from "./Audio.ts"
export * as Config from "./Config.ts"
export * as Cost from "./Cost.ts"
export * as Event from "./Event.ts"
export * as Failure from "./Failure.ts"
export * as Frontend from "./Frontend.ts"
export * as History from "./History.ts"
export * as Llm from "./Llm.ts"
export * as Metrics from "./Metrics.ts"
export * as Pipeline from "./Pipeline.ts"
export * as Processor from "./Processor.ts"
export * as Recorder from "./Recorder.ts"
export * as Resilience from "./Resilience.ts"
export * as Room from "./Room.ts"
export * as Session from "./Session.ts"
export * as Stt from "./Stt.ts"
export * as Text from "./Text.ts"
export * as Tools from "./Tools.ts"
export * as Tts from "./Tts.ts"
export * as Turn from "./Turn.ts"
export * as Vad from "./Vad.ts"
export * as Worker from "./Worker.ts"
