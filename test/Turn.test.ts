import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Text, Turn } from "effect-voice"
import { drive, final, interim, paused, resumed, speaks, started, stopped } from "./support/turn.ts"

const tags = (log: ReadonlyArray<{ readonly action: Turn.Action }>) => log.map(({ action }) => action._tag)

describe("Turn", () => {
  describe("the end of a turn", () => {
    it("comes minDelay after the voice, not after the transcript", () => {
      const turn = { endpointing: { minDelay: 700 } }
      assert.deepStrictEqual(
        drive({ turn }).at(1050, started(1000)).at(2100, final("hello")).at(2500, stopped(2000)).until(9000).commits(),
        [[2700, "hello"]]
      )
      assert.deepStrictEqual(
        drive({ turn }).at(1050, started(1000)).at(2500, stopped(2000)).at(4000, final("hello")).until(9000).commits(),
        [[4000, "hello"]]
      )
    })

    it.each([[0.49, 5000], [0.5, 2500], [1, 2500], [0, 5000]])(
      "with probability %f the turn is over at %d",
      (probability, at) => {
        const driver = drive({ ears: { detector: true }, turn: { endpointing: { maxDelay: "3 seconds" } } })
          .at(1050, started(1000)).at(2100, final("hello")).at(2400, stopped(2000))
        const asked = driver.log.find(({ action }) => action._tag === "AskDetector")!.action
        assert(asked._tag === "AskDetector")
        driver.at(2450, { _tag: "EndOfTurn", question: asked.question, probability }).until(9000)
        assert.deepStrictEqual(driver.commits(), [[at, "hello"]])
      }
    )

    it("a detector that never answers is waited for a second, with a warning", () => {
      const driver = drive({ ears: { detector: true } })
        .at(1050, started(1000)).at(2100, final("hello")).at(2400, stopped(2000)).until(9000)
      assert.deepStrictEqual(driver.commits(), [[3400, "hello"]])
      assert.deepStrictEqual(driver.times("Warning"), [3400])
    })

    it("an answer that comes too late, or to an older question, is no answer", () => {
      const driver = drive({ ears: { detector: true } })
        .at(1050, started(1000)).at(2100, final("hello")).at(2400, stopped(2000))
        .at(2500, { _tag: "EndOfTurn", question: -1, probability: 0 })
        .until(9000)
      assert.deepStrictEqual(driver.commits(), [[3400, "hello"]])
    })

    it("takes an answer for that to its own question, where the decision was opened twice in one turn", () => {
      const asked = (driver: ReturnType<typeof drive>) =>
        driver.log.flatMap(({ action }) => action._tag === "AskDetector" ? [action.question] : [])
      const driver = drive({ ears: { detector: true }, turn: { endpointing: { maxDelay: "3 seconds" } } })
        .at(1050, started(1000)).at(2100, final("I would like")).at(2400, stopped(2000))
        .at(2550, started(2500)).at(3000, final("a")).at(3300, stopped(3100))
      const [first, second] = asked(driver)
      driver.at(3400, { _tag: "EndOfTurn", question: first!, probability: 1 })
      assert.deepStrictEqual(driver.times("EndOfTurnPredicted"), [])
      driver.at(3500, { _tag: "EndOfTurn", question: second!, probability: 0.1 }).until(9000)
      assert.deepStrictEqual(driver.times("EndOfTurnPredicted"), [3500])
      assert.deepStrictEqual(driver.commits(), [[6100, "I would like a"]])
    })

    it("an end time in the future does not delay it", () => {
      assert.deepStrictEqual(drive().at(1000, final("hello", 121_000)).until(9000).commits(), [[1500, "hello"]])
    })

    it.each(["vad", "stt"] as const)(
      "a transcript without times keeps the anchor of the voice (%s)",
      (detection) => {
        const driver = drive({ turn: { detection, endpointing: { minDelay: "1 second" } } })
          .at(1050, started(1000)).at(2000, stopped(2000)).at(2600, final("hello")).until(9000)
        assert.deepStrictEqual(driver.commits(), [[3000, "hello"]])
        const commit = driver.log.find(({ action }) => action._tag === "CommitTurn")!.action
        assert(commit._tag === "CommitTurn")
        assert.strictEqual(commit.finalAt - commit.stoppedAt, 600)
      }
    )

    it("speech inside the delay cancels it, and one turn holds both transcripts", () => {
      assert.deepStrictEqual(
        drive().at(1050, started(1000)).at(1900, final("I would like")).at(2100, stopped(2000))
          .at(2350, started(2300)).at(3000, final("a room")).at(3300, stopped(3200)).until(9000).commits(),
        [[3700, "I would like a room"]]
      )
    })

    it("a trigger around the commit makes no empty turn", () => {
      const driver = drive().at(1050, started(1000)).at(2000, final("hello")).at(2500, stopped(2000), stopped(2000))
        .at(2500, final(""), interim("")).until(9000)
      assert.deepStrictEqual(driver.commits(), [[2500, "hello"]])
    })

    it("an empty final transcript is ignored", () => {
      assert.deepStrictEqual(drive().at(1000, final(" ")).until(99_000).commits(), [])
    })

    const S = (at: number) => [at, started(at)] as const
    const I = (at: number) => [at, interim("hel")] as const
    const T = (at: number) => [at, final("hello")] as const
    const E = (at: number, ended = at) => [at, stopped(ended)] as const
    it.each([
      ["S-T-E", [S(0), T(1000), E(1200)], 1700, "hello"],
      ["S-I-T-E", [S(0), I(500), T(1000), E(1200)], 1700, "hello"],
      ["S-E-T", [S(0), E(1000), T(1200)], 1500, "hello"],
      ["S-E-T, late", [S(0), E(1000), T(2200)], 2200, "hello"],
      ["S-I-E-I-T", [S(0), I(500), E(1000), I(1100), T(1800)], 1800, "hello"],
      ["S-T-I-E-S-T-E", [S(0), T(500), I(900), E(1000), S(1200), T(2000), E(2100)], 2600, "hello hello"]
    ])("%s commits once", (_, signals, at, text) => {
      const driver = drive()
      for (const [when, signal] of signals) driver.at(when, signal)
      assert.deepStrictEqual(driver.until(20_000).commits(), [[at, text]])
    })

    it("takes a final transcript without words for the end of what was heard half", () => {
      const driver = drive().at(0, started(0)).at(500, final("a room")).at(900, interim("for t")).at(
        1000,
        stopped(1000)
      )
      assert.deepStrictEqual(driver.at(1800, final("…")).until(9000).commits(), [[1800, "a room"]])
      const manual = drive({ turn: { detection: "manual" } }).at(0, started(0)).at(500, final("a room"))
        .at(1000, stopped(1000), { _tag: "CommitTurn", waitMs: 2000 }).at(1300, final("."))
      assert.deepStrictEqual(manual.until(9000).commits(), [[1300, "a room"]])
    })

    it("waits for words that are only heard half, up to maxDelay", () => {
      const turn = { endpointing: { maxDelay: "2 seconds" } } as const
      const heard = drive({ turn }).at(0, started(0)).at(500, final("a room")).at(900, interim("for two"))
        .at(1000, stopped(1000))
      assert.deepStrictEqual(heard.at(1800, final("for two")).until(9000).commits(), [[1800, "a room for two"]])
      const lost = drive({ turn }).at(0, started(0)).at(500, final("a room")).at(900, interim("for two"))
        .at(1000, stopped(1000))
      assert.deepStrictEqual(lost.until(9000).commits(), [[3000, "a room for two"]])
    })

    it("never comes by itself in manual mode, and by commitTurn with what is there", () => {
      const turn = { detection: "manual" } as const
      const driver = drive({ turn }).at(0, started(0)).at(900, final("hello")).at(1500, stopped(1000)).until(9000)
      assert.deepStrictEqual(driver.commits(), [])
      driver.at(10_000, { _tag: "CommitTurn", waitMs: 2000 })
      assert.deepStrictEqual(driver.commits(), [[10_000, "hello"]])
      driver.at(11_000, started(11_000)).at(12_000, stopped(12_000)).at(12_000, { _tag: "CommitTurn", waitMs: 2000 })
        .at(12_300, final("again")).until(20_000)
      assert.deepStrictEqual(driver.commits(), [[10_000, "hello"], [12_300, "again"]])
      driver.at(21_000, started(21_000), interim("half")).at(22_000, { _tag: "CommitTurn", waitMs: 500 }).until(30_000)
      assert.deepStrictEqual(driver.commits().at(-1), [22_500, "half"])
      driver.at(31_000, final("never mind")).at(31_100, { _tag: "ClearTurn" })
        .at(31_200, { _tag: "CommitTurn", waitMs: 0 }).until(40_000)
      assert.strictEqual(driver.commits().length, 3)
    })
  })

  it("commits by the button as soon as the voice has ended, where its transcript is there already", () => {
    const turn = { detection: "manual" } as const
    const driver = drive({ turn }).at(0, started(0)).at(1200, final("hello"))
      .at(1300, { _tag: "CommitTurn", waitMs: 2000 }).at(1500, stopped(1000)).until(9000)
    assert.deepStrictEqual(driver.commits(), [[1500, "hello"]])
    const early = drive({ turn }).at(0, started(0)).at(900, final("hello"))
      .at(1300, { _tag: "CommitTurn", waitMs: 2000 }).at(1500, stopped(1000)).until(9000)
    assert.deepStrictEqual(early.commits(), [[3300, "hello"]])
  })

  describe("no transcript", () => {
    const turn = { transcriptionTimeout: "2 seconds" } as const
    const silent = (driver: ReturnType<typeof drive>) =>
      driver.log.flatMap(({ action, at }) =>
        action._tag === "Publish" && action.event._tag === "TranscriptionTimedOut"
          ? [[at, action.event.startedAt, action.event.speechMs]]
          : []
      )

    it("is told once, the timeout after the voice", () => {
      assert.deepStrictEqual(
        silent(drive({ turn }).at(1050, started(1000)).at(3750, stopped(3000)).until(60_000)),
        [[5000, 1000, 2000]]
      )
    })

    it.each(
      [
        ["a final transcript", final("hello"), {}, turn, 0],
        ["an interim one", interim("hel"), {}, turn, 1],
        ["nothing without an STT", undefined, { stt: false }, turn, 0],
        ["nothing, by default", undefined, {}, {}, 1],
        ["an answer without words", final(""), {}, {}, 0],
        ["nothing, with the option off", undefined, {}, { transcriptionTimeout: "Infinity" }, 0]
      ] as const
    )("is told or not after %s", (_, signal, ears, options, expected) => {
      const driver = drive({ turn: options, ears }).at(1050, started(1000)).at(3500, stopped(3000))
      if (signal !== undefined) driver.at(3600, signal)
      assert.strictEqual(silent(driver.until(60_000)).length, expected)
    })

    it("is told while the agent speaks, too", () => {
      const driver = drive({ turn: { ...turn, interruption: { enabled: false } } }).at(0, ...speaks("a"))
        .at(1050, started(1000)).at(3500, stopped(3000)).until(60_000)
      assert.strictEqual(silent(driver).length, 1)
    })

    it("bursts of one turn add up", () => {
      assert.deepStrictEqual(
        silent(
          drive({ turn }).at(0, started(0)).at(1000, stopped(1000)).at(2000, started(2000)).at(3000, stopped(3000))
            .until(60_000)
        ),
        [[5000, 0, 2000]]
      )
      assert.deepStrictEqual(
        silent(
          drive({ turn }).at(0, started(0)).at(1000, stopped(1000)).at(4000, started(4000)).at(5000, stopped(5000))
            .until(60_000)
        ).map(([at, , length]) => [at, length]),
        [[3000, 1000], [7000, 2000]]
      )
    })
  })

  describe("limits", () => {
    it("a turn that is too long is told once", () => {
      const driver = drive({ turn: { limits: { maxWords: 3 } } }).at(0, started(0)).at(500, interim("one two"))
        .at(900, interim("one two three")).at(1000, final("one two three four")).at(1400, interim("five six seven"))
      assert.deepStrictEqual(driver.times("TurnLimit"), [900])
      driver.at(2000, final("five")).at(2500, stopped(2000)).at(9000, started(9000)).at(9500, final("one two three"))
      assert.deepStrictEqual(driver.times("TurnLimit"), [900, 9500])
    })
  })

  describe("interruption", () => {
    it.each([[499, []], [500, [5500]], [1200, [5500]]])("by %d ms of voice: paused at %j", (length, expected) => {
      const driver = drive().at(3500, ...speaks("a")).at(5050, started(5000)).at(5000 + length, paused(5000 + length))
        .at(5500 + length, stopped(5000 + length)).until(6500)
      assert.deepStrictEqual(driver.times("Pause"), expected)
    })

    it("adds up voice over the gaps inside one speech", () => {
      const driver = drive().at(0, ...speaks("a")).at(1050, started(1000)).at(1300, paused(1300)).at(
        1500,
        resumed(1500)
      )
        .until(3000)
      assert.deepStrictEqual(driver.times("Pause"), [1700])
    })

    it.each(
      [
        [undefined, []],
        ["", []],
        ["hello", []],
        ["hello there", [2000]]
      ] as const
    )("with minWords 2, %j pauses at %j", (text, expected) => {
      const driver = drive({ turn: { interruption: { minWords: 2 } } }).at(0, ...speaks("a")).at(1050, started(1000))
      if (text !== undefined) driver.at(2000, interim(text))
      assert.deepStrictEqual(driver.until(2500).times("Pause"), expected)
    })

    it("words of several transcripts add up", () => {
      const driver = drive({ turn: { interruption: { minWords: 3 } } }).at(0, ...speaks("a")).at(1050, started(1000))
        .at(2000, final("one")).at(2500, final("two")).at(3000, final("three")).until(4000)
      assert.deepStrictEqual(driver.times("Pause"), [3000])
    })

    it("too few words are no turn while the agent speaks, and belong to the next", () => {
      const driver = drive({ turn: { interruption: { minWords: 2 } } }).at(0, ...speaks("a"))
        .at(1050, started(1000)).at(1600, final("yes")).at(2000, stopped(1500)).until(5000)
      assert.deepStrictEqual(driver.commits(), [])
      assert.deepStrictEqual(driver.times("Stop"), [])
      driver.at(6050, started(6000)).at(7000, final("a double room")).at(7500, stopped(7000)).until(9000)
      assert.deepStrictEqual(driver.commits(), [[7500, "yes a double room"]])
    })

    it("waits for the final transcript where the recogniser has no interims", () => {
      const options = { turn: { interruption: { minWords: 2 } }, ears: { interims: false } }
      const driver = drive(options).at(0, ...speaks("a")).at(1050, started(1000)).until(2000)
      assert.deepStrictEqual(driver.times("Pause"), [1500])
      driver.at(2500, stopped(2000)).at(2600, final("yes")).until(9000)
      assert.deepStrictEqual(driver.times("Resume"), [3300])
      assert.deepStrictEqual(driver.commits(), [])
    })

    it("a protected speech only yields to force", () => {
      const driver = drive().at(0, ...speaks("a", { protected: true }))
      assert.isTrue(Turn.isProtected(driver.state()))
      driver.at(100, { _tag: "Interrupt", force: false })
      assert.deepStrictEqual(driver.times("Stop"), [])
      driver.at(200, { _tag: "Interrupt", force: true })
      assert.deepStrictEqual(driver.times("Stop"), [200])
    })

    it("stops at the first protected speech in play order", () => {
      const driver = drive().at(0, ...speaks("A"), ...speaks("B", { protected: true }), ...speaks("C"))
        .at(100, { _tag: "Interrupt", force: false })
      assert.deepStrictEqual(driver.state().agent.speeches.map(({ id }) => id), ["B", "C"])
    })

    it("what was interrupted before its turn is skipped", () => {
      const driver = drive().at(0, ...speaks("A"), ...speaks("B"), ...speaks("C"))
        .at(10, { _tag: "Interrupt", force: false, speech: "B" })
        .at(100, { _tag: "PlayoutEnded", speech: "A", next: "done" }, { _tag: "SpeechEnded", speech: "A" })
      assert.deepStrictEqual(
        driver.log.flatMap(({ action }) => action._tag === "Begin" ? [action.speech] : []),
        ["A", "C"]
      )
    })

    it("nobody speaks before the interrupted one has cleaned up", () => {
      const driver = drive({ cleanUp: false }).at(0, ...speaks("A")).at(10, ...speaks("B"))
        .at(100, { _tag: "Interrupt", force: false, speech: "A" })
      assert.notInclude(tags(driver.log).slice(-3), "Begin")
      driver.at(250, { _tag: "SpeechEnded", speech: "A" }).at(300, { _tag: "AudioReady", speech: "B" })
      assert.deepStrictEqual(driver.times("Play"), [0, 300])
    })

    it.each([[299, []], [300, [2800]]])(
      "a pause without words resumes after 300 ms, not after %d",
      (wait, expected) => {
        const driver = drive({ turn: { interruption: { falseInterruptionTimeout: 300 } } }).at(0, ...speaks("a"))
          .at(1050, started(1000)).at(2500, stopped(2000)).until(2500 + wait)
        assert.deepStrictEqual(driver.times("Resume"), expected)
        assert.strictEqual(driver.times("FalseInterruption").length, expected.length)
      }
    )

    it("a turn without a reply leaves the resume armed", () => {
      const driver = drive({
        turn: { interruption: { falseInterruptionTimeout: 300 }, endpointing: { maxDelay: 500 } },
        ears: { detector: true },
        onCommit: (turn) => ({ _tag: "Declined", turn })
      }).at(0, ...speaks("a")).at(1050, started(1000)).at(1900, final("erm")).at(2050, stopped(2000))
      const asked = driver.log.find(({ action }) => action._tag === "AskDetector")!.action
      assert(asked._tag === "AskDetector")
      driver.at(2060, { _tag: "EndOfTurn", question: asked.question, probability: 0.1 }).until(9000)
      assert.deepStrictEqual(driver.times("Resume"), [2500])
    })

    it("resumes what a declined turn has paused, whoever begins to speak in that moment and says nothing", () => {
      const driver = drive({ onCommit: () => undefined }).at(0, ...speaks("a")).at(1000, { _tag: "Typed", text: "hi" })
        .at(2000, { _tag: "Declined", turn: 1 }, started(2000)).at(2600, stopped(2100)).until(9000)
      assert.deepStrictEqual(driver.times("Pause"), [1000])
      assert.deepStrictEqual(driver.times("Resume"), [2600])
    })

    it("after a commit or a close, nothing resumes", () => {
      const turn = { interruption: { falseInterruptionTimeout: 300 } }
      const committed = drive({ turn }).at(0, ...speaks("a")).at(1050, started(1000)).at(1900, final("stop"))
        .at(2500, stopped(2000)).until(9000)
      assert.deepStrictEqual(committed.times("Resume"), [])
      assert.deepStrictEqual(committed.times("FalseInterruption"), [])
      const closed = drive({ turn }).at(0, ...speaks("a")).at(1050, started(1000)).at(2500, stopped(2000))
        .at(2600, { _tag: "Close", drain: false, reason: "closed" }).until(9000)
      assert.deepStrictEqual(closed.times("Resume"), [])
    })

    it("a silent reply is held while the user speaks; a committed turn replaces it", () => {
      const driver = drive().at(1000, final("one")).until(1500)
      assert.deepStrictEqual(driver.times("StartReply"), [1500])
      driver.at(2050, started(2000)).at(2300, { _tag: "AudioReady", speech: "turn-1" }).at(3200, final("two"))
        .at(3500, stopped(3000)).until(9000)
      assert.deepStrictEqual(driver.times("Play"), [])
      assert.deepStrictEqual(driver.commits().map(([, text]) => text), ["one", "two"])
      assert.deepStrictEqual(driver.times("StartReply"), [1500, 3500])
    })

    it("a cough lets it play at the time of the decision", () => {
      const driver = drive().at(1000, final("one")).until(1500).at(2050, started(2000))
        .at(2100, { _tag: "AudioReady", speech: "turn-1" }).at(2100, paused(2100)).at(2600, stopped(2100)).until(9000)
      assert.deepStrictEqual(driver.times("Play"), [2600])
    })

    it("echo at the beginning is no interruption, a committed turn is", () => {
      const driver = drive({ turn: { interruption: { echoWarmUp: "3 seconds" } } }).at(3500, ...speaks("a"))
        .at(4050, started(4000)).at(5200, final("stop it")).at(5500, stopped(5000)).until(9000)
      assert.deepStrictEqual(driver.times("AgentPaused"), [])
      assert.deepStrictEqual(driver.times("Stop"), [5500])
    })

    it("takes signs of listening for what they are, and sets their words aside", () => {
      const driver = drive({ turn: { interruption: { backchannel: true } } }).at(0, ...speaks("a"))
        .at(1050, started(1000)).at(1800, final("mm-hm")).at(2300, stopped(1700)).until(5000)
      assert.deepStrictEqual(driver.times("Resume"), [1800])
      assert.deepStrictEqual(driver.commits(), [])
      assert.deepStrictEqual(driver.times("SetAside"), [3250])
      driver.at(6050, started(6000)).at(6200, interim("wait")).at(6250, interim("Wait."))
      assert.deepStrictEqual(driver.times("Pause").at(-1), 6200)
      driver.at(7200, final("wait, that is wrong")).at(7500, stopped(7000)).until(9000)
      assert.deepStrictEqual(driver.commits(), [[7500, "wait, that is wrong"]])
    })

    it("does not mistake a yes for a sign of listening when the agent is silent", () => {
      const driver = drive({ turn: { interruption: { backchannel: true } } }).at(1050, started(1000))
        .at(1700, final("yeah")).at(2000, stopped(1500)).until(9000)
      assert.deepStrictEqual(driver.commits(), [[2000, "yeah"]])
    })

    it("takes a breath between two sentences for no silence, and a longer one for one", () => {
      const silence = (until: number) =>
        drive({ turn: { interruption: { backchannel: true } } }).at(0, ...speaks("a"))
          .at(4050, started(4000)).at(4500, final("yes")).at(4900, stopped(4400))
          .at(5000, { _tag: "Starved", speech: "a", starved: true })
          .at(until, { _tag: "Starved", speech: "a", starved: false }).until(20_000)
      assert.deepStrictEqual(silence(5900).commits(), [])
      assert.deepStrictEqual(silence(6100).commits(), [[6000, "yes"]])
      const said = (at: number) =>
        drive({ turn: { interruption: { backchannel: true, minWords: 2 } } }).at(0, ...speaks("a"))
          .at(5000, { _tag: "Starved", speech: "a", starved: true })
          .at(at + 50, started(at)).at(at + 400, final("yes")).at(at + 800, stopped(at + 300)).until(9000)
      assert.deepStrictEqual(said(5500).commits(), [[6300, "yes"]])
      assert.deepStrictEqual(said(6500).commits(), [[7300, "yes"]])
    })

    it("commits words without a voice half a second after them, however long ago a noise was", () => {
      const noise = () => drive().at(1050, started(1000)).at(3000, stopped(2500))
      for (const at of [9000, 200_000]) {
        const driver = noise().at(at, final("is anybody there")).until(at + 5000)
        const [commit] = driver.log.flatMap(({ action, at }) => action._tag === "CommitTurn" ? [{ at, ...action }] : [])
        assert.deepInclude(commit, { at: at + 500, stoppedAt: at, finalAt: at })
        const timed = noise().at(at, {
          _tag: "Heard",
          text: "is anybody there",
          final: true,
          startedAt: at - 1500,
          endedAt: at - 300
        })
          .until(at + 5000)
        assert.deepStrictEqual(timed.commits(), [[at + 200, "is anybody there"]])
      }
    })

    it("waits for \"November\" where \"no\" is not all that was said yet", () => {
      const turn = { interruption: { backchannel: true, minWords: 2 } } as const
      const driver = () => drive({ turn }).at(0, ...speaks("a")).at(1050, started(1000)).at(1200, interim("No"))
      assert.deepStrictEqual(driver().at(1400, interim("November")).until(1500).times("Pause"), [])
      assert.deepStrictEqual(driver().at(1400, interim("no.")).until(1500).times("Pause"), [1400])
      assert.deepStrictEqual(driver().at(1400, final("No.")).until(1500).times("Pause"), [1400])
    })

    it("keeps no words of which a judge says that they interrupt", () => {
      const options = { turn: { interruption: { backchannel: true, minWords: 2 } }, ears: { judge: true } }
      const driver = drive(options).at(0, ...speaks("a")).at(1050, started(1000)).at(1500, final("Paris"))
        .at(1550, { _tag: "Overlap", verdict: "interruption", text: "Paris" }).at(1900, stopped(1400)).until(9000)
      assert.deepStrictEqual(driver.times("Pause"), [1550])
      assert.deepStrictEqual(driver.commits(), [[1900, "Paris"]])
      const late = drive(options).at(0, ...speaks("a")).at(1050, started(1000)).at(1500, final("Paris"))
        .at(1900, stopped(1400)).at(2500, { _tag: "Overlap", verdict: "interruption", text: "Paris" }).until(9000)
      assert.deepStrictEqual(late.commits(), [[2500, "Paris"]])
    })

    describe("a recogniser that tells when turns end, and decides alone", () => {
      const told = (ears: Partial<Turn.Ears> = { turns: true }) =>
        drive({ turn: { detection: "stt", preemption: { llm: true } }, ears }).at(1050, started(1000))
      const eager = (text: string): Turn.Signal => ({ _tag: "Heard", text, final: false, turn: "eager" })
      const resumed = (text: string): Turn.Signal => ({ _tag: "Heard", text, final: false, turn: "resumed" })
      const ended = (text: string): Turn.Signal => ({ _tag: "Heard", text, final: true, turn: "ended" })

      it("is answered at its word, whatever the voice does", () => {
        const early = told().at(2000, ended("hello")).at(2400, stopped(1900)).until(9000)
        assert.deepStrictEqual(early.commits(), [[2000, "hello"]])
        const late = told().at(2400, stopped(1900)).at(5000, ended("hello")).until(9000)
        assert.deepStrictEqual(late.commits(), [[5000, "hello"]])
        // One that only transcribes is waited for as long as the silence must be.
        const other = told({}).at(2000, final("hello")).at(2400, stopped(1900)).until(9000)
        assert.deepStrictEqual(other.commits(), [[2400, "hello"]])
      })

      it("is asked for nothing", () => {
        const driver = told().at(2400, stopped(1900)).at(3000, ended("hello")).until(9000)
        assert.deepStrictEqual(driver.times("Finalize"), [])
        assert.deepStrictEqual(told({}).at(2400, stopped(1900)).until(9000).times("Finalize"), [2400])
      })

      it("may say that the turn may be over: the reply is begun, and given up where the turn goes on", () => {
        const driver = told().at(1900, eager("hello")).at(2100, resumed("hello you")).at(2600, eager("hello you there"))
          .at(2800, ended("hello you there")).until(9000)
        assert.deepStrictEqual(driver.times("Speculate"), [1900, 2600])
        assert.deepStrictEqual(driver.times("Stop"), [2100])
        assert.deepStrictEqual(driver.commits(), [[2800, "hello you there"]])
        assert.strictEqual(driver.times("Authorize").length, 1)
      })
    })

    it("I4: resumes nothing for the rest of a voice of which a part is committed", () => {
      const driver = drive({
        turn: { detection: "stt", interruption: { backchannel: true } },
        onCommit: () => undefined
      }).at(0, ...speaks("a")).at(1050, started(1000)).at(2000, final("what about Paris")).at(2600, interim("yeah"))
        .at(3000, final("yeah")).at(3400, stopped(2900)).until(20_000)
      assert.deepStrictEqual(driver.times("Resume"), [])
      assert.deepStrictEqual(driver.commits().map(([, text]) => text), ["what about Paris", "yeah"])
    })

    it("I4: never resumes what a committed turn has paused before its verdict", () => {
      for (const backchannel of [true, false]) {
        for (const judge of [true, false]) {
          for (const typedAt of [1060, 1450, 1550, 1850, 2200, 3500]) {
            const driver = drive({
              turn: { interruption: { backchannel, falseInterruptionTimeout: 300 } },
              ears: { judge },
              onCommit: () => undefined
            }).at(0, ...speaks("a"))
            const signals: ReadonlyArray<readonly [number, Turn.Signal]> = [
              [1050, started(1000)],
              [1300, interim("yeah")],
              [1310, { _tag: "Overlap", verdict: "backchannel", text: "yeah" }],
              [1600, final("yeah")],
              [1700, { _tag: "Overlap", verdict: "backchannel", text: "yeah" }],
              [1900, stopped(1400)],
              [3000, started(2950)],
              [3300, final("okay")],
              [3350, { _tag: "Overlap", verdict: "backchannel", text: "okay" }],
              [3800, stopped(3200)],
              [typedAt, { _tag: "Typed", text: "hello" }]
            ]
            for (const [at, signal] of signals.toSorted(([a], [b]) => a - b)) driver.at(at, signal)
            driver.until(20_000)
            assert.isEmpty(
              driver.times("Resume").filter((at) => at >= typedAt),
              JSON.stringify({ backchannel, judge, typedAt })
            )
          }
        }
      }
    })

    it("pauses for good where resuming is off, and says if it was for nothing", () => {
      const driver = drive({ turn: { interruption: { resume: false } } }).at(0, ...speaks("a"))
        .at(1050, started(1000)).at(2500, stopped(2000)).until(9000)
      assert.deepStrictEqual(driver.times("Stop"), [1500])
      assert.deepStrictEqual(driver.times("FalseInterruption"), [3300])
    })
  })

  describe("preemption", () => {
    const turn = { preemption: { llm: true, maxTries: 2 } } as const

    it("a turn that changes four times is guessed at twice", () => {
      const driver = drive({ turn }).at(0, started(0)).at(500, final("a")).at(900, final("b")).at(1300, final("c"))
        .at(1700, final("d")).at(2200, stopped(1700)).until(9000)
      assert.strictEqual(driver.times("Speculate").length, 2)
      driver.at(9500, { _tag: "SpeechEnded", speech: "turn-1" }).at(10_000, started(10_000)).at(10_500, final("e"))
      assert.strictEqual(driver.times("Speculate").length, 3)
    })

    it.each([[2900, 1], [3100, 0]])("a turn of %d ms is guessed at %d times", (length, expected) => {
      const driver = drive({ turn: { preemption: { llm: true, maxSpeech: "3 seconds" } } }).at(0, started(0))
        .at(length, final("hello"))
      assert.strictEqual(driver.times("Speculate").length, expected)
    })

    it("reuses the guess when the words are the same", () => {
      assert.isTrue(Text.equivalent("BOOK   A ROOM", "book a room."))
      const driver = drive({
        turn,
        onCommit: (turn) => ({ _tag: "Accepted", turn, text: "HELLO  there!", changed: false })
      }).at(0, started(0)).at(500, final("hello there")).at(1000, stopped(500)).until(5000)
      assert.deepStrictEqual(driver.times("Authorize"), [1000])
      assert.deepStrictEqual(driver.times("StartReply"), [])
    })

    it.each([["other words", false], ["hello", true]])("a hook that gives %s discards it", (text, changed) => {
      const driver = drive({ turn, onCommit: (turn) => ({ _tag: "Accepted", turn, text, changed }) }).at(0, started(0))
        .at(500, final("hello")).at(1000, stopped(500)).until(5000)
      assert.deepStrictEqual(driver.times("Authorize"), [])
      assert.deepStrictEqual(driver.times("StartReply"), [1000])
      assert.deepStrictEqual(driver.times("Stop"), [1000])
    })

    it("does not guess while the agent speaks", () => {
      const driver = drive({ turn: { ...turn, interruption: { enabled: false } } }).at(0, ...speaks("a"))
        .at(1000, started(1000)).at(1500, final("hello"))
      assert.deepStrictEqual(driver.times("Speculate"), [])
    })
  })

  describe("presence", () => {
    const away = (driver: ReturnType<typeof drive>) =>
      driver.log.flatMap(({ action, at }) =>
        action._tag === "Publish" && action.event._tag === "UserStateChanged" ? [[at, action.event.to]] : []
      )

    it("is found again after as much silence, until nothing is due any more", () => {
      const driver = drive().until(100_000)
      assert.deepStrictEqual(driver.times("Away"), [15_000, 30_000, 45_000, 60_000, 75_000, 90_000])
      assert.strictEqual(drive().until(10_000_000).times("Away").length, 240)
    })

    it("both silent for 15 s is away; words bring the user back", () => {
      const driver = drive().until(20_000)
      assert.deepStrictEqual(away(driver), [[15_000, "away"]])
      driver.at(30_000, final("hello")).at(60_000, { _tag: "Tick" })
      assert.deepStrictEqual(away(driver).slice(1, 2), [[30_000, "listening"]])
    })

    it("the timer stands still while the agent speaks or works", () => {
      const driver = drive().at(10_000, ...speaks("a")).at(
        40_000,
        { _tag: "PlayoutEnded", speech: "a", next: "done" },
        {
          _tag: "SpeechEnded",
          speech: "a"
        }
      ).until(54_999)
      assert.deepStrictEqual(away(driver), [])
      assert.deepStrictEqual(away(driver.until(55_000)), [[55_000, "away"]])
    })

    it("a final transcript starts it anew, an interim does not", () => {
      const turn = { transcriptionTimeout: "Infinity" } as const
      assert.deepStrictEqual(away(drive({ turn }).at(5000, interim("hel")).until(15_000)), [[15_000, "away"]])
      const manual = { turn: { detection: "manual" } } as const
      assert.deepStrictEqual(away(drive(manual).at(5000, final("hello")).until(20_000)), [[20_000, "away"]])
    })
  })

  describe("failures", () => {
    const failed: Turn.Signal = { _tag: "Failed", component: "stt" }

    it("one more than tolerated ends the session", () => {
      const driver = drive({ turn: { toleratedFailures: 1 } }).at(100, failed)
      assert.deepStrictEqual(driver.times("Finish"), [])
      assert.deepStrictEqual(driver.at(200, failed).times("Finish"), [200])
    })

    it("what works again is forgiven", () => {
      const driver = drive({ turn: { toleratedFailures: 1 } }).at(
        100,
        failed,
        { _tag: "Worked", component: "stt" },
        failed
      )
      assert.deepStrictEqual(driver.times("Finish"), [])
    })
  })

  describe("closing", () => {
    it("stops what is said, keeps what was heard, and finishes once", () => {
      const driver = drive().at(0, ...speaks("a")).at(500, interim("but I")).at(
        1000,
        { _tag: "Close", drain: false, reason: "closed" },
        { _tag: "Close", drain: false, reason: "closed" }
      ).until(9000)
      assert.deepStrictEqual(driver.times("Stop"), [1000])
      assert.deepStrictEqual(driver.times("KeepWords"), [1000])
      assert.deepStrictEqual(driver.times("Finish"), [1000])
    })

    it("drains what waits, and nothing new", () => {
      const driver = drive().at(0, ...speaks("a")).at(10, ...speaks("b"))
        .at(100, { _tag: "Close", drain: true, reason: "hang_up" })
        .at(500, { _tag: "PlayoutEnded", speech: "a", next: "done" }, { _tag: "SpeechEnded", speech: "a" })
        .at(600, { _tag: "AudioReady", speech: "b" }).at(650, final("wait")).until(2000)
      assert.deepStrictEqual(driver.times("Finish"), [])
      driver.at(3000, { _tag: "PlayoutEnded", speech: "b", next: "done" }, { _tag: "SpeechEnded", speech: "b" })
      assert.deepStrictEqual(driver.times("Finish"), [3000])
      assert.deepStrictEqual(driver.times("StartReply"), [])
      assert.strictEqual(Turn.deadline(driver.state()), undefined)
    })
  })

  describe("options", () => {
    it.each(
      [
        [{ endpointing: { minDelay: "-1 second" } }, "endpointing.minDelay"],
        [{ endpointing: { minDelay: 900, maxDelay: 300 } }, "endpointing.maxDelay"],
        [{ endpointing: { alpha: 1.5 } }, "endpointing.alpha"],
        [{ interruption: { minWords: 1.5 } }, "interruption.minWords"],
        [{ interruption: { minDuration: Number.NaN } }, "interruption.minDuration"],
        [{ interruption: { echoWarmUp: { seconds: Number.NaN } } }, "interruption.echoWarmUp"],
        [{ awayAfter: "5 secs" }, "awayAfter"],
        [{ limits: { maxWords: 0 } }, "limits.maxWords"],
        [{ toleratedFailures: -1 }, "toleratedFailures"]
      ] as unknown as ReadonlyArray<readonly [Turn.Options, string]>
    )("names what is wrong with %j", (options, option) => {
      const resolved = Turn.resolve(options)
      assert.deepStrictEqual(Result.isFailure(resolved) ? resolved.failure.problems.map(({ option }) => option) : [], [
        option
      ])
    })
  })
})
