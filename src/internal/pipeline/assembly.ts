/** Makes the core of a session: the owners of all that changes in it, and what they share. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import type * as Agent from "../../Agent.ts"
import type { Options } from "../../Pipeline.ts"
import type * as Room from "../../Room.ts"
import * as Text from "../../Text.ts"
import * as Tools from "../../Tools.ts"
import * as Turn from "../../Turn.ts"
import { makeStore } from "../callState.ts"
import * as phrases from "../phrases.ts"
import { CurrentSpeech, InWriting } from "../session.ts"
import { delaysOf } from "../stt/delays.ts"
import { makeAnswering } from "./answering.ts"
import { prepared } from "./apology.ts"
import { makeApprove } from "./approval.ts"
import { sttOf } from "./boundAgent.ts"
import { ended, makeCalls, progressed } from "./calls.ts"
import { makeConductor } from "./conductor.ts"
import { type Core, makeIds, type Settings } from "./core.ts"
import { makeCurrentAgent } from "./currentAgent.ts"
import { makeHistory } from "./history.ts"
import type { Judges } from "./judges.ts"
import { makeKeys } from "./keys.ts"
import { makeMeasuring } from "./measuring.ts"
import type { Checked } from "./options.ts"
import { makeCommands } from "./output.ts"
import { makeOutstanding } from "./outstanding.ts"
import type { SessionParticipant } from "./participant.ts"
import type { Providers } from "./providers.ts"
import { makeSpeeches } from "./speech.ts"
import type { Spending } from "./spending.ts"
import { makeTransfers } from "./transfer.ts"
import { makeTuning } from "./tuning.ts"
import { makeTurnAudio } from "./turnAudio.ts"

export interface Parts {
  readonly id: string
  readonly agent: Agent.Agent<unknown, unknown>
  readonly now: () => number
  readonly publish: Core["publish"]
  readonly fork: Core["fork"]
  readonly participant: SessionParticipant
  readonly spending: Spending
  readonly providers: Providers
  readonly judges: Judges
  /** The session was given a turn detector, though it may not have opened. */
  readonly judged: boolean
  readonly output: Room.Output
  /** What ends with it is cut off when the session ends: the tools. */
  readonly toolScope: Scope.Scope
}

const settingsOf = (options: Options, checked: Checked, inWriting: boolean): Settings => ({
  maxToolSteps: checked.maxToolSteps,
  minSentence: checked.minSentence,
  syncTranscript: !inWriting && (options.syncTranscript ?? true),
  roomTimeout: checked.roomTimeout,
  textTimeout: checked.textTimeout,
  hookTimeout: checked.hookTimeout
})

/** Where the turn-taking begins. */
const initialOf = (checked: Checked, { agent, judges, providers }: Parts, apology: boolean): Turn.State => {
  const stt = sttOf(agent, providers.defaults)
  const ears = {
    stt: stt !== undefined,
    interims: stt?.interims === true,
    ...(stt === undefined ? {} : { delay: delaysOf(stt).usual }),
    turns: stt?.turns === true,
    detector: judges.turnDetector !== undefined,
    listens: judges.turnDetector?.model.push !== undefined,
    judge: judges.overlapClassifier !== undefined
  }
  const lastWords = Math.min(checked.lastWordsTimeout, checked.closeTimeout)
  return Turn.initial(checked.turn, ears, { apology, lastWords })
}

export const makeCore = (parts: Parts, options: Options, checked: Checked): Effect.Effect<Core, Tools.ToolsError> =>
  Effect.gen(function*() {
    const { agent, fork, id, now, output, participant, providers, publish, spending, toolScope } = parts
    const { defaults, speaks } = providers
    const own = { provider: speaks, tts: defaults.tts, voice: agent.voice }
    const apology = prepared(options.apology, phrases.apology, own)
    const failedReply = prepared(options.failedReply, phrases.failedReply, own)
    const initial = initialOf(checked, parts, apology !== undefined)
    const conductor = makeConductor({ now, fork, initial })
    const nextId = makeIds()
    const history = makeHistory(agent.history, conductor.now, nextId)
    const approve = makeApprove()
    // Nothing calls a tool before all is made.
    let made: Core | undefined
    const whole = (): Core => made as Core
    const runner = yield* Tools.makeRunner({
      timeout: Duration.millis(checked.toolTimeout),
      onPreliminary: ({ id, name }, result, given) =>
        Effect.map(CurrentSpeech, (speech) => {
          if (speech !== undefined) publish({ _tag: "FunctionCallProgressed", speech, id, name, result })
          progressed(whole(), id, result, given)
        }),
      approve: (call) => approve(whole(), call),
      onOutput: (output) => Effect.sync(() => ended(whole(), output))
    }).pipe(Scope.provide(toolScope))
    made = {
      id,
      settings: settingsOf(options, checked, yield* InWriting),
      publish,
      fork,
      nextId,
      participant,
      conductor,
      tuning: makeTuning(options.turn ?? {}, conductor, spending.allowed, parts.judged),
      agent: makeCurrentAgent(agent, defaults),
      history,
      callState: makeStore((name, value) => publish({ _tag: "CallStateChanged", name, value })),
      speeches: makeSpeeches(),
      measuring: makeMeasuring(),
      calls: makeCalls(nextId),
      keys: makeKeys(),
      answering: makeAnswering(),
      turnAudio: makeTurnAudio(() => whole().agent.bound().llm.hears === true),
      outstanding: makeOutstanding(checked.results),
      runner,
      output,
      commands: makeCommands(),
      defaults,
      transforms: options.transforms ?? Text.speechTransforms,
      apology,
      failedReply,
      spending,
      transfers: makeTransfers(),
      leaving: Latch.makeUnsafe(false)
    }
    return made
  })
