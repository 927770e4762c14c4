/** Makes a speech: asks the model, hands text to the playout, runs tools, and asks again. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as Event from "../../Event.ts"
import type * as Llm from "../../Llm.ts"
import { LlmError } from "../../Llm.ts"
import { Session } from "../../Session.ts"
import * as Turn from "../../Turn.ts"
import { logOwn } from "../foreign.ts"
import { newCalls } from "../llm/calls.ts"
import { voiced } from "../llm/voiced.ts"
import { wordsOf } from "../llm/words.ts"
import { beside, throughUntil } from "../streams.ts"
import { mostCalls } from "../tools/duplicates.ts"
import { offered } from "../tools/offered.ts"
import { kept } from "../tools/params.ts"
import { act, type Call, nameOf, tooMany, uniqueId } from "./calls.ts"
import { about, type Core, signal, spanned } from "./core.ts"
import { type Delivery, makeDelivery } from "./delivery.ts"
import { failed, guarded, guessFailed, textFailed, worked } from "./failures.ts"
import { makeIntake, said } from "./longTexts.ts"
import { turnRecord } from "./milestones.ts"
import { isReplaced, told } from "./outstanding.ts"
import { prompt } from "./prompt.ts"
import { makeProviderCalls } from "./providerCalls.ts"
import { askedShorter } from "./shorterPrompt.ts"
import type { Speech } from "./speech.ts"
import type { Spoken } from "./synthesis.ts"
import { renewTools } from "./toolSources.ts"
import { makeUtterance, stepOf, type Utterance } from "./utterance.ts"
import { sayThatItFailed } from "./wishes.ts"

const measure = (core: Core, speech: Speech): void => {
  const record = turnRecord(speech, core.spending.takeCost)
  if (record !== undefined) core.publish({ _tag: "TurnMeasured", record })
}

const finish = (core: Core, speech: Speech): void => {
  if (speech.finished) return
  speech.finished = true
  measure(core, core.measuring.ended(speech) ?? speech)
  const { outcome, reason } = speech
  if (speech.authorized.isOpen()) {
    const because = reason === undefined || outcome === "completed" || outcome === "interrupted" ? {} : { reason }
    core.publish({ _tag: "SpeechFinished", speech: speech.id, outcome, ...because })
  }
  core.speeches.remove(speech)
  told(core, speech)
  Deferred.doneUnsafe(
    speech.result,
    Effect.succeed({ text: speech.heard, playedMs: speech.playedMs, outcome })
  )
  signal(core, { _tag: "SpeechEnded", speech: speech.id })
  if (outcome === "failed") sayThatItFailed(core, speech)
  renewTools(core)
}

const stopped = (core: Core, speech: Speech): void => {
  const unheard = !speech.authorized.isOpen() || speech.reason === "expired" || speech.reason === "needless"
  if (!speech.finished) speech.outcome = unheard ? "discarded" : "interrupted"
  finish(core, speech)
}

/** A speech is cut off by what has failed; the first reason is kept. */
const broken = (speech: Speech, reason: Event.SpeechReason): void => {
  speech.outcome = "failed"
  speech.reason ??= reason
}

/**
 * Time (ms) in which nobody misses text: up to the newest piece, and while what is there is heard.
 */
const unmissed = (core: Core, speech: Speech, began: number, newest: () => number): Effect.Effect<number> =>
  Effect.sync(() => {
    const now = core.conductor.now()
    const starved = Turn.starvedFor(core.conductor.state(), speech.id, now)
    return Math.max(newest(), starved === undefined ? 0 : now - starved) - began
  })

/** Says what it was given. */
const recite = (
  core: Core,
  speech: Speech,
  delivery: Delivery,
  text: string | Stream.Stream<string>
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const utterance = makeUtterance(core.nextId("utterance"), core.history.stamp())
    speech.recited = utterance
    const line = delivery.line(utterance)
    const began = core.conductor.now()
    speech.milestones.requested = began
    let newest = began
    const deltas = (typeof text === "string" ? Stream.make(text) : text).pipe(
      said(core),
      beside((pieces) => {
        if (pieces.some((piece) => piece.trim() !== "")) newest = core.conductor.now()
      }),
      Stream.tapCause((cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.sync(() => broken(speech, "text"))
      )
    )
    let isLate = false
    const limit = {
      ms: core.settings.textTimeout,
      spared: unmissed(core, speech, began, () => newest),
      late: () => {
        isLate = true
        broken(speech, "stalled")
      }
    }
    return guarded(
      core,
      "say",
      line.write(deltas),
      limit,
      (cause) => textFailed(core, "say", "SourceFailed", cause)
    ).pipe(
      // What came before is said, also where the source cannot be stopped.
      Effect.andThen(
        Effect.suspend(() =>
          isLate ? Effect.andThen(line.end, textFailed(core, "say", "SourceStalled", Cause.empty)) : Effect.void
        )
      )
    )
  })

