/** What a scripted recogniser makes of its input, and when it says so. */
import * as Audio from "../Audio.ts"
import { inTimeOfAudio } from "../internal/stt/streamTime.ts"
import type { Transcript, Word } from "../Stt.ts"
import { markedFrom, millis, type TimedTranscript, type Utterance } from "./marks.ts"
import { isVoiced, readSpeech } from "./speech.ts"
import { saidAfter, spread } from "./words.ts"

export interface Settings {
  readonly interims?: boolean | undefined
  readonly times?: boolean | undefined
  readonly confidence: number | undefined
  readonly language?: string | undefined
  /** Milliseconds. */
  readonly finalDelay: number
  /** What is heard next, whatever was said. */
  readonly next: () => string | undefined
}

export interface Emission {
  /** Clock time (ms). */
  readonly at: number
  readonly transcript: Transcript
  /** Asked at that time: an interim may have been overtaken. */
  readonly isDue: () => boolean
}

/** An utterance that is being heard. */
interface Current {
  readonly utterance: Utterance
  /** Stream time. */
  readonly startedAt: number
  /** Fixed in advance, so that its end adds nothing. */
  readonly settled: boolean
  /** Characters that a final transcript has taken already. */
  taken: number
  /** Characters that were said before the microphone was muted. */
  limit: number
  over: boolean
}

const always = (): boolean => true

export class ScriptedTranscripts {
  readonly #settings: Settings
  #origin: number | undefined
  /** Stream time of the end of what was heard. */
  #time = 0
  /** Least distance of the Clock to the stream. */
  #offset = Number.POSITIVE_INFINITY
  #current: Current | undefined
  /** Nothing overtakes a final transcript. */
  #lastFinalAt = Number.NEGATIVE_INFINITY
  /** When the last final transcript comes that was fixed in advance. */
  #plannedTo = Number.NEGATIVE_INFINITY
  /** Frames with samples since the last transcript, from the first loud one on. */
  #frames: Array<Audio.Frame> = []
  #framesAt = 0
  #voicedTo = 0

  constructor(settings: Settings) {
    this.#settings = settings
  }

