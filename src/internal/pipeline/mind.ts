/** The agent's mind: asks the model, hands text to the voice, runs tools, and asks again. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as History from "../../History.ts"
import type * as Llm from "../../Llm.ts"
import * as Text from "../../Text.ts"
import * as Tools from "../../Tools.ts"
import * as Turn from "../../Turn.ts"
import { act, type Call, tell, under, uniqueId, withRunning } from "./calls.ts"
import { about, type Core, nextId, signal, spanned, stamp } from "./core.ts"
import { failed, guarded, mended, textFailed, worked } from "./failures.ts"
import type { Job } from "./job.ts"
import { record } from "./ledger.ts"
import { makeUtterance, makeWriter, type Utterance } from "./utterance.ts"
import { type Line, makeLine, play, synthesize } from "./voice.ts"

/** Where lines go to be spoken, and who works for them. */
interface Mouth {
  readonly lines: Queue.Queue<Line, Cause.Done>
  readonly employ: Employ
}

type Employ = (work: Effect.Effect<void>) => Fiber.Fiber<void>

/** Makes a speech from its first thought to its last sample. */
export const perform = (core: Core, job: Job): Effect.Effect<void> =>
  Effect.gen(function*() {
    const employ = yield* makeEmploy(core, job)
    const lines = yield* Queue.unbounded<Line, Cause.Done>()
    job.mouth = yield* Effect.forkScoped(speakLines(core, job, lines), { startImmediately: true })
    job.span = Option.getOrUndefined(yield* Effect.option(Effect.currentSpan))
    const mouth: Mouth = { lines, employ }
    const mind = job.text === undefined ? think(core, job, mouth) : recite(core, job, mouth, job.text)
    yield* Fiber.join(employ(Effect.ensuring(mind, Queue.end(lines))))
    job.thought = true
    yield* Fiber.join(job.mouth)
  }).pipe(
    // The mouth has fallen silent, and told how far it was heard, before the speech is said to be over.
    Effect.scoped,
    Effect.onExit((exit) =>
      Effect.sync(() => {
        if (exit._tag === "Failure" && !Cause.hasInterrupts(exit.cause)) job.outcome = "failed"
        else if (exit._tag === "Failure") return stopped(core, job)
        finish(core, job)
      })
    ),
    spanned(job.source === "turn" ? "turn" : "speech", { speech: job.id, source: job.source }),
    job.turn === undefined ? (effect) => effect : about({ turn: job.turn.turn })
  )

/**
 * Work for a speech, which ends with it. A provider may take its time to hang
 * up: nobody waits for that, but the end of the session.
 */
const makeEmploy = (core: Core, job: Job): Effect.Effect<Employ, never, Scope.Scope> => {
  const working = new Set<Fiber.Fiber<void>>()
  const dismiss = Effect.sync(() => {
    for (const fiber of working) fiber.interruptUnsafe()
  })
  return Effect.as(
    Effect.addFinalizer(() => dismiss),
    (work) => {
      const fiber = core.fork(under(job, work))
      working.add(fiber)
      fiber.addObserver(() => working.delete(fiber))
      return fiber
    }
  )
}

const finish = (core: Core, job: Job): void => {
  if (job.finished) return
  job.finished = true
  if (job.turn !== undefined) {
    const measured = job.milestones.audible === undefined ? undefined : record(job.milestones, job.turn, job.id, {
      audioMs: job.playedMs,
      interrupted: job.outcome === "interrupted",
      cost: core.spending.takeCost()
    })
    if (measured !== undefined) core.publish({ _tag: "TurnMeasured", record: measured })
  }
  if (job.authorized.isOpen()) core.publish({ _tag: "SpeechFinished", speech: job.id, outcome: job.outcome })
  Deferred.doneUnsafe(
    job.result,
    Effect.succeed({ text: job.heard, playedMs: job.playedMs, outcome: job.outcome })
  )
  core.jobs.delete(job.id)
  signal(core, { _tag: "SpeechEnded", speech: job.id })
}

/** Lines are synthesised as soon as they have text, and heard one after the other. */
const speakLines = (core: Core, job: Job, lines: Queue.Queue<Line, Cause.Done>): Effect.Effect<void> =>
  Stream.fromQueue(lines).pipe(
    Stream.rechunk(1),
    Stream.runForEach((line) =>
      Effect.andThen(
        play(core, job, line, () => job.thought && job.lines === 1 ? "done" : job.acting ? "tools" : "working"),
        Effect.sync(() => {
          job.lines -= 1
          tell(core, job)
        })
      )
    )
  )

