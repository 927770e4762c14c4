/**
 * Frames of any format to frames of one: channels first, then the rate. The resampler gives the
 * rest that it holds back when the format changes, when there is a gap, or at the end; a stream
 * that goes on without a gap is as long afterwards as before. It owns one run at a time; nothing
 * here waits.
 */
import type { Format, Frame } from "../../Audio.ts"
import { remixSamples } from "./channels.ts"
import { Continuity } from "./continuity.ts"
import { checkFormat, checkRate, makeFrame } from "./format.ts"
import { Resampler, tapsFor } from "./resampler.ts"

/** One run of audio at one rate without a gap. */
interface Run {
  readonly sampleRate: number
  readonly resampler: Resampler
  /** Stream time of its first sample, where known. */
  at: number | undefined
  received: number
  emitted: number
}

export class FrameConverter {
  readonly to: Format
  #run: Run | undefined = undefined
  readonly #continuity = new Continuity()
  /** Part of an output sample that earlier runs still owe. */
  #owed = 0

  constructor(to: Format, from: Format | undefined) {
    this.to = to
    if (from !== undefined && from.sampleRate !== to.sampleRate) {
      checkRate(from)
      checkRate(to)
      tapsFor(from.sampleRate, to.sampleRate)
    }
  }

  push(frames: ReadonlyArray<Frame>): ReadonlyArray<Frame> {
    const out: Array<Frame> = []
    for (const frame of frames) {
      this.#one(frame, out)
    }
    return out
  }

  flush(): ReadonlyArray<Frame> {
    const out: Array<Frame> = []
    this.#close(out)
    this.#continuity.reset()
    this.#owed = 0
    return out
  }

  #one(frame: Frame, out: Array<Frame>): void {
    checkFormat(frame)
    const { to } = this
    const count = Math.floor(frame.samples.length / frame.channels)
    const begin = this.#continuity.next(frame.at, count / frame.sampleRate * 1000)
    if (this.#continuity.jump !== 0 || (this.#run !== undefined && this.#run.sampleRate !== frame.sampleRate)) {
      this.#close(out)
    }
    if (frame.sampleRate === to.sampleRate) {
      if (frame.channels === to.channels) {
        out.push(frame)
      } else if (count > 0) {
        out.push(makeFrame(remixSamples(frame.samples, frame.channels, to.channels), to, frame.at))
      }
      return
    }
    checkRate(frame)
    checkRate(to)
    if (count === 0) {
      return
    }
    const run = this.#run ??= {
      sampleRate: frame.sampleRate,
      resampler: new Resampler(tapsFor(frame.sampleRate, to.sampleRate), to.channels),
      at: begin,
      received: 0,
      emitted: 0
    }
    if (run.at === undefined && begin !== undefined) {
      run.at = begin - run.received / run.sampleRate * 1000
    }
    run.received += count
    this.#emit(run, run.resampler.push(frame.samples, frame.channels), out)
  }

  #close(out: Array<Frame>): void {
    const run = this.#run
    if (run === undefined) {
      return
    }
    this.#run = undefined
    const exact = this.#owed + run.received * this.to.sampleRate / run.sampleRate
    const total = Math.round(exact)
    this.#owed = exact - total
    if (total > run.emitted) {
      this.#emit(run, run.resampler.finish(total - run.emitted), out)
    }
  }

  #emit(run: Run, samples: Int16Array, out: Array<Frame>): void {
    if (samples.length > 0) {
      out.push(
        makeFrame(samples, this.to, run.at === undefined ? undefined : run.at + run.emitted / this.to.sampleRate * 1000)
      )
      run.emitted += samples.length / this.to.channels
    }
  }
}
