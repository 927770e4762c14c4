/** The agent's side: who has the floor, what holds it, what stops it. */
import type * as Event from "../../Event.ts"
import { type Draft, find, interruptible, playing, publish, said, setPhase } from "./draft.ts"
import * as Endpointing from "./endpointing.ts"
import type { Speech, State } from "./model.ts"

/** Nobody speaks of whom anything is still to be heard. */
const quiet = (s: State): boolean => s.voice === undefined || s.voice.dismissed || s.voice.committed

/** Silence that is owed to the user: whatever is not protected waits. */
const held = (d: Draft, speech: Speech): boolean =>
  interruptible(d.s, speech) &&
  (d.s.pending !== undefined || d.s.decision !== undefined || d.s.holdUntil !== undefined ||
    !quiet(d.s))

/** Gives the floor to the first speech in play order that may have it. */
export const next = (d: Draft): void => {
  if (d.s.status === "closed" || d.s.status === "starting") return
  if (d.s.speeches.some(({ phase }) => phase === "playing" || phase === "stopping")) return
  for (const speech of d.s.speeches) {
    switch (speech.phase) {
      case "playing":
      case "stopping":
      case "working":
        return
      case "tools":
        continue
      case "queued":
        setPhase(d, speech.id, "working")
        d.actions.push({ _tag: "Begin", speech: speech.id })
        return
      case "ready":
        if (!held(d, speech)) play(d, speech.id)
        return
    }
  }
}

const play = (d: Draft, id: string): void => {
  setPhase(d, id, "playing")
  d.s.warmUpUntil ??= d.now + d.s.settings.interruption.echoWarmUp
  d.s.endpointing = Endpointing.onAgentStarted(d.s.endpointing, d.now)
  // What comes of a voice over which it may speak is said over it.
  if (d.s.voice !== undefined && said(d.s.words, true) === "") d.s.words = { ...d.s.words, overlap: true }
  d.actions.push({ _tag: "Play", speech: id })
}

/** Where a new speech stands: a reply goes before whatever is not protected. */
export const enqueue = (d: Draft, speech: Speech): void => {
  if (speech.source !== "turn") {
    publish(d, { _tag: "SpeechCreated", speech: speech.id, source: speech.source })
    d.s.speeches = [...d.s.speeches, speech]
    return
  }
  const at = d.s.speeches.findIndex((other) =>
    other.phase !== "stopping" && other.phase !== "playing" && !other.protected
  )
  d.s.speeches = at === -1 ? [...d.s.speeches, speech] : d.s.speeches.toSpliced(at, 0, speech)
}

export const stop = (d: Draft, speech: Speech): void => {
  if (speech.phase === "stopping") return
  if (d.s.pause?.speech === speech.id) d.s.pause = undefined
  if (speech.phase === "playing") d.s.endpointing = Endpointing.onAgentEnded(d.s.endpointing, d.now)
  setPhase(d, speech.id, "stopping")
  d.actions.push({ _tag: "Stop", speech: speech.id })
}

/** Interrupts in play order up to the first protected speech, or everything. */
export const interrupt = (d: Draft, force: boolean): void => {
  for (const speech of d.s.speeches) {
    if (speech.phase === "stopping") continue
    if (!force && speech.protected) return
    stop(d, speech)
  }
}

/** What a committed turn does to the agent: the newest turn wins. */
export const yieldTo = (d: Draft): void => {
  const floor = playing(d.s)
  if (floor === undefined || interruptible(d.s, floor)) {
    for (const speech of d.s.speeches) {
      if (speech.phase === "stopping") continue
      if (!interruptible(d.s, speech)) break
      stop(d, speech)
    }
  }
  for (const speech of d.s.speeches) {
    if (speech.source === "turn" && speech.phase !== "playing") stop(d, speech)
  }
}

/** The audio of a speech, or of one step of a reply, has been heard to its end. */
export const playoutEnded = (d: Draft, id: string, next: "working" | "tools" | "done"): void => {
  if (find(d, id)?.phase !== "playing") return
  d.s.endpointing = Endpointing.onAgentEnded(d.s.endpointing, d.now)
  if (d.s.pause?.speech === id) {
    // It was at its end already: the next one must not find the output paused.
    d.s.pause = undefined
    d.actions.push({ _tag: "Resume", speech: id })
  }
  setPhase(d, id, next === "done" ? "stopping" : next)
}

/** The user talks over the agent: go silent, and see what it was. */
export const pause = (d: Draft, options: { readonly silent: boolean }): void => {
  const floor = playing(d.s)
  if (floor === undefined || d.s.pause !== undefined) return
  const { falseInterruptionTimeout, resume } = d.s.settings.interruption
  if (!options.silent && (!resume || falseInterruptionTimeout === Number.POSITIVE_INFINITY)) {
    stop(d, floor)
    d.s.pause = Number.isFinite(falseInterruptionTimeout)
      ? {
        speech: floor.id,
        at: d.now,
        turn: d.s.turn,
        until: d.s.voice === undefined ? d.now + falseInterruptionTimeout : undefined,
        silent: false
      }
      : undefined
    return
  }
  // Without a voice there is no end of it to wait for.
  const until = d.s.voice === undefined && !options.silent ? d.now + falseInterruptionTimeout : undefined
  d.s.pause = { speech: floor.id, at: d.now, turn: d.s.turn, until, silent: options.silent }
  d.actions.push({ _tag: "Pause", speech: floor.id })
  if (!options.silent) publish(d, { _tag: "AgentPaused", speech: floor.id })
}

/** Words came: what was interrupted for good was so rightly. */
export const forgetPause = (d: Draft): void => {
  if (d.s.pause !== undefined && find(d, d.s.pause.speech)?.phase !== "playing") d.s.pause = undefined
}

/** It was nothing: go on, or say that it was nothing. */
export const resume = (d: Draft): void => {
  const { pause, words } = d.s
  if (pause === undefined) return
  d.s.words = { ...words, pausedMs: words.pausedMs + d.now - pause.at }
  d.s.pause = undefined
  const speech = find(d, pause.speech)
  const resumed = speech?.phase === "playing"
  if (resumed) d.actions.push({ _tag: "Resume", speech: pause.speech })
  if (!pause.silent) publish(d, { _tag: "FalseInterruption", speech: pause.speech, resumed })
}

/** Whether the wait for words is over for what a voice has paused or held. */
export const settled = (s: State): boolean => s.decision === undefined && s.pending === undefined && quiet(s)

export const agentState = (s: State): Event.AgentState => {
  if (s.status === "starting") return "initializing"
  if (s.status === "closed") return "listening"
  const floor = playing(s)
  if (floor !== undefined && s.pause?.speech !== floor.id) {
    return floor.starvedAt !== undefined
      ? "thinking"
      : "speaking"
  }
  if (s.pending !== undefined) return "thinking"
  if (floor !== undefined) return "listening"
  const thinks = s.speeches.some((speech) => speech.source !== "say" && speech.phase !== "stopping")
  return thinks ? "thinking" : "listening"
}
