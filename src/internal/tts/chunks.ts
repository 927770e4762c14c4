/** What providers tell in numbers, as far as these are numbers: the arithmetic of a conversation would not survive others. */
import type * as Llm from "../../Llm.ts"
import type * as Stt from "../../Stt.ts"
import type * as Tts from "../../Tts.ts"

const odd = (value: number | undefined): boolean => value !== undefined && !Number.isFinite(value)

/** A time that is none is as good as not told. */
export const transcript = (heard: Stt.Transcript): Stt.Transcript => {
  const { confidence, end, start, words, ...rest } = heard
  const oddWords = words?.some((word) => odd(word.start) || odd(word.end)) === true
  if (!oddWords && !odd(start) && !odd(end) && !odd(confidence)) return heard
  return {
    ...rest,
    ...(start === undefined || odd(start) ? {} : { start }),
    ...(end === undefined || odd(end) ? {} : { end }),
    ...(confidence === undefined || odd(confidence) ? {} : { confidence }),
    ...(words === undefined || oddWords ? {} : { words })
  }
}

/** Text must not be lost with its time: without one it counts as heard from the beginning. */
export const chunk = (spoken: Tts.Chunk): Tts.Chunk => {
  if (spoken.alignment?.some(({ end, start }) => odd(start) || odd(end)) !== true) return spoken
  const alignment = spoken.alignment.map(({ end, start, text }) => {
    const from = odd(start) ? 0 : start
    return { text, start: from, end: odd(end) ? from : end }
  })
  return { frame: spoken.frame, alignment }
}

export const delta = (said: Llm.Delta): Llm.Delta => {
  if (said._tag !== "Finish" || said.usage === undefined) return said
  const { inputTokens, outputTokens } = said.usage
  const counted = inputTokens >= 0 && outputTokens >= 0 && !odd(inputTokens) && !odd(outputTokens)
  if (counted) return said
  return said.model === undefined ? { _tag: "Finish" } : { _tag: "Finish", model: said.model }
}
