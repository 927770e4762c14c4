/**
 * What the whole resilience stack adds to one call of an instant provider, in
 * milliseconds: `first` up to the first output, `whole` to the end of the stream.
 *
 * - `bare`: the provider as it is
 * - `guard`: with retries and deadlines
 * - `breaker`: with a circuit breaker, too
 * - `fallback`: one of two providers, each with a breaker and metered
 * - `hedge`: one of two providers, the second when the first is late
 *
 * `added` is the difference of the medians to `bare`; the aim is less than 0.2 ms.
 * Rounds go through the kinds in turn, so that noise meets all alike. Arguments:
 * rounds (3000), warm-up (500). Prints JSON.
 */
import { Effect, Stream } from "effect"
import { Prompt } from "effect/ai"
import { Llm, Resilience, Stt, Tts } from "../src/index.ts"

const rounds = Number(process.argv[2] ?? 3000)
const warmUp = Number(process.argv[3] ?? 500)

const request: Llm.Request = { prompt: Prompt.make("What time is it?"), tools: [] }
const frame = { samples: new Int16Array(480), sampleRate: 24_000, channels: 1 }

const llm = (name: string) =>
  Llm.make({
    name,
    reply: () => Stream.make<[Llm.Delta, Llm.Delta]>({ _tag: "Text", text: "Ten o'clock." }, { _tag: "Finish" })
  })

const tts = (name: string) =>
  Tts.make({ name, sampleRate: 24_000, channels: 1, speak: (text) => Stream.map(text, () => ({ frame })) })

const stt = (name: string) =>
  Stt.make({
    name,
    transcribe: (audio) =>
      Stream.map(Stream.filter(audio, (input) => "_tag" in input), () => ({ text: "ten", final: true }))
  })

type Call = Effect.Effect<unknown, unknown>

/** Takes the time of one call up to its first output, and to its end. */
const timed = async (call: (onFirst: () => void) => Call): Promise<readonly [number, number]> => {
  const from = performance.now()
  let first = Number.NaN
  await Effect.runPromise(call(() => {
    if (Number.isNaN(first)) first = performance.now() - from
  }))
  return [first, performance.now() - from]
}

const drain = <A, E>(stream: () => Stream.Stream<A, E>) => (onFirst: () => void): Call =>
  Stream.runForEach(stream(), () => Effect.sync(onFirst))

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
const round = (value: number): number => Math.round(value * 10_000) / 10_000

const program = Effect.gen(function*() {
  const breaker = (component: "llm" | "tts" | "stt") => Resilience.breaker({ name: "a", component })
  const thinks = {
    bare: llm("a"),
    guard: Llm.resilient(llm("a")),
    breaker: Llm.resilient(llm("a"), { breaker: yield* breaker("llm") }),
    fallback: yield* Llm.fallback([llm("a"), llm("b")], { breaker: {} }),
    hedge: Llm.hedge([llm("a"), llm("b")])
  }
  const speaks = {
    bare: tts("a"),
    guard: Tts.resilient(tts("a")),
    breaker: Tts.resilient(tts("a"), { breaker: yield* breaker("tts") }),
    fallback: yield* Tts.fallback([tts("a"), tts("b")], { breaker: {} }),
    hedge: Tts.hedge([tts("a"), tts("b")])
  }
  const hears = {
    bare: stt("a"),
    guard: Stt.resilient(stt("a")),
    breaker: Stt.resilient(stt("a"), { breaker: yield* breaker("stt") }),
    fallback: yield* Stt.fallback([stt("a"), stt("b")], { breaker: {} })
  }
  const measure = (calls: Readonly<Record<string, (onFirst: () => void) => Call>>) =>
    Effect.promise(async () => {
      const taken = new Map<string, { first: Array<number>; whole: Array<number> }>()
      for (let i = 0; i < warmUp + rounds; i++) {
        for (const [name, call] of Object.entries(calls)) {
          const [first, whole] = await timed(call)
          if (i < warmUp) continue
          const times = taken.get(name) ?? { first: [], whole: [] }
          taken.set(name, times)
          times.first.push(first)
          times.whole.push(whole)
        }
      }
      const of = (name: string, part: "first" | "whole") => median(taken.get(name)?.[part] ?? [])
      return Object.fromEntries(
        Object.keys(calls).map((name) => [name, {
          first: round(of(name, "first")),
          whole: round(of(name, "whole")),
          added: {
            first: round(of(name, "first") - of("bare", "first")),
            whole: round(of(name, "whole") - of("bare", "whole"))
          }
        }])
      )
    })
  const each = <Service>(
    services: Readonly<Record<string, Service>>,
    call: (service: Service) => Stream.Stream<unknown, unknown>
  ) => Object.fromEntries(Object.entries(services).map(([name, service]) => [name, drain(() => call(service))]))
  const results = {
    llm: yield* measure(each<Llm.Llm["Service"]>(thinks, (llm) => llm.reply(request))),
    tts: yield* measure(each<Tts.Tts["Service"]>(speaks, (tts) => tts.speak(Stream.make("Ten o'clock.")))),
    stt: yield* measure(each<Stt.Stt["Service"]>(hears, (stt) => stt.transcribe(Stream.make(frame, Stt.Finalize))))
  }
  process.stdout.write(`${JSON.stringify({ rounds, unit: "ms", ...results }, null, 2)}\n`)
})

await Effect.runPromise(Effect.scoped(program))