/** A line in the making: opened with its first piece, so that silence needs no line. */
const makeSpeaker = (core: Core, job: Job, mouth: Mouth, utterance: Utterance) => {
  let line: Line | undefined
  const writer = makeWriter(
    utterance,
    Text.segmenter({ minLength: core.settings.minSentence }),
    core.transforms,
    (transform, defect) => {
      core.fork(textFailed(core, transform, "Bypassed", Cause.die(defect)))
    }
  )
  let written = ""
  let told = false
  let ended = false
  const publishWritten = (): void => {
    if (core.settings.syncTranscript || !job.authorized.isOpen()) return
    if (written !== "") core.publish({ _tag: "AgentTranscript", speech: job.id, text: written, final: false })
    told ||= written !== ""
    written = ""
    if (ended && told) core.publish({ _tag: "AgentTranscript", speech: job.id, text: "", final: true })
  }
  const offer = (pieces: ReadonlyArray<string>): Effect.Effect<void> =>
    Effect.gen(function*() {
      if (pieces.length === 0) return
      job.milestones.firstSentence ??= core.conductor.now()
      if (line === undefined) {
        line = yield* makeLine(utterance)
        job.lines += 1
        const synthesis = synthesize(core, job, line)
        mouth.employ(job.ahead ? synthesis : Effect.andThen(job.authorized.await, synthesis))
        Queue.offerUnsafe(mouth.lines, line)
      }
      for (const piece of pieces) Queue.offerUnsafe(line.texts, piece)
    })
  return {
    push: (delta: string) => {
      if (!core.settings.syncTranscript) written += delta
      publishWritten()
      return offer(writer.push(delta))
    },
    end: Effect.suspend(() =>
      Effect.andThen(
        offer(writer.end()),
        Effect.sync(() => {
          if (line !== undefined) Queue.endUnsafe(line.texts)
          ended = true
          publishWritten()
        })
      )
    ),
    /** A guess keeps its words to itself until it is wanted. */
    wanted: publishWritten
  }
}

/** Says what it was given. */
const recite = (
  core: Core,
  job: Job,
  mouth: Mouth,
  text: string | Stream.Stream<string>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const speaker = makeSpeaker(core, job, mouth, makeUtterance(nextId(core, "utterance"), stamp(core)))
    const deltas = typeof text === "string" ? Stream.make(text) : text
    const failed = Effect.sync(() => {
      job.outcome = "failed"
    })
    yield* guarded(
      core,
      "say",
      Stream.runForEach(deltas, speaker.push).pipe(
        Effect.tapCause((cause) => Cause.hasInterruptsOnly(cause) ? Effect.void : failed),
        Effect.ensuring(speaker.end)
      ),
      undefined,
      (cause) => textFailed(core, "say", "SourceFailed", cause)
    )
  })

/** Replies: model, tools, model, until the model has nothing to ask. */
const think = (core: Core, job: Job, mouth: Mouth): Effect.Effect<void> =>
  Effect.gen(function*() {
    const before: Array<Utterance> = []
    const { handoffs } = core
    for (let step = 1;; step++) {
      const utterance = early(job, makeUtterance(nextId(core, "utterance"), stamp(core)))
      const forbidden = step > core.settings.maxToolSteps
      const { toolChoice } = job.options
      // A tool that is asked for is asked for once: its output is to be answered to.
      const choice = forbidden ? "none" : step > 1 && toolChoice === "required" ? undefined : toolChoice
      const answer = yield* ask(core, job, utterance, before, mouth, choice)
      if (answer === undefined) return
      yield* job.authorized.await
      answer.wanted()
      if (answer.calls.length === 0 || forbidden) return
      before.push(utterance)
      const quiet = yield* act(core, job, answer.calls, answer.asked)
      const replaced = core.handoffs !== handoffs && core.persona.onEnter !== undefined
      // After a goodbye there is nothing to say; a session that merely drains still gives its answer.
      if (quiet || replaced || Turn.closeReason(core.conductor.state()) === "hang_up") return
    }
  })

const early = <A extends { createdAt: number }>(job: Job, item: A): A => {
  if (!job.authorized.isOpen()) job.early.push(item)
  return item
}

interface Answer {
  readonly calls: ReadonlyArray<Call>
  /** The history that the model was shown. */
  readonly asked: History.History
  /** Told when a guess is authorised after it was complete. */
  readonly wanted: () => void
}

