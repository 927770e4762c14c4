import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { Agent, type Event, Session } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"
import { detector } from "../support/judges.ts"
import { withOutput } from "../support/output.ts"
import { thorough } from "../support/thorough.ts"

type Tag = Event.Event["_tag"]
type Service = Session.Session["Service"]

const Kit = Toolkit.make(Tool.make("look", { parameters: Schema.Struct({}), success: Schema.String }))
const KitLive = Kit.toLayer({
  look: (_, { preliminary }) => Effect.as(Effect.andThen(Effect.sleep(400), preliminary("half")), "whole")
})

/** What a listener may do about an event. */
const calls: Readonly<Record<string, (session: Service) => Effect.Effect<unknown, unknown>>> = {
  send: (session) => session.send("Ping"),
  say: (session) => session.say("By the way."),
  "say now": (session) => session.say("Listen!", { when: "now" }),
  "say with the reply": (session) => session.say("By the way.", { when: "withReply", expires: "3 seconds" }),
  "say and wait": (session) => Effect.flatMap(session.say("By the way.", { when: "now" }), ({ heard }) => heard),
  reply: (session) => session.reply({ instructions: "Say hello." }),
  interrupt: (session) => session.interrupt(),
  "interrupt by force": (session) => session.interrupt({ force: true }),
  close: (session) => session.close(),
  drain: (session) => session.close({ drain: true }),
  hangUp: (session) => session.hangUp({ say: "Goodbye." }),
  commitTurn: (session) => session.commitTurn(),
  clearTurn: (session) => session.clearTurn,
  "listen to nothing for a while": (session) =>
    session.listen(false).pipe(Effect.andThen(Effect.sleep(300)), Effect.andThen(session.listen(true))),
  handoff: (session) => session.handoff(Agent.make({ name: "other", instructions: "You are another." })),
  update: (session) => session.update({ instructions: "Be brief.", turn: { interruption: { minDuration: 400 } } })
}
const ways = ["in the same breath", "in a fiber", "a moment later"] as const

interface Reaction {
  readonly call: string
  readonly way: typeof ways[number]
  readonly tag: Tag
  /** Which event of this tag, from 0. */
  readonly nth: number
}

/** A loudspeaker that takes its time for what it is told, and shows what it was told last. */
const loudspeaker = (ms = 0) => {
  const ear = { paused: false }
  const late = <A>(effect: Effect.Effect<A>) => ms === 0 ? effect : Effect.andThen(Effect.sleep(ms), effect)
  const told = (paused: boolean, effect: Effect.Effect<void>) =>
    late(Effect.andThen(Effect.sync(() => (ear.paused = paused)), effect))
  const layer = withOutput((output) => ({
    pause: told(true, output.pause),
    resume: told(false, output.resume),
    clear: told(false, output.clear),
    played: late(output.played)
  }))
  return { ear, layer }
}

/** A greeting, a tool, an interruption, a false one, a hook that fails, typed words, a key; and one reaction. */
const converse = (reaction?: Reaction) =>
  Effect.gen(function*() {
    const { ear, layer } = loudspeaker()
    let session: Service | undefined
    let reactedAt: number | undefined
    let count = 0
    const react = (event: Event.Event): Effect.Effect<void> => {
      if (session === undefined || event._tag !== reaction?.tag || count++ !== reaction.nth) return Effect.void
      reactedAt = event.at
      const call = Effect.ignore(calls[reaction.call]!(session))
      return reaction.way === "a moment later" ? Effect.delay(call, 30) : call
    }
    const timeline = yield* Testing.scenario({
      agent: Agent.make({
        instructions: "Talk.",
        tools: Kit,
        onUserTurn: ({ turn }) => turn === 3 ? Effect.die("boom") : Effect.void,
        onEnter: Session.Session.use((session) => session.say("Welcome."))
      }),
      room: { joins: false },
      user: [
        Testing.join(100),
        Testing.say(1500, 2200, "Look it up"),
        Testing.say(5500, 6500, "No wait, something else"),
        Testing.cough(8500, 9200),
        Testing.type(14_000, "And this?")
      ],
      at: [
        {
          at: 0,
          do: (made) => {
            session = made
            const watch = Effect.forkDetach(Stream.runForEach(made.events, react), { startImmediately: true })
            return reaction !== undefined && reaction.way !== "in the same breath" ? watch : Effect.void
          }
        },
        { at: 15_500, do: (_, caller) => caller.presses("5") },
        { at: 20_000, do: (session) => session.close() }
      ],
      llm: ({ step, text }) => {
        switch (text) {
          case "Look it up":
            return step === 0
              ? { text: "Let me look.", tools: [{ name: "look" }] }
              : { text: "It is one two three four five. And then six seven eight nine." }
          case "Ping":
            return "Pong."
          case "And this?":
            return "This is fine."
          default:
            return "It goes on and on, from one to the other. And then it turns."
        }
      },
      tts: { chunk: 400 },
      stt: { interims: true },
      options: {
        turn: { limits: { maxWords: 3 }, transcriptionTimeout: 1000 },
        onEvent: (event) => {
          if (reaction?.way === "in the same breath") Effect.runFork(react(event))
        }
      },
      layer: Layer.merge(layer, detector(() => Effect.succeed(0.9)))
    }).pipe(Effect.provide(KitLive))
    return { ear, reactedAt, timeline }
  })

/** Whether words that were sent had to be answered: who speaks at that time speaks for themselves. */
const isAlone = (timeline: Testing.Timeline, at: number): boolean =>
  timeline.of("UserSpeechCommitted").every((event) => event.text === "Ping" || Math.abs(event.at - at) > 2000) &&
  timeline.of("UserStartedSpeaking").every((event) => event.startedAt < at - 2000 || event.startedAt > at + 1500)