const early = <A extends { createdAt: number }>(speech: Speech, item: A): A => {
  if (!speech.authorized.isOpen()) speech.early.push(item)
  return item
}

interface Answer {
  /** Why it can be heard by nobody, where that is so. */
  readonly empty: Event.EmptyReason | undefined
  readonly calls: ReadonlyArray<Call>
  /** How many calls were begun when the model was asked. */
  readonly known: number
  /** Told when a guess is authorised after it was complete. */
  readonly wanted: () => void
}

type Finish = Extract<Llm.Delta, { readonly _tag: "Finish" }>

/** Why nothing of an answer can be heard; `undefined` where something can. */
const emptyReason = (
  { audioMs, raw, spoken }: Utterance,
  finish: Finish | undefined
): Event.EmptyReason | undefined => {
  // A model that speaks itself need not tell its words.
  if (spoken.trim() !== "" || audioMs > 0) return undefined
  if (finish?.reason === "length" || finish?.reason === "content-filter") return finish.reason
  return raw === "" ? "empty" : raw.trim() === "" ? "blank" : "wordless"
}

/** An answer that nobody can hear is told of; `true`: the model is to be asked once more. */
const missed = (core: Core, speech: Speech, { calls, empty }: Answer, retried: boolean): boolean => {
  if (empty === undefined) return false
  const reason = calls.length > 0 ? "steps" : empty
  const again = !retried && (reason === "empty" || reason === "blank")
  core.publish({ _tag: "ReplyEmpty", speech: speech.id, reason, retried: again })
  // Signs may be all that the model has to say.
  if (!again && reason !== "wordless") broken(speech, reason)
  return again
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
  Effect.flatMap(core.runner.begun, (known) => {
    const { conductor } = core
    const { llm } = core.agent.bound()
    const { milestones } = speech
    const requested = conductor.now()
    const calls: Array<Call> = []
    const ids = new Set<string>()
    const isNew = newCalls(mostCalls)
    const line = delivery.line(utterance)
    const provided = makeProviderCalls(core, speech, utterance, (id) => uniqueId(core, id, ids))
    let first: number | undefined
    let finish: Finish | undefined
    let dropped = 0
    milestones.steps += 1
    if (milestones.firstToken === undefined) milestones.requested = requested
    const notice = (delta: Llm.Delta): void => {
      first ??= conductor.now()
      if (wordsOf(delta).trim() !== "") milestones.firstToken ??= conductor.now()
      if ((delta._tag === "Text" || delta._tag === "Speech") && delta.metadata !== undefined) {
        utterance.attached = { ...utterance.attached, text: { ...utterance.attached.text, ...delta.metadata } }
      }
      if (delta._tag === "Finish") {
        finish = delta
        utterance.attached = { ...utterance.attached, step: delta.metadata }
      }
      if (delta._tag === "ProviderCall" || delta._tag === "ProviderResult") provided.push(delta)
      if (delta._tag !== "ToolCall" || !isNew(delta.id, delta.name, kept(delta.params))) return
      utterance.calls = true
      dropped += Number(calls.length > mostCalls)
      if (calls.length > mostCalls) return
      const { metadata, params } = delta
      calls.push(early(speech, {
        id: uniqueId(core, delta.id, ids),
        name: nameOf(core, delta.name),
        params,
        metadata,
        createdAt: core.history.stamp()
      }))
    }
    const intake = makeIntake(core)
    /** Notices all that the model says, and passes on what of it is text. */
    const listen = (deltas: ReadonlyArray<Llm.Delta>) => {
      const made: Array<string | Spoken> = []
      for (const given of deltas) {
        const { delta, last } = intake(given)
        notice(delta)
        if (delta._tag === "Text" && delta.text !== "") made.push(delta.text)
        if (delta._tag === "Speech") made.push(delta)
        if (last) return { made, last }
      }
      return { made, last: false }
    }
    return askedShorter(core, speech, before, (shorter) =>
      llm.reply({
        prompt: prompt(core, speech, before, shorter),
        tools: offered(core.agent.tools()),
        toolChoice
      })).pipe(
        voiced((reason) => new LlmError({ provider: llm.name, reason })),
        throughUntil(listen),
        line.write,
        Effect.map((): Answer => {
          worked(core, "llm")
          if (dropped > 0) tooMany(core, calls.length + dropped)
          for (const call of calls) call.step = stepOf(utterance, false)
          const usage = finish?.usage
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
          return {
            calls,
            known,
            empty: emptyReason(utterance, finish),
            wanted: speech.authorized.isOpen() ? () => {} : () => {
              provided.flush()
              line.wanted()
            }
          }
        }),
        Effect.ensuring(Effect.sync(provided.end)),
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause)
            ? Effect.interrupt
            : Effect.suspend(() => {
              if (!speech.authorized.isOpen()) return guessFailed(core, speech.id, llm.name, cause)
              broken(speech, "llm")
              failed(core, "llm", llm.name, cause)
              return Effect.undefined
            })
        ),
        spanned("llm", { speech: speech.id, provider: llm.name })
      )
  })

