import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"

const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), "utf8")

/** The number that stands in a source file under a name: a product of numbers. */
const numberOf = (file: string, name: string): number | undefined => {
  const found = new RegExp(`^(?:(?:export )?const ${name} =|  ${name}:) ([0-9_ *]+?),?$`, "m").exec(
    read(`src/internal/${file}`)
  )
  return found?.[1]?.split("*").reduce((product, factor) => product * Number(factor.trim().replaceAll("_", "")), 1)
}

/** How a bound is called. */
const bound = /^(?:export )?const ((?:most|longest|max|largest)\w*) = [0-9_ *]+$/gm

/** Those of nothing that anyone sends. */
const none: Readonly<Record<string, string>> = {
  "audio/continuity.ts: longestJitterMs": "of times that are mended",
  "audio/format.ts: maxChannels": "of what a format may be",
  "audio/format.ts: maxSampleRate": "of what a format may be",
  "audio/resampler.ts: mostCoefficients": "of our own filters",
  "audio/resampler.ts: mostPhases": "of our own filters",
  "cartesia/stream.ts: maxUnheard": "of our own audio",
  "config/variable.ts: longest": "of what is shown of a variable",
  "cost.ts: most": "of what is remembered to warn once",
  "worker/childLog.ts: mostCauses": "of what is remembered to tell once",
  "elevenlabs/stream.ts: maxUnheard": "of our own audio",
  "openai/realtime.ts: mostFailures": "of our own attempts",
  "openai/speech.ts: maxInput": "of what the provider takes",
  "history/prompt.ts: longestId": "of our own ids",
  "room/destination.ts: longestAddress": "of what the program gives, who is refused",
  "resilience/breaker.ts: longestAskedMs": "of our own waiting",
  "resilience/prewarm.ts: longestMs": "of our own waiting",
  "smartTurn/predictor.ts: longestQueue": "of our own questions",
  "stt/conversation.ts: maxUnheard": "of our own audio",
  "stt/conversation.ts: mostMs": "of our own audio",
  "stt/delays.ts: most": "of our own figures",
  "stt/streamTime.ts: longestJitterMs": "of times that are mended",
  "stt/streamTime.ts: maxRuns": "of times that are mended",
  "stt/voiced.ts: longestPadding": "of our own audio",
  "audio/wav.ts: mostBefore": "of what is looked at of a file that is bounded",
  "provider/told.ts: mostWords": "of what is looked at of a text that is bounded",
  "telephone/carrier.ts: mostTold": "of what is looked at of an answer",
  "azure/turns.ts: mostTurns": "of times that are mended",
  "llm/leaked.ts: longestBeginning": "of what is looked at of a text that is bounded",
  "text/beyond.ts: mostCompared": "of what is looked at of a text that is bounded",
  "text/html.ts: longestAttributes": "of what is looked at of a text that is bounded",
  "text/html.ts: longestComment": "of what is looked at of a text that is bounded",
  "text/html.ts: longestRaised": "of what is looked at of a text that is bounded",
  "text/html.ts: longestCitation": "of what is looked at of a text that is bounded",
  "text/html.ts: longestEntity": "of what is looked at of a text that is bounded",
  "text/html.ts: longestSource": "of what is looked at of a text that is bounded",
  "text/html.ts: longestTag": "of what is looked at of a text that is bounded",
  "text/markdown.ts: longest": "of what is looked at of a text that is bounded",
  "text/links.ts: longestAddress": "of what is looked at of a text that is bounded",
  "text/links.ts: longestReference": "of what is looked at of a text that is bounded",
  "text/markdown.ts: longestLead": "of what is looked at of a text that is bounded",
  "text/markdown.ts: longestRow": "of what is looked at of a text that is bounded",
  "text/math.ts: longest": "of what is looked at of a text that is bounded",
  "text/math.ts: longestBlock": "of what is looked at of a text that is bounded",
  "text/math.ts: mostNested": "of what is looked at of a text that is bounded",
  "text/math.ts: longestName": "of what is looked at of a text that is bounded",
  "text/phrases.ts: longestSign": "of what is looked at of a text that is bounded",
  "text/segmenter.ts: longestStarter": "of what is looked at of a text that is bounded",
  "text/spans.ts: mostOpen": "of what is looked at of a text that is bounded",
  "vad/batchMemory.ts: largestBatch": "of our own model",
  "vad/detector.ts: longestBatch": "of our own model",
  "vad/protobuf.ts: longestVarint": "of the format",
  "frontend/ogg.ts: longest": "the step in which a recording is read",
  "frontend/opusTail.ts: longestPacket": "of the format",
  "frontend/preconnectAudio.ts: mostBroken": "of a recording that is bounded",
  "foreign.ts: longest": "of what is shown of an error",
  "thrown.ts: mostFrames": "of what is shown of an error",
  "options.ts: mostNames": "of what a program gives itself",
  "options.ts: mostProblems": "of what is shown of wrong options",
  "options/shown.ts: longest": "of what is shown of a wrong value",
  "vad/windower.ts: mostSpare": "of our own audio",
  "turn/presence.ts: mostInARow": "of our own timer",
  "pipeline/calls.ts: longestId": "of what is told of an invented call",
  "pipeline/calls.ts: longestName": "of what is told of an invented call",
  "pipeline/delivery.ts: mostAtOnce": "the step in which an answer is cut",
  "pipeline/listeners.ts: mostTold": "of our own log",
  "pipeline/outstanding.ts: mostAttempts": "of our own telling",
  "pipeline/outstanding.ts: mostFailures": "of our own telling",
  "pipeline/outstanding.ts: mostLast": "of our own telling",
  "turn/repeated.ts: mostTold": "so many of the last transcripts are compared with a new one",
  "pipeline/playout.ts: mostUnheard": "of what a room may keep to itself",
  "pipeline/tasks.ts: mostBack": "of what a model goes back within one sequence",
  "pipeline/perception.ts: mostAtOnce": "the step in which transcripts are taken in",
  "provider/http.ts: maxWarm": "of an answer that is read for its connection alone",
  "provider/tap.ts: maxRefusal": "of what is shown to who watches",
  "recorder/format.ts: mostText": "of what is bounded where it is taken in",
  "telephone/timeline.ts: longestGap": "of the clock of a call",
  "turn/wordless.ts: longest": "of a voice without words",
  "worker/childTrace.ts: most": "of our own spans, between two processes",
  "worker/slots.ts: mostBetween": "of our own waiting"
}

