import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer } from "effect"
import * as Testing from "effect-voice/testing"

const hello = Testing.say(500, 2500, "Hello, how are you?")

/** What a scenario of JavaScript dies of; undefined where it goes on. */
const refusalOf = (script: unknown): Effect.Effect<string | undefined> =>
  Effect.map(
    Effect.exit(Testing.scenario(script as Testing.Scenario)),
    (exit) => Exit.isFailure(exit) ? Cause.pretty(exit.cause) : undefined
  )

const wrong: ReadonlyArray<readonly [script: object, says: string]> = [
  [{ user: [Testing.say(0, Infinity, "Hi.")] }, "say: Infinity is no time of the Clock in milliseconds"],
  [{ user: [Testing.say(NaN, 100, "Hi.")] }, "at: NaN is no time of the Clock"],
  [{ user: [{ ...hello, text: 7 }] }, "user must have a text at 500 ms"],
  [{ user: hello }, "user must be a list"],
  [{ user: [null] }, "user.0 must be something that the caller does"],
  [{ user: [{ _tag: "Shout", at: 100 }] }, "user.0 must be something that the caller does"],
  [{ user: [{ _tag: "constructor", at: 100 }] }, "user.0 must be something that the caller does"],
  [{ user: [Testing.press(500, "one")] }, "user must press keys at 500 ms, one or more of 0 to 9"],
  [{ user: [Testing.press(500, "")] }, "user must press keys at 500 ms"],
  [{ user: [Testing.press(500, "1 2")] }, "user must press keys at 500 ms"],
  [{ user: [Testing.say(1, 2, "Hi.")] }, "Testing.say(1000, 2000, …) may be meant"],
  [{ llmOption: {} }, "llmOption is not known: llmOptions may be meant"],
  [{ at: [{ at: 100 }] }, "at.0 must be { at, do }"],
  [{ at: [{ at: 100, do: "say" }] }, "at.0 must be { at, do }"],
  [{ preset: "mechanic" }, "preset must be one of"],
  [{ until: "later" }, "until must be"],
  [{ until: Infinity }, "until must be"],
  [{ until: -1 }, "until must be"],
  [{ quiet: "soon" }, "quiet must be a duration"],
  [{ quiet: -1 }, "quiet must be a duration"],
  [{ patience: Infinity }, "patience must be a finite duration"],
  [{ realWait: "x" }, "realWait must be a duration"],
  [{ layer: {} }, "layer must be a Layer"],
  [{ options: 7 }, "options must be an object of options, not 7"],
  [{ llm: [{ deltas: [null] }] }, "llm.0.deltas.0"],
  [{ llm: [{ deltas: [{ at: "soon", delta: { _tag: "Text", text: "a" } }] }] }, "llm.0.deltas.0.at must be a duration"],
  [{ llm: [{ deltas: [{ at: 100, delta: 7 }] }] }, "llm.0.deltas.0.delta must be a text, a call"],
  [{ options: { toolTimeut: 5 } }, "toolTimeut is not known: toolTimeout may be meant"],
  [{ llm: "Hello." }, "llm must be a list of replies"],
  [{ llm: [7] }, "llm.0 must be a text, or a reply"],
  [{ llm: ["Hello.", null] }, "llm.1 must be a text, or a reply"],
  [{ llm: [{ text: "Hello.", firstTokn: 5 }] }, "llm.0.firstTokn is not known: firstToken may be meant"],
  [{ llm: [{ tools: [{}] }] }, "llm.0.tools.0.name is missing"],
  [{ llm: [{ tools: ["book"] }] }, "llm.0.tools.0 must be a call, such as { name: \"book\""],
  [{ llm: [{ tools: [{ name: "book", args: {} }] }] }, "llm.0.tools.0.args is not known; there is name, params, id"],
  [{ option: {} }, "option is not known: options may be meant"],
  [{ options: { interruption: {} } }, "interruption is not known: turn.interruption may be meant"],
  [
    { options: { turn: { allowInterruptions: false } } },
    "turn.allowInterruptions is not known: interruption.enabled may be meant"
  ],
  [{ options: { turn: { minDelay: 100 } } }, "turn.minDelay is not known: endpointing.minDelay may be meant"],
  [{ llm: [{ text: "Hello.", pieces: 0 }] }, "llm.0.pieces must be a whole number"],
  [{ llmOptions: { firstToken: NaN } }, "llmOptions.firstToken must be a duration"],
  [{ llmOptions: { otherwise: 7 } }, "llmOptions.otherwise must be a text"],
  [{ tts: "Hello." }, "tts must be a speech"],
  [{ tts: { duration: -1 } }, "tts.duration must be a finite duration"],
  [{ tts: [{}, { firstBite: 100 }] }, "tts.firstBite is not known: firstByte may be meant"],
  [{ ttsOptions: { sampleRate: NaN } }, "ttsOptions.sampleRate must be"],
  [{ stt: { interim: true } }, "stt.interim is not known: interims may be meant"],
  [{ stt: { finalDelay: -1 } }, "stt.finalDelay must be a duration"],
  [{ stt: { faults: { afterTime: "x" } } }, "stt.faults.afterTime must be a duration"],
  [{ vad: { minSilnce: 3 } }, "minSilnce is not known: minSilence may be meant"],
  [{ room: { kind: "fax" } }, "room.kind must be one of"],
  [{ room: { join: 5 } }, "room.join is not known: joins may be meant"]
]

