/** Makes a speech: asks the model, hands text to the playout, runs tools, and asks again. */
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
import { Session } from "../../Session.ts"
import * as Text from "../../Text.ts"
import * as Tools from "../../Tools.ts"
import * as Turn from "../../Turn.ts"
import { act, type Call, tell, under, uniqueId, withRunning } from "./calls.ts"
import { about, type Core, signal, spanned } from "./core.ts"
import { failed, guarded, mended, textFailed, worked } from "./failures.ts"
import { turnRecord } from "./milestones.ts"
import { type Line, makeLine, play, synthesize } from "./playout.ts"
import type { Speech } from "./speech.ts"
import { makeUtterance, makeWriter, type Utterance } from "./utterance.ts"

/** Where lines go to be spoken, and who works for them. */
interface Delivery {
  readonly lines: Queue.Queue<Line, Cause.Done>
  readonly work: Work
}

type Work = (work: Effect.Effect<void>) => Fiber.Fiber<void>

/**
 * Work for a speech, which ends with it. A provider may take its time to hang
 * up: nobody waits for that, but the end of the session.
 */
const makeWorkers = (core: Core, speech: Speech): Effect.Effect<Work, never, Scope.Scope> => {
  const working = new Set<Fiber.Fiber<void>>()
  const dismiss = Effect.sync(() => {
    for (const fiber of working) fiber.interruptUnsafe()
  })
  return Effect.as(
    Effect.addFinalizer(() => dismiss),
    (work) => {
      const fiber = core.fork(under(speech, work))
      working.add(fiber)
      fiber.addObserver(() => working.delete(fiber))
      return fiber
    }
  )
}

const finish = (core: Core, speech: Speech): void => {
  if (speech.finished) return
  speech.finished = true
  if (speech.turn !== undefined) {
    const measured = speech.milestones.audible === undefined ?
      undefined :
      turnRecord(speech.milestones, speech.turn, speech.id, {
        audioMs: speech.playedMs,
        interrupted: speech.outcome === "interrupted",
        cost: core.spending.takeCost()
      })
    if (measured !== undefined) core.publish({ _tag: "TurnMeasured", record: measured })
  }
  if (speech.authorized.isOpen()) core.publish({ _tag: "SpeechFinished", speech: speech.id, outcome: speech.outcome })
  Deferred.doneUnsafe(
    speech.result,
    Effect.succeed({ text: speech.heard, playedMs: speech.playedMs, outcome: speech.outcome })
  )
  core.speeches.remove(speech)
  signal(core, { _tag: "SpeechEnded", speech: speech.id })
}

const stopped = (core: Core, speech: Speech): void => {
  if (!speech.finished) speech.outcome = speech.authorized.isOpen() ? "interrupted" : "discarded"
  finish(core, speech)
}

/** Lines are synthesised as soon as they have text, and heard one after the other. */
const speakLines = (core: Core, speech: Speech, lines: Queue.Queue<Line, Cause.Done>): Effect.Effect<void> =>
  Stream.fromQueue(lines).pipe(
    Stream.rechunk(1),
    Stream.runForEach((line) =>
      Effect.andThen(
        play(core, speech, line, () =>
          speech.thought && speech.lines === 1 ? "done" : speech.acting ? "tools" : "working"),
        Effect.sync(() => {
          speech.lines -= 1
          tell(core, speech)
        })
      )
    )
  )