const rows = [
  ...read("docs/limits.md").matchAll(/^\| (.+?) +\| (\d+) (\w+) +\| `([\w/]+\.ts): (\w+)` +\| (.+?) +\|$/gm)
]

describe("the table of limits", () => {
  it("tells each limit as the source has it, and what happens beyond it", () => {
    assert.isAtLeast(rows.length, 30)
    for (const [, what, limit, , file, name, beyond] of rows) {
      assert.strictEqual(numberOf(file!, name!), Number(limit), what)
      assert.isNotEmpty(beyond)
    }
  })

  it("has a row for each bound of what is taken in, or a reason why it is none", () => {
    const named = new Set(rows.map(([, , , , file, name]) => `${file}: ${name}`))
    const found = new Set<string>()
    for (
      const file of readdirSync(new URL("../src/internal", import.meta.url), { recursive: true, encoding: "utf8" })
    ) {
      if (!file.endsWith(".ts")) continue
      for (const [, name] of read(`src/internal/${file}`).matchAll(bound)) found.add(`${file}: ${name}`)
    }
    assert.isAtLeast(found.size, 40)
    assert.deepStrictEqual([...found].filter((one) => !named.has(one) && none[one] === undefined), [])
    assert.deepStrictEqual(Object.keys(none).filter((one) => named.has(one) || !found.has(one)), [])
  })
})
