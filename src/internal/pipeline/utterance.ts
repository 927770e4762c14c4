/** One stretch of speech: the text as it was generated, as it is spoken, and how far it was heard. */
import type * as History from "../../History.ts"
import type * as Llm from "../../Llm.ts"
import type * as Text from "../../Text.ts"
import type * as Tts from "../../Tts.ts"
import * as Alignment from "../alignment.ts"
import { hasWords } from "../tts/pieces.ts"

interface Piece {
  readonly raw: string
  readonly spoken: string
}

export interface Utterance {
  readonly id: string
  /** Where its message stands in the history (ms of the Clock). */
  createdAt: number
  readonly pieces: Array<Piece>
  /** Joins to the beginning of what is spoken. */
  readonly alignment: Array<Tts.TimedText>
  raw: string
  spoken: string
  /** Audio that the synthesiser has given. */
  audioMs: number
  /** How much text (characters) there was when the audio up to `to` (ms) came: nothing behind it is in that. */
  readonly bounds: Array<{ to: number; readonly length: number }>
  /** All of its audio is there. */
  complete: boolean
  /** Calls were made with it, which stand behind it. */
  calls: boolean
  /** What the provider of the model has attached, to the text and to the step that it is of. */
  attached: { readonly text?: Llm.Metadata | undefined; readonly step?: Llm.Metadata | undefined }
}

export const makeUtterance = (id: string, createdAt: number): Utterance => ({
  id,
  createdAt,
  pieces: [],
  alignment: [],
  raw: "",
  spoken: "",
  audioMs: 0,
  bounds: [],
  complete: false,
  calls: false,
  attached: {}
})

/** The step that it is of; what was attached to that is for the whole of it. */
export const stepOf = ({ attached, id }: Utterance, cut: boolean): History.Step =>
  cut || attached.step === undefined ? { id } : { id, metadata: attached.step }

/** A transform that lets the text pass as it is once it has thrown. */
const bypassing = (
  transform: Text.Transform,
  language: string | undefined,
  onBroken: (defect: unknown) => void
): Text.TransformRun => {
  let run: Text.TransformRun | undefined
  let broken = false
  const attempt = (work: () => string, otherwise: string): string => {
    if (broken) return otherwise
    try {
      return work()
    } catch (defect) {
      broken = true
      onBroken(defect)
      return otherwise
    }
  }
  const open = (): Text.TransformRun => run ??= transform.open(language)
  return {
    push: (text) => attempt(() => open().push(text), text),
    end: () => attempt(() => open().end(), "")
  }
}

/** More audio has come. */
export const addAudio = (utterance: Utterance, ms: number): void => {
  utterance.audioMs += ms
  const { bounds, spoken: { length } } = utterance
  const last = bounds.at(-1)
  if (last?.length === length) last.to = utterance.audioMs
  else bounds.push({ to: utterance.audioMs, length })
}

/** The model speaks these words itself. */
export const addSpoken = (utterance: Utterance, text: string): void => {
  utterance.raw += text
  utterance.spoken += text
  utterance.pieces.push({ raw: text, spoken: text })
}

/** A model that has lost its way may write blanks without end: a voice would be asked, and paid, for each. */
const withoutGaps = (text: string): string => text.replace(/\s{3,}/g, (blanks) => blanks.includes("\n") ? "\n\n" : " ")

/** Cuts text into speakable pieces and rewrites them for the ear, remembering which became which. */
export const makeWriter = (
  utterance: Utterance,
  segmenter: Text.Segmenter,
  transforms: ReadonlyArray<Text.Transform>,
  language: string | undefined,
  /** A transform has thrown, and is left out from now on. */
  onBroken: (transform: string, defect: unknown) => void
): { readonly push: (delta: string) => ReadonlyArray<string>; readonly end: () => ReadonlyArray<string> } => {
  const chain = transforms.map((transform) =>
    bypassing(transform, language, (defect) => onBroken(transform.name, defect))
  )
  const rewrite = (raw: string): string => chain.reduce((text, transform) => transform.push(text), raw)
  const rest = (): string => chain.reduce((text, transform) => transform.push(text) + transform.end(), "")
  const add = (raw: string, rewritten: string): ReadonlyArray<string> => {
    // A voice may have no sound for signs alone, and is not asked for one. What was held back belongs to what came before, if anything did.
    const silent = !hasWords(raw === "" ? utterance.spoken + rewritten : rewritten)
    const spoken = silent && rewritten.trim() !== "" ? "" : withoutGaps(rewritten)
    // Words that a transform has held back are spoken with those that follow, and the last of them with those before.
    const last = utterance.pieces.at(-1)
    const joins = last !== undefined && (raw === "" || (last.spoken === "" && hasWords(last.raw)))
    if (joins) utterance.pieces[utterance.pieces.length - 1] = { raw: last.raw + raw, spoken: last.spoken + spoken }
    else utterance.pieces.push({ raw, spoken })
    utterance.spoken += spoken
    return spoken.trim() === "" ? [] : [spoken]
  }
  return {
    push: (delta) => {
      utterance.raw += delta
      return segmenter.push(delta).flatMap((raw) => add(raw, rewrite(raw)))
    },
    end: () => {
      const raws = segmenter.end()
      const last = raws.at(-1)
      const spoken = raws.slice(0, -1).flatMap((raw) => add(raw, rewrite(raw)))
      // What a transform held back, as the last "!", is said with the words before it: alone it would be a request of its own.
      const rewritten = last === undefined ? rest() : rewrite(last) + rest()
      return last === undefined && rewritten === "" ? spoken : [...spoken, ...add(last ?? "", rewritten)]
    }
  }
}

// Without a word from the synthesiser about its pace: English speech.
const msPerCharacter = 60

/** The spoken text up to a playhead. */
export const spokenAt = (utterance: Utterance, playedMs: number): string => {
  const told = utterance.alignment.map(({ text }) => text).join("")
  const from = utterance.alignment.at(-1)?.end ?? 0
  const aligned = Alignment.heard(utterance.alignment, playedMs)
  // Some know the time of a sentence when its audio has ended, and are heard before.
  if (playedMs <= from) return aligned
  const rest = utterance.spoken.slice(told.length)
  const left = utterance.audioMs - from
  const total = utterance.complete ? left : Math.max(left, rest.length * msPerCharacter)
  const bound = utterance.complete ? undefined : utterance.bounds.find(({ to }) => to >= playedMs)
  const most = bound === undefined ? rest.length : Math.max(0, bound.length - told.length)
  const more = Alignment.heardInProportion(rest, playedMs - from, total).slice(0, most).trimEnd()
  return more === "" ? aligned : told + more
}

/** The generated text that was heard: whole pieces, and of the last the same share as was spoken of it. */
export const heardAt = (utterance: Utterance, playedMs: number): string => {
  let left = spokenAt(utterance, playedMs).trimEnd().length
  if (utterance.complete && left >= spokenAt(utterance, Infinity).trimEnd().length) return utterance.raw.trim()
  let heard = ""
  for (const { raw, spoken } of utterance.pieces) {
    const length = spoken.trimEnd().length
    if (left >= length) {
      heard += raw
      left -= spoken.length
      if (left <= 0) break
      continue
    }
    if (left > 0) {
      heard += raw === spoken ? raw.slice(0, left) : Alignment.heardInProportion(raw, left, length)
    }
    break
  }
  return heard.trim()
}
