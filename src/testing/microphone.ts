/** The microphone of a caller: marks at the moments that matter, or real frames. */
import * as Audio from "../Audio.ts"
import { type Mark, marked, type MarkedFrame, type Utterance } from "./marks.ts"
import { speech } from "./speech.ts"
import { saidAfter } from "./words.ts"

export interface Ports {
  readonly now: () => number
  readonly feed: (frame: Audio.Frame) => void
  readonly mute: (muted: boolean) => void
  /** Does something at a time of the Clock (ms). */
  readonly schedule: (at: number, act: () => void) => void
  /** Longest time without a frame, while there is something to hear (ms). */
  readonly keepAlive: number
  /** Length of real frames (ms); absent: marks. */
  readonly frameMs: number | undefined
}

/** What sounds now; `from` and `to` are Clock times. */
interface Sounding {
  readonly utterance: Utterance
  readonly from: number
  readonly to: number
  readonly audio: Audio.Frame | undefined
}

export class Microphone {
  readonly #ports: Ports
  #sounding: Sounding | undefined
  #muted = false
  #lastFed = Number.NEGATIVE_INFINITY
  /** Until then something may be waiting for a frame. */
  #neededUntil = Number.NEGATIVE_INFINITY
  #alive = false

  constructor(ports: Ports) {
    this.#ports = ports
  }

  /** Begins an utterance now; one that sounds still is cut off. */
  say(utterance: Utterance): void {
    if (this.#sounding !== undefined) this.#stop()
    const from = this.#ports.now()
    const sounding: Sounding = {
      utterance,
      from,
      to: from + utterance.ms,
      audio: this.#ports.frameMs === undefined ? undefined : speech(utterance.text, { duration: utterance.ms })
    }
    this.#sounding = sounding
    this.#ports.schedule(sounding.to, () => {
      if (this.#sounding === sounding || this.#sounding?.to === sounding.to) this.#stop()
    })
    this.#mark({ _tag: "VoiceStarted", utterance, remind: this.#remind })
    this.#need(sounding.to)
  }

  mute(muted: boolean): void {
    if (muted === this.#muted) return
    const sounding = this.#sounding
    const now = this.#ports.now()
    if (muted && sounding !== undefined) this.#mark({ _tag: "Muted", said: this.#said(sounding, now) })
    this.#muted = muted
    this.#ports.mute(muted)
    if (muted || sounding === undefined || this.#ports.frameMs !== undefined) return
    const { text } = sounding.utterance
    const said = this.#said(sounding, now)
    const rest = { ...sounding.utterance, text: text.slice(said.length).trim(), ms: sounding.to - now }
    this.#sounding = { ...sounding, utterance: rest, from: now }
    this.#mark({ _tag: "VoiceStarted", utterance: rest, remind: this.#remind })
    this.#need(sounding.to)
  }

  /** The real audio of the time from `from` to `to`; both are Clock times. */
  frame(from: number, to: number): Audio.Frame {
    const samples = new Int16Array(Math.round((to - from) * Audio.speech.sampleRate / 1000))
    const sounding = this.#sounding ?? this.#last
    if (sounding?.audio !== undefined) {
      const offset = Math.round((from - sounding.from) * Audio.speech.sampleRate / 1000)
      const heard = sounding.audio.samples.subarray(Math.max(0, offset), Math.max(0, offset + samples.length))
      samples.set(heard, Math.min(samples.length, Math.max(0, -offset)))
    }
    return { ...Audio.speech, samples, at: from }
  }

  /** What has just ended may still be in the frame that is due. */
  #last: Sounding | undefined

  #said(sounding: Sounding, now: number): string {
    return saidAfter(sounding.utterance.text, sounding.utterance.ms, now - sounding.from)
  }

  #stop(): void {
    const sounding = this.#sounding
    if (sounding === undefined) return
    const now = this.#ports.now()
    this.#sounding = undefined
    this.#last = sounding.audio === undefined
      ? undefined
      : { ...sounding, to: now, audio: Audio.slice(sounding.audio, 0, now - sounding.from) }
    this.#mark({ _tag: "VoiceStopped", said: this.#said(sounding, now), remind: this.#remind })
  }

  #mark(mark: Mark): void {
    if (this.#ports.frameMs === undefined) this.#feed(marked(this.#ports.now(), mark))
  }

  #feed(frame: MarkedFrame): void {
    this.#lastFed = this.#ports.now()
    this.#ports.feed(frame)
  }

  readonly #remind = (at: number): void => {
    this.#need(at)
    this.#ports.schedule(at, () => this.#mark({ _tag: "Moment" }))
  }

  /** A microphone that is open is never silent for long: that would be a muted one. */
  #need(until: number): void {
    this.#neededUntil = Math.max(this.#neededUntil, until)
    if (this.#alive || this.#ports.frameMs !== undefined) return
    this.#alive = true
    this.#stayAlive()
  }

  #stayAlive(): void {
    const due = this.#lastFed + this.#ports.keepAlive
    if (due >= this.#neededUntil) {
      this.#alive = false
      return
    }
    this.#ports.schedule(due, () => {
      if (this.#ports.now() - this.#lastFed >= this.#ports.keepAlive) this.#mark({ _tag: "Moment" })
      this.#stayAlive()
    })
  }
}