/** One request to the model. `undefined`: it failed, and that was told. */
const ask = (
  core: Core,
  job: Job,
  utterance: Utterance,
  before: ReadonlyArray<Utterance>,
  mouth: Mouth,
  toolChoice: Llm.Request["toolChoice"]
): Effect.Effect<Answer | undefined> =>
  Effect.suspend(() => {
    const { conductor } = core
    const { llm } = core.persona
    const { milestones } = job
    const requested = conductor.now()
    const asked = core.history
    const calls: Array<Call> = []
    const ids = new Set<string>()
    const speaker = makeSpeaker(core, job, mouth, utterance)
    let first: number | undefined
    let usage: Llm.Usage | undefined
    milestones.steps += 1
    if (milestones.firstToken === undefined) milestones.requested = requested
    const take = (delta: Llm.Delta): Effect.Effect<void> => {
      first ??= conductor.now()
      switch (delta._tag) {
        case "Text":
          if (delta.text.trim() !== "") milestones.firstToken ??= conductor.now()
          return speaker.push(delta.text)
        case "ToolCall":
          calls.push(early(job, {
            id: uniqueId(core, delta.id, ids),
            name: delta.name,
            params: delta.params,
            createdAt: stamp(core)
          }))
          return Effect.void
        case "Finish":
          usage = delta.usage
          return Effect.void
        default:
          // From a provider of a later version, or without types.
          return Effect.void
      }
    }
    return llm.reply({
      prompt: prompt(core, job, before),
      tools: Tools.list(core.tools),
      toolChoice
    }).pipe(
      Stream.runForEach(take),
      Effect.ensuring(speaker.end),
      Effect.map((): Answer => {
        worked(core, "llm")
        milestones.inputTokens += usage?.inputTokens ?? 0
        milestones.outputTokens += usage?.outputTokens ?? 0
        const now = conductor.now()
        core.publish({
          _tag: "LlmMeasured",
          speech: job.id,
          provider: llm.name,
          firstTokenMs: (first ?? now) - requested,
          requestMs: now - requested,
          inputTokens: usage?.inputTokens ?? 0,
          outputTokens: usage?.outputTokens ?? 0
        })
        return { calls, asked, wanted: job.authorized.isOpen() ? () => {} : speaker.wanted }
      }),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.interrupt
          : Effect.sync(() => {
            job.outcome = "failed"
            if (job.authorized.isOpen()) failed(core, "llm", llm.name, cause)
            else mended(core, "llm", llm.name, cause)
            return undefined
          })
      ),
      spanned("llm", { speech: job.id, provider: llm.name })
    )
  })

/** What the model is shown: what was heard, and what this reply has said so far. */
const prompt = (core: Core, job: Job, before: ReadonlyArray<Utterance>) => {
  const known = withRunning(core)
  const guessed = job.guess === undefined || job.authorized.isOpen() ? known : History.insert(
    known,
    History.Message.make({ id: "guess", role: "user", text: job.guess, createdAt: stamp(core) })
  )
  const history = before.filter((utterance) => History.findById(guessed, utterance.id) === undefined).reduce(
    (history, { createdAt, id, raw }) =>
      raw.trim() === ""
        ? history
        : History.insert(history, History.Message.make({ id, role: "assistant", text: raw.trim(), createdAt })),
    guessed
  )
  const extra = [job.options.instructions, job.turn === undefined ? undefined : core.context]
    .filter((text) => text !== undefined).join("\n\n")
  return History.toPrompt(history, {
    instructions: core.persona.instructions,
    ...(extra === "" ? {} : { extra })
  })
}

const stopped = (core: Core, job: Job): void => {
  if (!job.finished) job.outcome = job.authorized.isOpen() ? "interrupted" : "discarded"
  finish(core, job)
}

/** Silences a speech at once. Providers that take their time to hang up hold nobody up. */
export const stop = (core: Core, job: Job): void => {
  if (job.mouth === undefined) {
    if (job.fiber === undefined) stopped(core, job)
  } else {
    job.mouth.addObserver(() => stopped(core, job))
    job.mouth.interruptUnsafe()
  }
  job.fiber?.interruptUnsafe()
}

/** A speech that came when the session had begun to end: nobody is told that it ever was. */
export const refuse = (core: Core, job: Job): void => {
  job.finished = true
  core.jobs.delete(job.id)
  Deferred.doneUnsafe(job.result, Effect.succeed({ text: "", playedMs: 0, outcome: "discarded" }))
}
