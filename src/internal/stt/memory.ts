/** The audio of one stream that has no final transcript yet, for the next attempt: 30 seconds at most, kept until the stream ends. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type InputFailure, ReplayBuffer } from "../resilience/replayBuffer.ts"
import { monotonic } from "../steady.ts"
import type * as Stt from "./model.ts"
import { Pending, Waiting } from "./pending.ts"
import { Mapping, StreamTime } from "./streamTime.ts"
import { isEmpty } from "./transcripts.ts"
import { carry, speechOnly } from "./voiced.ts"

/** Longest audio that is kept for another attempt. */
const replayMs = 30_000

/** What was fed, and where it lies in the audio (ms). */
interface Entry {
  readonly input: Stt.Input
  readonly start: number
  readonly end: number
}

const isMark = (input: Stt.Input): input is Stt.Finalize => "_tag" in input

const placed = <E, R>(audio: Stream.Stream<Stt.Input, E, R>): Stream.Stream<Entry, E, R> =>
  Stream.suspend(() => {
    const streamTime = new StreamTime()
    return Stream.map(audio, (input): Entry => {
      const start = isMark(input) ? streamTime.end : streamTime.push(input)
      return { input, start, end: streamTime.end }
    })
  })

/** One attempt's part of an entry, without what is answered already; it counts its own samples. */
const given = ({ end, input, start }: Entry, answered: number, mapping: Mapping): Stt.Input => {
  // A frame without samples takes no time; whatever else it carries stays on it.
  if (isMark(input)) return input
  mapping.begin(start)
  if (input.samples.length === 0) return input
  const { channels, sampleRate, samples } = input
  const skipped = Math.round(Math.min(Math.max(0, answered - start), end - start) * sampleRate / 1000)
  const frame = { sampleRate, channels, samples: skipped === 0 ? samples : samples.slice(skipped * channels) }
  carry(input, frame)
  mapping.push(frame, start + skipped * 1000 / sampleRate)
  return frame
}

const only = <E, R>(
  entries: Stream.Stream<Entry, E, R>,
  choose: (entries: ReadonlyArray<Entry>) => ReadonlyArray<Entry>
): Stream.Stream<Entry, E, R> => Stream.flattenIterable(Stream.mapArray(entries, (entries) => [choose(entries)]))

/** One attempt's view of the audio. */
export interface Take<E, R> {
  readonly audio: Stream.Stream<Stt.Input, InputFailure<E>, R>
  /** Brings the attempt's times to those of the whole audio. */
  readonly mapping: Mapping
  /** The ends of speech that it was given. */
  readonly pending: Pending
  /** Entries before this number were given to it. */
  read: number
  /** What it has heard and may hear otherwise. */
  interim: string
}

/** The audio that waits for its transcript, and whether it waits for too long. */
export class Memory<E, R> {
  readonly waiting = new Waiting()
  readonly #replay: ReplayBuffer<Entry, E, R>
  /** Everything before this time was answered. */
  #answered = 0

  private constructor(replay: ReplayBuffer<Entry, E, R>) {
    this.#replay = replay
  }

  static make<E, R>(
    audio: Stream.Stream<Stt.Input, E, R>
  ): Effect.Effect<Memory<E, R>, never, R | Scope.Scope> {
    return Effect.map(ReplayBuffer.make(placed(audio)), (replay) => new Memory(replay))
  }

  /** Whether an attempt was given everything, to the end. */
  isExhausted({ read }: Take<E, R>): boolean {
    return this.#replay.ended === "done" && read === this.#replay.head
  }

  /** All that waits, for another attempt: of a stream that is fed more than it wants, the speech. */
  take(wants: Stt.Wants | undefined): Take<E, R> {
    const answered = this.#answered
    const mapping = new Mapping()
    const read = this.#replay.read(this.#replay.base, (entries, next) => this.#onRead(take, entries, next))
    const audio = Stream.map(
      wants === "speech" ? only(read, speechOnly<Entry>()) : read,
      (entry) => given(entry, answered, mapping)
    )
    const take: Take<E, R> = {
      audio,
      mapping,
      pending: new Pending(this.waiting),
      read: this.#replay.base,
      interim: ""
    }
    return take
  }

  /** Length of the audio that was given to an attempt and is not answered (ms). */
  unansweredMs(take: Take<E, R>): number {
    return Math.max(0, this.#fed(take) - this.#answered)
  }

  /** A final transcript has come from an attempt; gives since when the mark that it answers has waited, where it answers one. */
  answer(take: Take<E, R>, heard: Stt.Transcript): number | undefined {
    const answered = take.pending.answer(heard.end, isEmpty(heard))
    const fed = this.#fed(take)
    this.#answered = Math.max(this.#answered, Math.min(answered?.position ?? fed, fed))
    this.#forget((entry, number) => number < take.read && entry.end <= this.#answered)
    return answered?.since
  }

  #fed({ read }: Take<E, R>): number {
    return this.#replay.at(read - 1)?.end ?? this.#answered
  }

  #onRead(take: Take<E, R>, entries: ReadonlyArray<Entry>, next: number): Effect.Effect<void> {
    take.read = next
    const oldest = (entries.at(-1)?.end ?? 0) - replayMs
    this.#forget((entry) => entry.start < oldest)
    if (!entries.some(({ input }) => isMark(input))) return Effect.void
    return Effect.map(monotonic, (now) => {
      for (const { end, input } of entries) {
        if (isMark(input)) take.pending.add(end, now)
      }
    })
  }

  #forget(isDue: (entry: Entry, number: number) => boolean): void {
    const { base, head } = this.#replay
    let number = base
    while (number < head) {
      const entry = this.#replay.at(number)
      if (entry === undefined || !isDue(entry, number)) break
      number++
    }
    this.#replay.forgetBefore(number)
  }
}
