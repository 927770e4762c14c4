/**
 * A streaming recogniser that knows what is said, and tells it as soon as the published ones do: an
 * interim transcript so long after each word, told again each 100 ms, and a final one so long after
 * the voice, with the times of the words. Time is the audio that it was given.
 */
import { Stream } from "effect"
import { Audio, Stt } from "effect-voice"

/** What is said, and from where to where it is heard (ms of the recogniser's audio). */
export interface Spoken {
  readonly text: string
  readonly onset: number
  readonly end: number
}

/** How late it is told (ms). */
export interface Delays {
  readonly interim: number
  readonly final: number
}

/** The words with their times, each as long as its letters are many. */
export const wordsOf = ({ end, onset, text }: Spoken): ReadonlyArray<Stt.Word> => {
  const words = text.split(" ")
  const letters = words.reduce((sum, word) => sum + word.length, 0)
  let sum = 0
  return words.map((word) => {
    const start = onset + (end - onset) * sum / letters
    sum += word.length
    return { text: word, start, end: onset + (end - onset) * sum / letters }
  })
}

interface Due {
  readonly at: number
  readonly transcript: Stt.Transcript
}

const dueOf = (spoken: Spoken, { final, interim }: Delays): ReadonlyArray<Due> => {
  const { end, onset } = spoken
  const timed = wordsOf(spoken)
  const words = timed.map(({ text }) => text)
  const transcript = (count: number, isFinal: boolean): Stt.Transcript => ({
    text: words.slice(0, count).join(" "),
    final: isFinal,
    language: "en",
    start: onset,
    end: timed[count - 1]!.end,
    words: timed.slice(0, count)
  })
  return [
    ...timed.flatMap((word, i) => {
      const from = word.end + interim
      const to = (timed[i + 1]?.end ?? end + interim) + interim
      return Array.from({ length: Math.max(1, Math.ceil((to - from) / 100)) }, (_, k) => ({
        at: from + k * 100,
        transcript: transcript(i + 1, false)
      }))
    }).filter(({ at }) => at < end + final),
    { at: end + final, transcript: transcript(words.length, true) }
  ]
}

/** `find` gets the audio, with where it begins (ms), until it knows what is said in it. */
export const recogniser = (
  find: (frame: Audio.Frame, from: number) => Spoken | undefined,
  delays: Delays
): Stt.Stt["Service"] =>
  Stt.make({
    name: "streaming",
    interims: true,
    transcribe: (audio) =>
      Stream.suspend(() => {
        let now = 0
        let next = 0
        let due: ReadonlyArray<Due> = []
        let known = false
        return Stream.flattenIterable(Stream.map(audio, (input) => {
          if ("_tag" in input) return next >= due.length ? [{ text: "", final: true }] : []
          const spoken = known ? undefined : find(input, now)
          if (spoken !== undefined) {
            known = true
            due = dueOf(spoken, delays)
          }
          now += Audio.durationMs(input)
          const out: Array<Stt.Transcript> = []
          while (next < due.length && due[next]!.at <= now) out.push(due[next++]!.transcript)
          return out
        }))
      })
  })
