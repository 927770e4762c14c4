/** Everything at once: providers at random, stacked at random, in rooms and with hooks that fail at random. */
// Alone: listens to what nobody in the process has handled.
import { assert, describe, it } from "@effect/vitest"
import { Config, Effect, Layer, Schedule, type Scope, Stream } from "effect"
import { Agent, Failure, Llm, Processor, Resilience, type Room, Stt, Tts, Vad } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { withOutput } from "../support/output.ts"

const runs = Config.Int("EFFECT_VOICE_RUNS").pipe(Config.withDefault(100))

const diceOf = (seed: number) => {
  let state = seed * 2_654_435_761 >>> 0
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 4_294_967_296
  }
  for (let i = 0; i < 8; i++) next()
  return {
    chance: (share: number) => next() < share,
    int: (from: number, to: number) => from + Math.floor(next() * (to - from + 1)),
    pick: <A>(all: ReadonlyArray<A>): A => all[Math.floor(next() * all.length)]!
  }
}
type Dice = ReturnType<typeof diceOf>

const reasons: ReadonlyArray<Failure.Reason> = [
  new Failure.Disconnected({}),
  new Failure.Rejected({ status: 401 }),
  new Failure.Rejected({ status: 429, retryAfterMs: 700 }),
  new Failure.Rejected({ status: 429, retryAfterMs: 1e9 }),
  new Failure.Rejected({ status: 503 }),
  new Failure.InvalidRequest({ detail: "no" }),
  new Failure.InvalidResponse({ detail: "no" }),
  new Failure.Broken({})
]

/** What becomes of a stream, from some moment on. */
const faultOf = <E>(dice: Dice, fail: (reason: Failure.Reason) => E): Stream.Stream<never, E> => {
  const sticky = <A, E2>(stream: Stream.Stream<A, E2>) =>
    Stream.unwrap(Effect.as(Effect.acquireRelease(Effect.void, () => Effect.never), stream))
  const waits = dice.int(0, 3000)
  const later = <E2>(stream: Stream.Stream<never, E2>) => Stream.unwrap(Effect.as(Effect.sleep(waits), stream))
  const error = Stream.fail(fail(dice.pick(reasons)))
  return dice.pick<Stream.Stream<never, E>>([
    error,
    later(error),
    sticky(error),
    sticky(Stream.never),
    later(Stream.empty),
    Stream.never,
    Stream.die(new Error("secret words")),
    Stream.fromEffect(Effect.interrupt),
    Stream.fromEffect(Effect.uninterruptible(Effect.never)),
    Stream.suspend(() => {
      throw new RangeError("secret words")
    })
  ])
}

/** Each request fares differently. */
const faring = <A, E>(dice: Dice, faults: number, good: Stream.Stream<A, E>, fail: (reason: Failure.Reason) => E) =>
  Stream.suspend((): Stream.Stream<A, E> => {
    if (!dice.chance(faults)) return Stream.unwrap(Effect.as(Effect.sleep(dice.int(0, 900)), good))
    const fault = faultOf(dice, fail)
    return dice.chance(0.5) ? fault : Stream.concat(Stream.take(good, dice.int(1, 2)), fault)
  })

const llmOf = (dice: Dice, name: string, faults: number) =>
  Llm.make({
    name,
    reply: () =>
      faring<Llm.Delta, Llm.LlmError>(
        dice,
        faults,
        Stream.make<[Llm.Delta, Llm.Delta, Llm.Delta]>(
          { _tag: "Text", text: "This is a whole sentence. " },
          { _tag: "Text", text: "And here is another one." },
          { _tag: "Finish" }
        ),
        (reason) => new Llm.LlmError({ provider: name, reason })
      )
  })

const ttsOf = (dice: Dice, name: string, faults: number) => {
  const sampleRate = dice.pick([16_000, 24_000, 48_000])
  const frame = { samples: new Int16Array(sampleRate / 4), sampleRate, channels: 1 }
  return Tts.make({
    name,
    sampleRate,
    channels: 1,
    speak: (text) => {
      const whole = Stream.flatMap(text, () => Stream.make({ frame }, { frame }))
      return Stream.unwrap(Effect.sync(() =>
        dice.chance(faults)
          ? Stream.concat(
            Stream.take(whole, dice.int(0, 3)),
            faultOf(dice, (reason) => new Tts.TtsError({ provider: name, reason }))
          )
          : whole
      ))
    }
  })
}

