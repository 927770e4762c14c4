/** The floor: which speech may play, which waits, which has to stop. */
import { type Draft, find, interruptible, playing, publish, said, setPhase } from "./draft.ts"
import * as Endpointing from "./endpointing.ts"
import type { Speech, State } from "./model.ts"

/** Nobody speaks of whom anything is still to be heard. */
export const quiet = ({ user: { voice } }: State): boolean =>
  voice._tag === "Silent" || voice.dismissed || voice.committed

/** Whether the wait for words is over for what a voice has paused or held. */
export const settled = (s: State): boolean => s.user.decision === undefined && s.user.pending === undefined && quiet(s)

/** Silence that is owed to the user: whatever is not protected waits. */
const held = (s: State, speech: Speech): boolean =>
  interruptible(s, speech) && (s.agent.holdUntil !== undefined || !settled(s))

/** Gives the floor to the first speech in play order that may have it. */
export const next = (d: Draft): void => {
  const { status } = d.session
  if (status._tag === "Closed" || status._tag === "Starting") return
  if (d.agent.speeches.some(({ phase }) => phase === "playing" || phase === "stopping")) return
  for (const speech of d.agent.speeches) {
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
  d.agent.warmUpUntil ??= d.now + d.session.settings.interruption.echoWarmUp
  d.user.endpointing = Endpointing.onAgentStarted(d.user.endpointing, d.now)
  // What still comes of a voice whose words have been heard is said over it.
  if (quiet(d) && d.user.voice._tag !== "Silent" && said(d.user.words, true) === "") {
    d.user.words = { ...d.user.words, overlap: true }
  }
  d.actions.push({ _tag: "Play", speech: id })
}

/** Where a new speech stands: a reply goes before whatever is not protected. */
export const enqueue = (d: Draft, speech: Speech): void => {
  const { speeches } = d.agent
  if (speech.source !== "turn") {
    publish(d, { _tag: "SpeechCreated", speech: speech.id, source: speech.source })
    d.agent.speeches = [...speeches, speech]
    return
  }
  const at = speeches.findIndex(({ phase, protected: isProtected }) =>
    phase !== "stopping" && phase !== "playing" && !isProtected
  )
  d.agent.speeches = at === -1 ? [...speeches, speech] : speeches.toSpliced(at, 0, speech)
}

export const stop = (d: Draft, speech: Speech): void => {
  if (speech.phase === "stopping") return
  if (d.agent.pause?.speech === speech.id) d.agent.pause = undefined
  if (speech.phase === "playing") d.user.endpointing = Endpointing.onAgentEnded(d.user.endpointing, d.now)
  setPhase(d, speech.id, "stopping")
  d.actions.push({ _tag: "Stop", speech: speech.id })
}

/** Stops all in play order up to the first protected speech, or everything. */
export const clear = (d: Draft, force: boolean): void => {
  for (const speech of d.agent.speeches) {
    if (speech.phase === "stopping") continue
    if (!force && speech.protected) return
    stop(d, speech)
  }
}

/** What a committed turn does to the agent: the newest turn wins. */
export const yieldTo = (d: Draft): void => {
  const floor = playing(d)
  if (floor === undefined || interruptible(d, floor)) {
    for (const speech of d.agent.speeches) {
      if (speech.phase === "stopping") continue
      if (!interruptible(d, speech)) break
      stop(d, speech)
    }
  }
  for (const speech of d.agent.speeches) {
    if (speech.source === "turn" && speech.phase !== "playing") stop(d, speech)
  }
}

// What a speech says of itself.

const isSilent = (speech: Speech | undefined): boolean => speech?.phase === "working" || speech?.phase === "tools"

export const audioReady = (d: Draft, id: string): void => {
  if (isSilent(find(d, id))) setPhase(d, id, "ready")
}

export const working = (d: Draft, id: string, phase: "working" | "tools"): void => {
  if (isSilent(find(d, id))) setPhase(d, id, phase)
}

export const starved = (d: Draft, id: string, starved: boolean): void => {
  d.agent.speeches = d.agent.speeches.map((speech) =>
    speech.id === id && speech.phase === "playing" ? { ...speech, starvedAt: starved ? d.now : undefined } : speech
  )
}

/** The audio of a speech, or of one step of a reply, has been heard to its end. */
export const playoutEnded = (d: Draft, id: string, next: "working" | "tools" | "done"): void => {
  if (find(d, id)?.phase !== "playing") return
  d.user.endpointing = Endpointing.onAgentEnded(d.user.endpointing, d.now)
  if (d.agent.pause?.speech === id) {
    // It was at its end already: the next one must not find the output paused.
    d.agent.pause = undefined
    d.actions.push({ _tag: "Resume", speech: id })
  }
  setPhase(d, id, next === "done" ? "stopping" : next)
}

export const speechEnded = (d: Draft, id: string): void => {
  if (d.agent.guess?.speech === id) d.agent.guess = undefined
  const speech = find(d, id)
  if (speech === undefined) return
  if (speech.phase === "playing") playoutEnded(d, id, "working")
  d.agent.speeches = d.agent.speeches.filter((other) => other.id !== id)
}
