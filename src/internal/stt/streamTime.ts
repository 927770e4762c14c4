/** Times of audio that may have gaps: where a frame lies in its stream, and what a provider's count of samples means there. */
import type * as Audio from "../../Audio.ts"
import type * as Stt from "./model.ts"

const lengthOf = (frame: Audio.Frame): number => frame.samples.length / frame.channels / frame.sampleRate * 1000

/** Jumps of `at` beyond this are real however long the frames are. */
const longestJitterMs = 100

/** Where each frame lies in a stream of audio (ms from its first sample); audio that was lost takes its time too. */
export class StreamTime {
  #end = 0
  #origin: number | undefined = undefined

  get end(): number {
    return this.#end
  }

  /** Takes the next frame and gives the time of its first sample. */
  push(frame: Audio.Frame): number {
    const length = lengthOf(frame)
    let start = this.#end
    if (frame.at !== undefined) {
      this.#origin ??= frame.at - start
      const at = frame.at - this.#origin
      if (at - start > Math.min(length, longestJitterMs)) start = at
    }
    this.#end = start + length
    return start
  }
}

/** Transcripts of recognisers that count the time of the audio and not its samples: what was lost takes its time too. */
const timed = new WeakSet<Stt.Transcript>()

/** Says that the times of a transcript count from the first frame that its recogniser was given, gaps included. */
export const inTimeOfAudio = (transcript: Stt.Transcript): Stt.Transcript => {
  timed.add(transcript)
  return transcript
}

/** Longest history of gaps; older ones can no longer be asked for. */
const maxRuns = 256

/** Turns the times of a provider, which counts the samples that it was given, into times of the whole stream. */
export class Mapping {
  readonly #runs: Array<{ readonly own: number; readonly stream: number }> = []
  #own = 0
  #first: number | undefined

  /** The audio begins there, if it has not begun. */
  begin(start: number): void {
    this.#first ??= start
  }

  push(frame: Audio.Frame, start: number): void {
    this.begin(start)
    const last = this.#runs.at(-1)
    if (last === undefined || Math.abs(start - (last.stream + this.#own - last.own)) > 1e-6) {
      this.#runs.push({ own: this.#own, stream: start })
      if (this.#runs.length > maxRuns) this.#runs.shift()
    }
    this.#own += lengthOf(frame)
  }

  /** Time of a start, or of an end: at a gap an end lies before it. */
  #map(own: number, end: boolean): number {
    const run = this.#runs.findLast((run) => end ? run.own < own : run.own <= own) ?? this.#runs[0]
    return run === undefined ? own : run.stream + own - run.own
  }

  transcript(heard: Stt.Transcript): Stt.Transcript {
    if (timed.has(heard)) return shifted(heard, this.#first ?? 0)
    const [first] = this.#runs
    if (first === undefined) return heard
    if (this.#runs.length === 1 && first.stream === first.own) return heard
    return mapped(heard, (start) => this.#map(start, false), (end) => this.#map(end, true))
  }
}

const mapped = (
  heard: Stt.Transcript,
  start: (ms: number) => number,
  end: (ms: number) => number
): Stt.Transcript => ({
  ...heard,
  ...(heard.start === undefined ? undefined : { start: start(heard.start) }),
  ...(heard.end === undefined ? undefined : { end: end(heard.end) }),
  ...(heard.words === undefined ? undefined : {
    words: heard.words.map((word) => ({ ...word, start: start(word.start), end: end(word.end) }))
  })
})

const shifted = (heard: Stt.Transcript, ms: number): Stt.Transcript => {
  const later = (time: number) => time + ms
  return inTimeOfAudio(mapped(heard, later, later))
}