const faultsOf = (
  reaction: Reaction,
  { ear, reactedAt, timeline }: Effect.Success<ReturnType<typeof converse>>
): ReadonlyArray<string> => {
  if (reactedAt === undefined) return ["it never came to it"]
  const starts = timeline.of("AgentStartedSpeaking").map(({ speech }) => speech)
  const stops = timeline.of("AgentStoppedSpeaking").map(({ speech }) => speech)
  const sent = timeline.of("UserSpeechCommitted").find(({ text }) => text === "Ping")?.at
  const unanswered = reaction.call === "send" && reaction.tag !== "SessionClosed" &&
    (sent === undefined || isAlone(timeline, sent)) &&
    !timeline.messages.some((message) => message.startsWith("assistant: Pong"))
  // For two seconds nothing interrupts what cuts in.
  const cutsIn = reaction.call === "say now" || reaction.call === "say and wait"
  const isReaction = ({ at, source }: Event.Of<"SpeechCreated">) =>
    cutsIn && source === "say" && at >= reactedAt && at <= reactedAt + 30
  const uninterrupted = timeline.of("SpeechCreated").filter(isReaction).map(({ speech }) => speech)
  return [
    ...Testing.invariants(timeline, {
      cleared: reaction.call === "clearTurn",
      protected: new Set(uninterrupted)
    })
      .map(({ invariant, message }) => `${invariant}: ${message}`),
    ...(starts.join() === stops.join() ? [] : [`${starts.join()} started, ${stops.join()} stopped`]),
    ...(ear.paused ? ["the output is left paused"] : []),
    ...(unanswered ? ["what was sent is not answered"] : []),
    ...timeline.failures.map(({ cause }) => cause)
  ]
}

const about = new Set<Tag>(["AgentStartedSpeaking", "AgentStoppedSpeaking", "AgentSpeechCommitted", "SpeechFinished"])

describe("a listener that acts upon an event", () => {
  it.effect("finds nearly every kind of event in this conversation", () =>
    Effect.gen(function*() {
      const { ear, timeline } = yield* converse()
      assert.deepStrictEqual(Testing.invariants(timeline), [])
      assert.isFalse(ear.paused)
      assert.isAtLeast(new Set(timeline.events.map(({ _tag }) => _tag)).size, 27)
    }))

  it.effect.each(Object.keys(calls))(
    "with %s, at whichever event: each speech that starts stops, the output plays on, the session ends in order",
    (call) =>
      Effect.gen(function*() {
        const { timeline } = yield* converse()
        const seen = new Map<Tag, number>()
        const faults: Array<string> = []
        for (const [index, { _tag: tag }] of timeline.events.entries()) {
          const nth = seen.get(tag) ?? 0
          seen.set(tag, nth + 1)
          if (nth > 0 && !about.has(tag)) continue
          const possible = ways.filter((way) => way !== "a moment later" || about.has(tag))
          // Each event with every other call, each call with every other event, each way with each of both; in CI each with each.
          const turn = Object.keys(calls).indexOf(call) + index
          const [one] = turn % 2 === 0 ? [possible[turn / 2 % possible.length]!] : []
          for (const way of thorough ? possible : one === undefined ? [] : [one]) {
            const reaction = { call, way, tag, nth }
            for (const fault of faultsOf(reaction, yield* converse(reaction))) {
              faults.push(`${call} ${way} at ${tag} ${nth}: ${fault}`)
            }
          }
        }
        assert.deepStrictEqual(faults, [])
      })
  )

  it.effect("sends words at the end of a speech: it has been heard to its end, and the words are answered", () =>
    Effect.gen(function*() {
      for (const tag of ["AgentStoppedSpeaking", "AgentSpeechCommitted"] as const) {
        const { timeline } = yield* converse({ call: "send", way: "in the same breath", tag, nth: 0 })
        const [greeting, answer] = timeline.playbacks
        assert.deepInclude(timeline.of("SpeechFinished")[0], { speech: greeting!.speech, outcome: "completed" })
        assert.deepInclude(answer, { playedMs: 300, interrupted: false })
        assert.strictEqual(answer!.start, greeting!.end! + 500)
      }
    }))

  it.effect("closes at the last words of the user: they are told as a turn, and are in the history", () =>
    Effect.gen(function*() {
      for (const way of ways) {
        const { timeline } = yield* converse({ call: "close", way, tag: "UserTranscript", nth: 2 })
        assert.deepInclude(timeline.of("UserTranscript").at(-1), { text: "Look it up", final: true })
        assert.strictEqual(timeline.of("UserSpeechCommitted").at(-1)?.text, "Look it up")
        assert.strictEqual(timeline.messages.at(-1), "user: Look it up")
      }
    }))
})

describe("a loudspeaker that takes its time to tell how much was heard", () => {
  it.effect("plays the answer to words that come when it is at the end of a speech, to the millisecond", () =>
    Effect.gen(function*() {
      for (let at = 2200; at <= 2300; at += 5) {
        const { ear, layer } = loudspeaker(30)
        const timeline = yield* Testing.scenario({
          at: [{ at: 0, do: (session) => session.say("One two three four five six.") }],
          user: [Testing.type(at, "Go on")],
          llm: ["All right."],
          tts: { duration: 2000 },
          layer
        })
        assert.strictEqual(timeline.of("AgentStoppedSpeaking").at(-1)?.playedMs, 2000, `typed at ${at}`)
        assert.strictEqual(timeline.messages.at(-1), "assistant: All right.", `typed at ${at}`)
        assert.isFalse(ear.paused, `typed at ${at}`)
      }
    }))
})