/** Replies: model, tools, model, until the model has nothing to ask. */
const think = (core: Core, speech: Speech, delivery: Delivery): Effect.Effect<void, never, Session> =>
  Effect.gen(function*() {
    const before: Array<Utterance> = []
    const place = core.agent.place()
    let retried = false
    for (let step = 1;;) {
      // A history may go on in another session: no two steps of it are to have one id.
      const id = `${core.id}/${core.nextId("utterance")}`
      const utterance = early(speech, makeUtterance(id, core.history.stamp()))
      speech.unheard.add(utterance)
      const forbidden = speech.steps.left <= 0
      const { toolChoice } = speech.options
      // A tool that is asked for is asked for once: its output is to be answered to.
      const choice = forbidden ? "none" : step > 1 && toolChoice === "required" ? undefined : toolChoice
      const answer = yield* ask(core, speech, utterance, before, delivery, choice)
      if (utterance.spoken.trim() === "") speech.unheard.delete(utterance)
      if (answer === undefined) return
      if (answer.calls.length === 0 || utterance.raw.trim() !== "") {
        for (const id of speech.shows) speech.tells.add(id)
      }
      yield* speech.authorized.await
      answer.wanted()
      if (answer.calls.length === 0 || forbidden) {
        if (!missed(core, speech, answer, retried)) return
        retried = true
        continue
      }
      step += 1
      before.push(utterance)
      const quiet = yield* act(core, speech, answer.calls, answer.known)
      // After a goodbye there is nothing to say; a session that merely drains still gives its answer.
      const goodbye = core.outstanding.isLeaving() || Turn.closeReason(core.conductor.state()) === "hang_up"
      if (quiet || isReplaced(core, place) || goodbye) return
    }
  })

/** Makes a speech from its first thought to its last sample. */
export const perform = (core: Core, speech: Speech): Effect.Effect<void, never, Session> =>
  Effect.gen(function*() {
    const session = yield* Session
    const delivery = yield* makeDelivery(core, speech)
    speech.playout = delivery.playout
    speech.span = Option.getOrUndefined(yield* Effect.option(Effect.currentSpan))
    const generation = speech.text === undefined
      ? Effect.provideService(think(core, speech, delivery), Session, session)
      : recite(core, speech, delivery, speech.text)
    yield* Fiber.join(delivery.work(Effect.ensuring(generation, delivery.end)))
    speech.thought = true
    yield* Fiber.join(delivery.playout)
  }).pipe(
    // The playout has fallen silent, and told how far it was heard, before the speech is said to be over.
    Effect.scoped,
    Effect.onExit((exit) =>
      Effect.sync(() => {
        if (exit._tag === "Failure" && !Cause.hasInterrupts(exit.cause)) {
          broken(speech, "hook")
          core.fork(Effect.annotateLogs(logOwn("a speech broke", exit.cause), { speech: speech.id }))
        } else if (exit._tag === "Failure") return stopped(core, speech)
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

/** The session ends without an answer from the room: what is left of its speeches is over. */
export const abandon = (core: Core): void => {
  for (const speech of core.speeches.all()) {
    if (speech.fiber === undefined) continue
    speech.tellHeard?.(undefined, true)
    stopped(core, speech)
  }
}

/** A speech that came when the session had begun to end: nobody is told that it ever was. */
export const refuse = (core: Core, id: string): void => {
  const speech = core.speeches.get(id)
  if (speech === undefined) return
  speech.finished = true
  core.speeches.remove(speech)
  Deferred.doneUnsafe(speech.result, Effect.succeed({ text: "", playedMs: 0, outcome: "discarded" }))
}