  hear(frame: Audio.Frame, now: number): ReadonlyArray<Emission> {
    const marked = markedFrom(frame)
    const at = marked?.at ?? frame.at ?? this.#time
    this.#origin ??= at
    this.#time = at + Audio.durationMs(frame)
    this.#offset = Math.min(this.#offset, now - this.#time)
    if (marked === undefined) return this.#listen(frame, at, now)
    const { mark } = marked
    switch (mark._tag) {
      case "VoiceStarted":
        return [...this.#rest(now), ...this.#begin(mark.utterance, at, now)]
      case "VoiceStopped":
        return this.#end(mark.said, at, now)
      case "Muted":
        if (this.#current !== undefined) this.#current.limit = mark.said.length
        return []
      case "Moment":
        return []
    }
  }

  /** Was asked for everything that was said and has no final transcript yet: an answer comes in any case. */
  finalize(now: number): ReadonlyArray<Emission> {
    const rest = this.#rest(now)
    if (rest.length > 0 || Math.max(this.#lastFinalAt, this.#plannedTo) > now) return rest
    return [{ at: now, transcript: { text: "", final: true }, isDue: always }]
  }

  /** The audio has ended. */
  end(now: number): ReadonlyArray<Emission> {
    return this.#rest(now)
  }

  #rest(now: number): ReadonlyArray<Emission> {
    const current = this.#current
    const read = this.#read(now)
    if (current === undefined || current.settled) return read
    const ms = now - this.#offset - current.startedAt
    const said = saidAfter(current.utterance.text, current.utterance.ms, ms).slice(0, current.limit)
    if (said.length <= current.taken) return read
    const emission = this.#final(current, said.slice(current.taken), now, ms)
    current.taken = said.length
    return [...read, ...emission]
  }

  #begin(utterance: Utterance, at: number, now: number): ReadonlyArray<Emission> {
    const planned = utterance.transcripts ??
      (utterance.finalDelay !== undefined && millis(utterance.finalDelay) < 0
        ? [{ at: utterance.ms + millis(utterance.finalDelay), text: this.#settings.next() ?? heardAs(utterance) }]
        : undefined)
    const current: Current = {
      utterance,
      startedAt: at,
      settled: planned !== undefined,
      taken: 0,
      limit: Number.POSITIVE_INFINITY,
      over: false
    }
    this.#current = current
    this.#plannedTo = Number.NEGATIVE_INFINITY
    if (planned !== undefined) {
      const finals = planned.filter(({ final = true }) => final)
      // One that has no final transcript at all is not answered either.
      const unanswered = planned.length > 0 && finals.length === 0
      this.#plannedTo = unanswered ? Number.POSITIVE_INFINITY : Math.max(...finals.map(({ at }) => now + millis(at)))
      return planned.map(({ at, final = true, text, ...times }) =>
        this.#emission(current, text, final, now + millis(at), millis(at), always, times)
      )
    }
    const { ms } = utterance
    const text = heardAs(utterance)
    if (this.#settings.interims !== true || text === "") return []
    const words = spread(text, 0, ms)
    return words.slice(0, -1).map((word, i) =>
      this.#emission(
        current,
        words.slice(0, i + 1).map((word) => word.text).join("").trim(),
        false,
        now + word.end,
        word.end,
        () => !current.over
      )
    )
  }

  #end(said: string, at: number, now: number): ReadonlyArray<Emission> {
    const current = this.#current
    this.#current = undefined
    if (current === undefined || current.settled) return []
    const { utterance } = current
    const whole = said === utterance.text
    const text = whole ? heardAs(utterance) : said
    if (utterance.text === "" && utterance.heard === undefined) {
      current.over = true
      return []
    }
    return this.#final(current, text.slice(current.taken), now, at - current.startedAt)
  }

  #final(current: Current, text: string, now: number, ms: number): ReadonlyArray<Emission> {
    const delay = current.utterance.finalDelay === undefined
      ? this.#settings.finalDelay
      : millis(current.utterance.finalDelay)
    const due = Math.max(now + delay, this.#lastFinalAt)
    this.#lastFinalAt = due
    const heard = current.taken === 0 ? this.#settings.next() ?? text : text
    return [
      this.#emission(current, heard.trim(), true, due, ms, () => {
        current.over = true
        return true
      })
    ]
  }

  #emission(
    current: Current,
    text: string,
    final: boolean,
    at: number,
    ms: number,
    isDue: () => boolean,
    times: Pick<TimedTranscript, "start" | "end"> = {}
  ): Emission {
    const { confidence = this.#settings.confidence, language = this.#settings.language } = current.utterance
    const begin = current.startedAt - (this.#origin ?? 0)
    const start = begin + millis(times.start ?? 0)
    const end = begin + (times.end === undefined ? ms : millis(times.end))
    const told = this.#settings.times === true || times.start !== undefined || times.end !== undefined
    const words = spread(text, start, end - start)
    return {
      at,
      isDue,
      transcript: this.#transcript(text, final, confidence, language, told ? { start, end, words } : undefined)
    }
  }

  #transcript(
    text: string,
    final: boolean,
    confidence: number | undefined,
    language: string | undefined,
    times: { readonly start: number; readonly end: number; readonly words: ReadonlyArray<Word> } | undefined
  ): Transcript {
    return inTimeOfAudio({
      text,
      final,
      ...(confidence === undefined ? {} : { confidence }),
      ...(language === undefined ? {} : { language }),
      ...(times === undefined
        ? {}
        : { ...times, words: times.words.map((word) => ({ ...word, text: word.text.trim() })) })
    })
  }

  /** Real audio: what is loud is kept until it has been quiet for the final delay. */
  #listen(frame: Audio.Frame, at: number, now: number): ReadonlyArray<Emission> {
    if (frame.samples.length === 0) return []
    const voiced = isVoiced(frame)
    if (this.#frames.length === 0) {
      if (!voiced) return []
      this.#framesAt = at
    }
    this.#frames.push(frame)
    if (voiced) this.#voicedTo = this.#time
    return this.#time - this.#voicedTo >= this.#settings.finalDelay ? this.#read(now) : []
  }

  #read(now: number): ReadonlyArray<Emission> {
    if (this.#frames.length === 0) return []
    const { text, words } = readSpeech(Audio.concat(this.#frames))
    this.#frames = []
    if (text === "") return []
    const start = this.#framesAt - (this.#origin ?? 0)
    const { confidence, language, next } = this.#settings
    const transcript = this.#transcript(
      next() ?? text,
      true,
      confidence,
      language,
      this.#settings.times !== true ? undefined : {
        start,
        end: this.#voicedTo - (this.#origin ?? 0),
        words: words.map((word) => ({ text: word.text, start: start + word.start, end: start + word.end }))
      }
    )
    return [{ at: now, transcript, isDue: always }]
  }
}

const heardAs = (utterance: Utterance): string => utterance.heard ?? utterance.text