const doubtful: ReadonlyArray<readonly [string, Partial<Testing.Scenario>, ReadonlyArray<RegExp>]> = [
  ["two speeches at once", { user: [hello, Testing.say(1000, 3000, "And you?")] }, [
    /say: at 1000 the caller begins to speak, who speaks from 500 to 2500 already/
  ]],
  ["the same one twice, the later first", { user: [Testing.by("bob", hello), Testing.by("bob", hello)] }, [
    /at 500 bob begins to speak/
  ]],
  ["two people at once", { user: [hello, Testing.by("bob", hello)] }, []],
  ["a speech before the call is answered", {
    room: { kind: "sip", direction: "outbound", call: "ringing" },
    user: [
      hello,
      Testing.callStatus(4000, "answered"),
      Testing.say(4000, 5000, "Yes?"),
      Testing.say(6000, 7000, "Yes?")
    ]
  }, [
    /what the caller begins to say at 500 is lost: the agent hears them after 4000/,
    /what the caller begins to say at 4000 is lost/
  ]],
  ["a speech in a call that nobody answers", { room: { kind: "sip", call: "ringing" }, user: [hello] }, [
    /at 500 is lost: nothing in the script lets the agent hear them/
  ]],
  ["a speech before the caller joins", { room: { joins: false }, user: [hello, Testing.join(1000)] }, [
    /at 500 is lost: the agent hears them after 1000/
  ]],
  ["a speech of who is let in by a step", {
    room: { joins: false },
    user: [hello],
    at: [{ at: 100, do: (_, caller) => caller.joins }]
  }, []],
  ["one speech behind the other", { user: [hello, Testing.say(2500, 3000, "And you?")] }, []],
  ["an end before the last of it", { until: 4000, at: [{ at: 9000, do: () => {} }] }, [
    /until is 4000, and what the script has after that is not done: its last is at 9000/
  ]],
  ["an end in the middle of its last", { until: 2000 }, []],
  ["seconds for milliseconds", { quiet: 12 }, [/quiet is 12 millis/]]
]

describe("a script that hardly means what it says", () => {
  it.effect.each(doubtful)("is told in the timeline: %s", ([, script, expected]) =>
    Effect.gen(function*() {
      const { warnings } = yield* Testing.scenario({ user: [hello], llmOptions: { otherwise: "OK." }, ...script })
      assert.strictEqual(warnings.length, expected.length, warnings.join())
      for (const [i, line] of expected.entries()) assert.match(warnings[i]!, line)
    }))
})

describe("a script that is misspelt", () => {
  it.effect.each(wrong)("is refused by name: %j", ([script, says]) =>
    Effect.gen(function*() {
      assert.include((yield* refusalOf({ user: [hello], llm: ["I am fine."], ...script })) ?? "nothing", says)
    }))

  it.effect("is refused by a scripted provider, too, that stands alone", () =>
    Effect.gen(function*() {
      const layers: ReadonlyArray<readonly [layer: Layer.Layer<never>, says: string]> = [
        [Testing.layerLlm([{ firstTokn: 5 }] as never), "llm.0.firstTokn is not known"],
        [Testing.layerTts({ duration: NaN }), "tts.duration must be"],
        [Testing.layerStt({ finalDelay: NaN }), "stt.finalDelay must be"]
      ]
      for (const [layer, says] of layers) {
        const exit = yield* Effect.exit(Effect.scoped(Layer.build(layer)))
        assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "nothing", says)
      }
    }))

  it.effect("is told in the timeline where a function gives it", () =>
    Effect.gen(function*() {
      for (const given of [undefined, Promise.resolve("Hi."), 7]) {
        const timeline = yield* Testing.scenario({ user: [hello], llm: () => given as never })
        assert.include(timeline.print(), "llm must be a text, or a reply such as")
      }
    }))
})
