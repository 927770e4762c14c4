/** The state that a session begins with. */
import * as Draft from "./draft.ts"
import * as Endpointing from "./endpointing.ts"
import type { Ears, State } from "./model.ts"
import * as Said from "./said.ts"
import type { Settings } from "./settings.ts"

/**
 * The state before the session opens.
 *
 * @category constructors
 * @since 0.1.0
 */
export const initial = (
  settings: Settings,
  ears: Ears,
  options: {
    /** Whether there is anything to say when the session gives up. @default false */
    readonly apology?: boolean | undefined
    /** How long the end waits for words whose transcript is still to come (ms). @default 0 */
    readonly lastWords?: number | undefined
  } = {}
): State => ({
  user: {
    state: "listening",
    presence: { _tag: "Present" },
    unreachable: false,
    voice: { _tag: "Silent" },
    words: Draft.noWords,
    unheeded: Draft.nothingUnheeded,
    turn: 1,
    decision: undefined,
    question: 0,
    listened: undefined,
    manualUntil: undefined,
    pending: undefined,
    stops: false,
    declined: 0,
    endpointing: Endpointing.make(settings.endpointing),
    heardTo: Number.NEGATIVE_INFINITY,
    worded: Number.NEGATIVE_INFINITY,
    spokenFrom: Number.NEGATIVE_INFINITY,
    spokenTo: Number.NEGATIVE_INFINITY,
    digitAt: undefined,
    signs: [],
    waitsUntil: undefined,
    owed: [],
    settledTo: Number.NEGATIVE_INFINITY,
    cleared: undefined,
    used: undefined,
    told: []
  },
  agent: {
    state: "initializing",
    speeches: [],
    pause: undefined,
    ducked: undefined,
    holdUntil: undefined,
    silentSince: undefined,
    guess: undefined,
    warmUpUntil: undefined,
    said: Said.nothingSaid,
    hushed: false,
    calmSince: undefined,
    untold: undefined,
    spokeAt: Number.NEGATIVE_INFINITY,
    owedSince: undefined,
    filled: undefined
  },
  session: {
    settings,
    ears: { ...ears, delay: ears.delay ?? 500 },
    status: { _tag: "Starting" },
    lastWords: undefined,
    patience: options.lastWords ?? 0,
    keptInterim: "",
    failures: { inARow: {}, recent: {} },
    apology: options.apology ?? false,
    filler: undefined
  }
})
