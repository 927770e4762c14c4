/** The floor: which speech may play, which waits, which has to stop. */
import { type Draft, find, interruptible, nothingUnheeded, playing, publish, said, setPhase } from "./draft.ts"
import * as Endpointing from "./endpointing.ts"
import type { Speech, State } from "./model.ts"
import * as Queue from "./queue.ts"

/** Nobody speaks of whom anything is still to be heard. */
export const quiet = ({ user: { voice } }: State): boolean =>
  voice._tag === "Silent" || voice.dismissed || voice.committed

/** Whether the wait for words is over for what a voice has paused or held: what is said for a turn waits for no reply to it. */
export const settled = (s: State, speech?: Speech): boolean =>
  s.user.decision === undefined && (s.user.pending === undefined || Queue.answers(speech)) && quiet(s)

/** Whether the wait is over for what is paused. */
export const settledForPause = (s: State): boolean => settled(s, find(s, s.agent.pause?.speech ?? ""))

/** Silence that is owed to the user: whatever is not protected waits. */
const held = (s: State, speech: Speech): boolean =>
  s.user.unreachable ||
  interruptible(s, speech) &&
    (s.agent.holdUntil !== undefined || s.user.waitsUntil !== undefined || !settled(s, speech))

/** Whether a speech waits for the reply to a turn to be decided on. */
export const waitsForReply = (s: State, id: string): boolean => {
  const speech = find(s, id)
  return speech !== undefined && speech.phase !== "stopping" && s.user.pending !== undefined &&
    interruptible(s, speech) && !Queue.answers(speech) &&
    (speech.phase !== "playing" || s.agent.pause?.speech === id)
}

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
  d.user.unheeded = nothingUnheeded
  if (find(d, id)?.passing === false) d.agent.spokeAt = d.now
  d.agent.warmUpUntil ??= d.now + d.session.settings.interruption.echoWarmUp
  d.user.endpointing = Endpointing.onAgentStarted(d.user.endpointing, d.now)
  // What still comes of a voice whose words have been heard is said over it.
  if (quiet(d) && d.user.voice._tag !== "Silent" && said(d.user.words, true) === "") {
    d.user.words = { ...d.user.words, overlap: true }
  }
  d.actions.push({ _tag: "Play", speech: id })
}

/** A new speech takes its place in the queue. */
export const enqueue = (d: Draft, wish: Queue.Wish): void => {
  const { clip, id, source } = wish
  if (source !== "turn") publish(d, { _tag: "SpeechCreated", speech: id, source, ...(clip === true ? { clip } : {}) })
  const speech = Queue.make(d, wish)
  const floor = playing(d)
  // Who speaks gives way to what cuts in, and to what is said for a turn that has silenced them.
  const yields = speech.when === "now" || (Queue.answers(speech) && d.agent.pause?._tag === "Yielded")
  if (floor?.protected === false && yields) stop(d, floor)
  d.agent.speeches = Queue.insert(d.agent.speeches, speech, wish.behind)
}

export const stop = (d: Draft, speech: Speech, why?: "expired" | "needless"): void => {
  if (speech.phase === "stopping") return
  if (d.agent.pause?.speech === speech.id) d.agent.pause = undefined
  if (speech.phase === "playing") d.user.endpointing = Endpointing.onAgentEnded(d.user.endpointing, d.now)
  setPhase(d, speech.id, "stopping")
  d.actions.push({ _tag: "Stop", speech: speech.id, ...(why === undefined ? {} : { why }) })
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
  for (const speech of Queue.overtaken(d)) stop(d, speech)
}

/** What was to be audible by now is worth nothing any more. */
export const expire = (d: Draft): void => {
  for (const speech of d.agent.speeches) {
    if ((Queue.expiryOf(speech) ?? Infinity) <= d.now) stop(d, speech, "expired")
  }
}

// What a speech says of itself.

const isSilent = (speech: Speech | undefined): boolean => speech?.phase === "working" || speech?.phase === "tools"

export const audioReady = (d: Draft, id: string): void => {
  const speech = find(d, id)
  if (!isSilent(speech)) return
  setPhase(d, id, "ready")
  if (speech?.source === "say") return
  // What is said instead of a filler is there.
  for (const other of d.agent.speeches) if (other.passing && !other.begun) stop(d, other, "needless")
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
  if (next !== "done") d.agent.speeches = Queue.letPass(d.agent.speeches, id)
}

export const speechEnded = (d: Draft, id: string): void => {
  if (d.agent.guess?.speech === id) d.agent.guess = undefined
  const speech = find(d, id)
  if (speech === undefined) return
  if (speech.phase === "playing") playoutEnded(d, id, "working")
  d.agent.speeches = d.agent.speeches.filter((other) => other.id !== id)
}
