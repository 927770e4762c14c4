/**
 * The speeches that the program, or the session itself, asks for: each is put in line, and can be
 * followed to its end. A wait that could never end fails at once.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import * as Session from "../../Session.ts"
import * as Turn from "../../Turn.ts"
import { CurrentHook, CurrentSpeech, type RunningHook } from "../session.ts"
import { type Core, isOpen, signal } from "./core.ts"
import { checkInterrupt, checkSay, checkWords } from "./requests.ts"
import { makeSpeech, newSteps, type Speech, type Steps } from "./speech.ts"

export const protectedSpeech = new Session.SessionError({
  reason: "Protected",
  detail: "the speech is protected: interrupt it with { force: true }, or wait for its end"
})

const ownSpeech = new Session.SessionError({
  reason: "OwnSpeech",
  detail: "a tool cannot wait for the speech that waits for the tool"
})

const deadlock = new Session.SessionError({
  reason: "Deadlock",
  detail:
    "this speech comes after the reply, which waits for onUserTurn: say it with { when: \"withReply\" } or do not wait"
})

/** What comes too late to be said. */
const discarded = (id: string): Session.Speech => ({
  id,
  heard: Effect.succeed({ text: "", playedMs: 0, outcome: "discarded" }),
  interrupt: () => Effect.void
})

/** Whether a speech waits for another, through its tools and theirs. */
const waitsFor = (core: Core, id: string, other: string, seen = new Set<string>()): boolean => {
  if (id === other) return true
  if (seen.has(id)) return false
  seen.add(id)
  return [...core.speeches.get(id)?.awaits ?? []].some((next) => waitsFor(core, next, other, seen))
}

const heard = (core: Core, speech: Speech): Session.Speech["heard"] =>
  Effect.gen(function*() {
    const current = yield* CurrentSpeech
    const hook = yield* CurrentHook
    if (current !== undefined && waitsFor(core, speech.id, current)) return yield* ownSpeech
    const asked = hook?.name === "onUserTurn" && !hook.over()
    // A hook begins in the breath of the commit: what it wants said is put in line after that.
    if (asked) yield* Effect.yieldNow
    if (asked && Turn.waitsForReply(core.conductor.state(), speech.id)) return yield* deadlock
    const result = hook === undefined ? Deferred.await(speech.result) : hook.awaiting(Deferred.await(speech.result))
    const awaits = current === undefined ? undefined : core.speeches.get(current)?.awaits
    if (awaits === undefined) return yield* result
    awaits.add(speech.id)
    return yield* Effect.ensuring(result, Effect.sync(() => awaits.delete(speech.id)))
  })

const handle = (core: Core, speech: Speech): Session.Speech => ({
  id: speech.id,
  heard: heard(core, speech),
  interrupt: (options = {}) =>
    Effect.suspend(() => {
      const { force } = checkInterrupt(options)
      if (!force && Turn.isProtected(core.conductor.state(), speech.id)) return Effect.fail(protectedSpeech)
      signal(core, { _tag: "Interrupt", force, speech: speech.id })
      return Effect.void
    })
})

export interface Wish {
  readonly source: "say" | "reply"
  /** What to say; a reply asks the model instead. */
  readonly text?: string | Stream.Stream<string> | undefined
  readonly options?: Session.ReplyOptions & Pick<Session.SayOptions, "clip"> | undefined
  /** It fills a silence: any new turn ends it. */
  readonly passing?: boolean | undefined
  /** The steps in which the model may call tools. @default as many as for a turn */
  readonly steps?: Steps | undefined
  /** It tells what came after its reply. */
  readonly announces?: boolean | undefined
}

/** On whose behalf something is asked for. */
interface Asker {
  readonly hook: RunningHook | undefined
  /** The speech whose tool it is. */
  readonly speech: string | undefined
}

const nobody: Asker = { hook: undefined, speech: undefined }

export const asker: Effect.Effect<Asker> = Effect.map(
  Effect.all([CurrentHook, CurrentSpeech]),
  ([hook, speech]) => ({ hook, speech })
)

/** Where they stand: a hook before the reply that waits for it, or amid what goes on for too long, a tool before the reply to its result. */
const whenOf = (core: Core, { source }: Wish, { hook, speech }: Asker): NonNullable<Session.SayOptions["when"]> => {
  if (hook !== undefined && !hook.over()) return hook.name === "onUserTurn" ? "withReply" : "now"
  const replies = speech !== undefined && core.speeches.get(speech) !== undefined
  return source === "say" && replies ? "withReply" : "idle"
}

const framesOf = (clip: Session.SayOptions["clip"]): ReadonlyArray<Audio.Frame> | undefined =>
  clip === undefined || !("samples" in clip) ? clip : [clip]

/** Puts it in line; what comes when the session ends is discarded. */
export const want = (core: Core, wish: Wish, by = nobody): Session.Speech => {
  const { announces, options = {}, passing = false, source, steps = newSteps(core), text } = wish
  const { expires, when = whenOf(core, wish, by) } = checkSay(options)
  if (source === "say") checkWords("say", text, true)
  const id = core.nextId(isOpen(core) ? "speech" : "discarded")
  if (!isOpen(core)) return discarded(id)
  const clip = framesOf(options.clip)
  const now = core.history.stamp()
  const speech = makeSpeech({ id, source, text, options, clip, now, steps, announces, passing, askedBy: by.speech })
  core.speeches.add(speech)
  signal(core, {
    _tag: "Enqueue",
    speech: id,
    source,
    protected: options.protected === true,
    when,
    expiresMs: expires,
    passing,
    behind: (core.speeches.get(by.speech ?? "")?.lines ?? 0) > 0 ? by.speech : undefined,
    clip: speech.clip !== undefined
  })
  return handle(core, speech)
}

/** What is said of this moment alone. */
export const shortLived = { expires: "5 seconds", when: "withReply" } as const

/** Says at once that a reply has failed, where nothing else tells the user that they wait in vain. */
export const sayThatItFailed = (core: Core, speech: Speech): void => {
  const { failedReply } = core
  // Nobody waits for what tells a late result.
  if (
    failedReply === undefined || speech.source === "say" || speech.announces || !speech.authorized.isOpen() ||
    !isOpen(core)
  ) return
  // What it has said itself before it broke off tells nobody that no more comes.
  const brokeOff = speech.playedMs > 0 && (speech.reason === "llm" || speech.reason === "tts")
  const since = brokeOff ? core.conductor.now() : speech.turn?.committedAt ?? speech.createdAt
  const state = core.conductor.state()
  if (Turn.isUsersTurn(state) || Turn.spokeSince(state, since, speech.id)) return
  // A synthesiser that has just failed is not asked again.
  const mute = speech.reason === "tts"
  const clip = mute ? failedReply.frames() : undefined
  if (mute && clip === undefined) return
  want(core, { source: "say", text: failedReply.text, options: { ...shortLived, clip }, passing: true })
}