/** A line in the making: opened with its first piece, so that silence needs no line. */
const makeLineWriter = (core: Core, speech: Speech, delivery: Delivery, utterance: Utterance) => {
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
    if (core.settings.syncTranscript || !speech.authorized.isOpen()) return
    if (written !== "") core.publish({ _tag: "AgentTranscript", speech: speech.id, text: written, final: false })
    told ||= written !== ""
    written = ""
    if (ended && told) core.publish({ _tag: "AgentTranscript", speech: speech.id, text: "", final: true })
  }
  const offer = (pieces: ReadonlyArray<string>): Effect.Effect<void> =>
    Effect.gen(function*() {
      if (pieces.length === 0) return
      speech.milestones.firstSentence ??= core.conductor.now()
      if (line === undefined) {
        line = yield* makeLine(utterance)
        speech.lines += 1
        const synthesis = synthesize(core, speech, line)
        delivery.work(speech.ahead ? synthesis : Effect.andThen(speech.authorized.await, synthesis))
        Queue.offerUnsafe(delivery.lines, line)
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
  speech: Speech,
  delivery: Delivery,
  text: string | Stream.Stream<string>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const writer = makeLineWriter(core, speech, delivery, makeUtterance(core.nextId("utterance"), core.history.stamp()))
    const deltas = typeof text === "string" ? Stream.make(text) : text
    const failed = Effect.sync(() => {
      speech.outcome = "failed"
    })
    yield* guarded(
      core,
      "say",
      Stream.runForEach(deltas, writer.push).pipe(
        Effect.tapCause((cause) => Cause.hasInterruptsOnly(cause) ? Effect.void : failed),
        Effect.ensuring(writer.end)
      ),
      undefined,
      (cause) => textFailed(core, "say", "SourceFailed", cause)
    )
  })

const early = <A extends { createdAt: number }>(speech: Speech, item: A): A => {
  if (!speech.authorized.isOpen()) speech.early.push(item)
  return item
}

/** What the model is shown: what was heard, and what this reply has said so far. */
const prompt = (core: Core, speech: Speech, before: ReadonlyArray<Utterance>) => {
  const known = withRunning(core)
  const guessed = speech.guess === undefined || speech.authorized.isOpen() ? known : History.insert(
    known,
    History.Message.make({ id: "guess", role: "user", text: speech.guess, createdAt: core.history.stamp() })
  )
  const history = before.filter((utterance) => History.findById(guessed, utterance.id) === undefined).reduce(
    (history, { createdAt, id, raw }) =>
      raw.trim() === ""
        ? history
        : History.insert(history, History.Message.make({ id, role: "assistant", text: raw.trim(), createdAt })),
    guessed
  )
  const extra = [speech.options.instructions, speech.turn === undefined ? undefined : core.history.context()]
    .filter((text) => text !== undefined).join("\n\n")
  return History.toPrompt(history, {
    instructions: core.agent.bound().instructions,
    ...(extra === "" ? {} : { extra })
  })
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
  speech: Speech,
  utterance: Utterance,
  before: ReadonlyArray<Utterance>,
  delivery: Delivery,
  toolChoice: Llm.Request["toolChoice"]
): Effect.Effect<Answer | undefined> =>
  Effect.suspend(() => {
    const { conductor } = core
    const { llm } = core.agent.bound()
    const { milestones } = speech
    const requested = conductor.now()
    const asked = core.history.current()
    const calls: Array<Call> = []
    const ids = new Set<string>()
    const writer = makeLineWriter(core, speech, delivery, utterance)
    let first: number | undefined
    let usage: Llm.Usage | undefined
    milestones.steps += 1
    if (milestones.firstToken === undefined) milestones.requested = requested
    const take = (delta: Llm.Delta): Effect.Effect<void> => {
      first ??= conductor.now()
      switch (delta._tag) {
        case "Text":
          if (delta.text.trim() !== "") milestones.firstToken ??= conductor.now()
          return writer.push(delta.text)
        case "ToolCall":
          calls.push(early(speech, {
            id: uniqueId(core, delta.id, ids),
            name: delta.name,
            params: delta.params,
            createdAt: core.history.stamp()
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
      prompt: prompt(core, speech, before),
      tools: Tools.list(core.agent.tools()),
      toolChoice
    }).pipe(
      Stream.runForEach(take),
      Effect.ensuring(writer.end),
      Effect.map((): Answer => {
        worked(core, "llm")
        milestones.inputTokens += usage?.inputTokens ?? 0
        milestones.outputTokens += usage?.outputTokens ?? 0
        const now = conductor.now()
        core.publish({
          _tag: "LlmMeasured",
          speech: speech.id,
          provider: llm.name,
          firstTokenMs: (first ?? now) - requested,
          requestMs: now - requested,
          inputTokens: usage?.inputTokens ?? 0,
          outputTokens: usage?.outputTokens ?? 0
        })
        return { calls, asked, wanted: speech.authorized.isOpen() ? () => {} : writer.wanted }
      }),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.interrupt
          : Effect.sync(() => {
            speech.outcome = "failed"
            if (speech.authorized.isOpen()) failed(core, "llm", llm.name, cause)
            else mended(core, "llm", llm.name, cause)
            return undefined
          })
      ),
      spanned("llm", { speech: speech.id, provider: llm.name })
    )
  })

/** Replies: model, tools, model, until the model has nothing to ask. */
const think = (core: Core, speech: Speech, delivery: Delivery): Effect.Effect<void, never, Session> =>
  Effect.gen(function*() {
    const before: Array<Utterance> = []
    const changes = core.agent.changes()
    for (let step = 1;; step++) {
      const utterance = early(speech, makeUtterance(core.nextId("utterance"), core.history.stamp()))
      const forbidden = step > core.settings.maxToolSteps
      const { toolChoice } = speech.options
      // A tool that is asked for is asked for once: its output is to be answered to.
      const choice = forbidden ? "none" : step > 1 && toolChoice === "required" ? undefined : toolChoice
      const answer = yield* ask(core, speech, utterance, before, delivery, choice)
      if (answer === undefined) return
      yield* speech.authorized.await
      answer.wanted()
      if (answer.calls.length === 0 || forbidden) return
      before.push(utterance)
      const quiet = yield* act(core, speech, answer.calls, answer.asked)
      const replaced = core.agent.changes() !== changes && core.agent.bound().onEnter !== undefined
      // After a goodbye there is nothing to say; a session that merely drains still gives its answer.
      if (quiet || replaced || Turn.closeReason(core.conductor.state()) === "hang_up") return
    }
  })

/** Makes a speech from its first thought to its last sample. */
export const perform = (core: Core, speech: Speech): Effect.Effect<void, never, Session> =>
  Effect.gen(function*() {
    const session = yield* Session
    const work = yield* makeWorkers(core, speech)
    const lines = yield* Queue.unbounded<Line, Cause.Done>()
    speech.playout = yield* Effect.forkScoped(speakLines(core, speech, lines), { startImmediately: true })
    speech.span = Option.getOrUndefined(yield* Effect.option(Effect.currentSpan))
    const delivery: Delivery = { lines, work }
    const generation = speech.text === undefined
      ? Effect.provideService(think(core, speech, delivery), Session, session)
      : recite(core, speech, delivery, speech.text)
    yield* Fiber.join(work(Effect.ensuring(generation, Queue.end(lines))))
    speech.thought = true
    yield* Fiber.join(speech.playout)
  }).pipe(
    // The playout has fallen silent, and told how far it was heard, before the speech is said to be over.
    Effect.scoped,
    Effect.onExit((exit) =>
      Effect.sync(() => {
        if (exit._tag === "Failure" && !Cause.hasInterrupts(exit.cause)) speech.outcome = "failed"
        else if (exit._tag === "Failure") return stopped(core, speech)
        finish(core, speech)
      })
    ),
    spanned(speech.source === "turn" ? "turn" : "speech", { speech: speech.id, source: speech.source }),
    speech.turn === undefined ? (effect) => effect : about({ turn: speech.turn.turn })
  )

/** Silences a speech at once. Providers that take their time to hang up hold nobody up. */
export const stop = (core: Core, speech: Speech): void => {
  if (speech.playout === undefined) {
    if (speech.fiber === undefined) stopped(core, speech)
  } else {
    speech.playout.addObserver(() => stopped(core, speech))
    speech.playout.interruptUnsafe()
  }
  speech.fiber?.interruptUnsafe()
}

/** A speech that came when the session had begun to end: nobody is told that it ever was. */
export const refuse = (core: Core, id: string): void => {
  const speech = core.speeches.get(id)
  if (speech === undefined) return
  speech.finished = true
  core.speeches.remove(speech)
  Deferred.doneUnsafe(speech.result, Effect.succeed({ text: "", playedMs: 0, outcome: "discarded" }))
}