const sttOf = (dice: Dice, name: string, faults: number) =>
  Stt.make({
    name,
    transcribe: <E, R>(audio: Stream.Stream<Stt.Input, E, R>) =>
      audio.pipe(
        Stream.filter((input) => "_tag" in input),
        Stream.flatMap((): Stream.Stream<Stt.Transcript, E | Stt.SttError> =>
          faring<Stt.Transcript, Stt.SttError>(
            dice,
            faults,
            Stream.make({ text: "some words", final: true }),
            (reason) => new Stt.SttError({ provider: name, reason })
          )
        )
      )
  })

const guards = <Service>(dice: Dice, kind: {
  readonly make: (name: string, faults: number) => Service
  readonly guard: (service: Service, policy: Resilience.Policy) => Service
  readonly fallback: (
    services: readonly [Service, Service],
    options: Resilience.FallbackOptions<Service>
  ) => Effect.Effect<Service, unknown, Scope.Scope>
  readonly hedge?: (services: readonly [Service, Service]) => Service
  readonly recover: (service: Service) => Effect.Effect<Service, unknown, Scope.Scope>
}) =>
  Effect.gen(function*() {
    let count = 0
    const one = () => kind.make(`p${++count}`, dice.pick([0, 0.3, 0.7, 1]))
    const policy = {
      retries: dice.int(0, 3),
      firstOutput: dice.int(500, 6000),
      nextOutput: dice.int(500, 6000)
    }
    const stack: Effect.Effect<Service, never, Scope.Scope> = Effect.suspend((): Effect.Effect<
      Service,
      unknown,
      Scope.Scope
    > => {
      switch (dice.int(1, kind.hedge === undefined ? 4 : 5)) {
        case 1:
          return Effect.sync(one)
        case 2:
          return Effect.map(
            Resilience.breaker({ name: "b", consecutiveFailures: dice.int(1, 4), recovery: Schedule.spaced(2000) }),
            (breaker) => kind.guard(one(), { ...policy, breaker })
          )
        case 3:
          return Effect.flatMap(Effect.all([stack, stack]), (services) =>
            kind.fallback(services, {
              policy,
              ...(dice.chance(0.5) ? { breaker: { consecutiveFailures: 2 } } : {}),
              ...(dice.chance(0.3)
                ? { probe: () => dice.chance(0.5) ? Effect.void : Effect.die(new Error("secret words")) }
                : {})
            }))
        case 4:
          return kind.recover(one())
        default:
          return Effect.map(Effect.all([stack, stack]), (services) => kind.hedge!(services))
      }
    }).pipe(Effect.orDie)
    return yield* stack
  })

// What a program throws in its own hooks is logged for its author; the words of others are not.
const boom = Effect.die(new Error("a bug of ours"))

