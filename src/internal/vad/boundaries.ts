/**
 * Decides from the probabilities of consecutive windows where speech begins and
 * ends. Positions are samples; nothing here touches audio or time.
 */

export interface Thresholds {
  readonly activation: number
  readonly deactivation: number
  readonly minSpeech: number
  readonly minSilence: number
}

export type State =
  | { readonly _tag: "Quiet" }
  /** Voice that has not lasted `minSpeech` yet. */
  | { readonly _tag: "Rising"; readonly startedAt: number }
  | { readonly _tag: "Voiced"; readonly startedAt: number; readonly since: number; readonly voicedTo: number }
  | { readonly _tag: "Paused"; readonly startedAt: number; readonly pausedAt: number; readonly silentFrom: number }

export type Decision =
  | { readonly _tag: "Started"; readonly at: number }
  | { readonly _tag: "Paused"; readonly at: number; readonly silentFrom: number }
  | { readonly _tag: "Resumed"; readonly at: number }
  | { readonly _tag: "Ended"; readonly startedAt: number; readonly at: number; readonly silentFrom: number }

export type Step = readonly [State, ReadonlyArray<Decision>]

export const quiet: State = { _tag: "Quiet" }

const none: ReadonlyArray<Decision> = []

const rise = (thresholds: Thresholds, startedAt: number, to: number): Step =>
  to - startedAt >= thresholds.minSpeech
    ? [{ _tag: "Voiced", startedAt, since: startedAt, voicedTo: to }, [{ _tag: "Started", at: startedAt }]]
    : [{ _tag: "Rising", startedAt }, none]

/** Where the last sound before a position ends, which is not looked for before `since`. */
export type SoundEnd = (position: number, since: number) => number

/** Takes the window of samples `from`–`to`, which begins where the last one ended. Silence is counted from the last sound. */
export const step = (
  thresholds: Thresholds,
  state: State,
  from: number,
  to: number,
  probability: number,
  soundEnd: SoundEnd = (position) => position
): Step => {
  switch (state._tag) {
    case "Quiet":
      return probability >= thresholds.activation ? rise(thresholds, from, to) : [state, none]
    case "Rising":
      return probability < thresholds.deactivation ? [quiet, none] : rise(thresholds, state.startedAt, to)
    case "Voiced": {
      const { since, startedAt } = state
      if (probability >= thresholds.deactivation) {
        return [{ _tag: "Voiced", startedAt, since, voicedTo: to }, none]
      }
      const silentFrom = soundEnd(from, since)
      const paused: Decision = { _tag: "Paused", at: from, silentFrom }
      return to - silentFrom >= thresholds.minSilence
        ? [quiet, [paused, { _tag: "Ended", startedAt, at: from, silentFrom }]]
        : [{ _tag: "Paused", startedAt, pausedAt: from, silentFrom }, [paused]]
    }
    case "Paused": {
      const { pausedAt, silentFrom, startedAt } = state
      if (probability >= thresholds.activation) {
        return [{ _tag: "Voiced", startedAt, since: from, voicedTo: to }, [{ _tag: "Resumed", at: from }]]
      }
      return to - silentFrom >= thresholds.minSilence
        ? [quiet, [{ _tag: "Ended", startedAt, at: pausedAt, silentFrom }]]
        : [state, none]
    }
  }
}

/** Closes a speech that is still going. */
export const close = (state: State): Step => {
  switch (state._tag) {
    case "Quiet":
    case "Rising":
      return [quiet, none]
    case "Voiced":
      return [quiet, [{ _tag: "Ended", startedAt: state.startedAt, at: state.voicedTo, silentFrom: state.voicedTo }]]
    case "Paused":
      return [quiet, [{ _tag: "Ended", startedAt: state.startedAt, at: state.pausedAt, silentFrom: state.silentFrom }]]
  }
}