const hold = (seed: number) =>
  Effect.gen(function*() {
    const dice = diceOf(seed)
    const llm = guards<Llm.Llm["Service"]>(dice, {
      make: (name, faults) => llmOf(dice, name, faults),
      guard: Llm.resilient,
      fallback: (services, options) => Llm.fallback(services, { ...options, retryAfterOutput: dice.chance(0.3) }),
      hedge: (services) => Llm.hedge(services, { after: dice.int(0, 2000) }),
      recover: Llm.recovering
    })
    const tts = guards<Tts.Tts["Service"]>(dice, {
      make: (name, faults) => ttsOf(dice, name, faults),
      guard: Tts.resilient,
      fallback: (services, options) => Tts.fallback(services, { ...options, retryAfterOutput: dice.chance(0.3) }),
      hedge: (services) => Tts.hedge(services, { after: dice.int(0, 2000) }),
      recover: Tts.recovering
    })
    const stt = guards<Stt.Stt["Service"]>(dice, {
      make: (name, faults) => sttOf(dice, name, faults),
      guard: Stt.resilient,
      fallback: (services, options) => Stt.fallback(services, options),
      recover: Stt.recovering
    })
    const wild = dice.chance(0.3)
      ? dice.pick(["clear", "pause", "resume", "played", "write", "drained"] as const)
      : undefined
    const output = (output: Room.Output): Room.Output => {
      if (wild === undefined) return output
      const broken = <A, E>(good: Effect.Effect<A, E>) =>
        Effect.suspend(() => dice.chance(0.3) ? dice.pick<Effect.Effect<A, E>>([boom, Effect.never]) : good)
      switch (wild) {
        case "write":
          return { ...output, write: (frames) => broken(output.write(frames)) }
        case "played":
          return { ...output, played: broken(output.played) }
        default:
          return { ...output, [wild]: broken(output[wild]) }
      }
    }
    const services = Layer.mergeAll(
      Layer.effect(Llm.Llm, llm),
      Layer.effect(Tts.Tts, tts),
      Layer.effect(Stt.Stt, stt),
      withOutput(output),
      Layer.effect(
        Vad.Vad,
        Vad.Vad.useSync((vad) =>
          Vad.Vad.of({
            ...vad,
            detector: (options) =>
              Effect.map(vad.detector(options), (detector) => ({
                ...detector,
                push: (frames) =>
                  Effect.suspend(() =>
                    dice.chance(0.0005) ? Effect.die(new Error("secret words")) : detector.push(frames)
                  )
              }))
          })
        )
      )
    )
    const hook = () =>
      dice.chance(0.3) ? dice.pick([boom, Effect.never, Effect.fail("a bug of ours"), Effect.interrupt]) : Effect.void
    const noisy = Processor.sync("noisy", (frames) => {
      if (dice.chance(0.001)) throw new Error("a bug of ours")
      return frames
    })
    const timeline = yield* Testing.scenario({
      agent: Agent.make({
        instructions: "",
        onEnter: Effect.suspend(hook),
        onExit: Effect.suspend(hook),
        onUserTurn: () => Effect.asVoid(Effect.suspend(hook)),
        onFailure: hook,
        onEscalation: hook
      }),
      user: [0, 1, 2, 3].map((i) => {
        const from = 1000 + i * 9000 + dice.int(0, 4000)
        return Testing.say(from, from + dice.int(200, 3000), "some words")
      }),
      at: Array.from({ length: dice.int(0, 4) }, () => ({
        at: dice.int(500, 40_000),
        do: (session) => Effect.ignore(dice.chance(0.5) ? session.say("The program says this.") : session.send("typed"))
      })),
      layer: services,
      options: {
        resilience: { retries: dice.int(0, 3), firstOutput: dice.int(1000, 8000), nextOutput: 4000 },
        hookTimeout: 3000,
        processors: [noisy],
        turn: { preemption: { llm: dice.chance(0.5), tts: dice.chance(0.3) } },
        spending: dice.chance(0.3) ? { budget: { limit: dice.int(10, 500), unit: "tokens" } } : undefined,
        onEvent: () => {
          if (dice.chance(0.01)) throw new Error("a bug of ours")
        }
      },
      quiet: "60 seconds",
      seed: String(seed)
    })
    return { timeline, wild }
  })

describe("a storm", () => {
  it.effect("breaks no invariant, leaves nothing behind and ends every session once", () =>
    Effect.gen(function*() {
      const unhandled: Array<unknown> = []
      const listener = (error: unknown) => void unhandled.push(error)
      process.on("unhandledRejection", listener)
      yield* Effect.addFinalizer(() => Effect.sync(() => process.off("unhandledRejection", listener)))
      const count = Math.min(1000, Math.ceil((yield* runs) / 2))
      for (let seed = 1; seed <= count; seed++) {
        const { timeline, wild } = yield* hold(seed)
        // Who speaks and plays is not the scripted synthesiser and room, with which I2 compares; a room that does not obey, or does not answer, breaks the others.
        const broken = Testing.invariants(timeline).filter(({ invariant }) =>
          invariant !== "I2" && invariant !== "I13" && (wild === undefined || !["I3", "I4", "I6"].includes(invariant))
        )
        assert.deepStrictEqual(broken, [], `seed ${seed}\n${timeline.print()}`)
        assert.strictEqual(timeline.of("SessionClosed").length, 1, `seed ${seed}`)
        assert.notInclude(
          JSON.stringify([timeline.events, timeline.logs.filter(({ level }) => level !== "Debug")]),
          "secret words",
          `seed ${seed}`
        )
      }
      assert.deepStrictEqual(unhandled, [])
    }), 300_000)
})
