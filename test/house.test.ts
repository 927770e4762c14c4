/** The rules of the house, each held to the source, and shown to catch what breaks it. */
import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { circles, type Module, modules, others, parse } from "./support/source.ts"

/** A noun of the barrel, a layer, or the testing kit: what a program imports. */
const isPublic = ({ path }: { readonly path: string }): boolean =>
  /^(?:Layers\/)?[A-Z]\w*\.ts$|^testing\.ts$/.test(path)

const isNoun = (path: string): boolean => /^[A-Z]\w*\.ts$/.test(path)

/** Every rule tells what breaks it. */
type Rule = (graph: ReadonlyArray<Module>) => ReadonlyArray<string>

const providersByPathAlone: Rule = (graph) =>
  graph.filter(({ path }) => !/^(?:Layers|cli)\//.test(path)).flatMap((
    { imports, path }
  ) => imports.filter(({ from }) => from.startsWith("Layers/")).map(({ from }) => `${path} imports ${from}`))

const oneDoorToLiveKit: Rule = (graph) =>
  graph.filter(({ path }) => !path.startsWith("internal/livekit/")).flatMap(({ imports, path }) =>
    imports.filter(({ from }) => from === "@livekit/rtc-node").map(({ from }) => `${path} imports ${from}`)
  )

const circlesWithinOneNoun: Rule = (graph) =>
  circles(graph, { types: true }).filter((circle) => circle.filter(isNoun).length > 1).map((circle) =>
    `${circle.filter(isNoun).join(", ")} import each other`
  )

const noCirclesOfValues: Rule = (graph) =>
  circles(graph, { types: false }).map((circle) => `${circle.join(", ")} import each other`)

const documented: Rule = (graph) => {
  const byPath = new Map(graph.map((module) => [module.path, module]))
  const docs = (module: Module, name: string): string | undefined => {
    const found = module.exports.find((one) => one.name === name)
    if (found?.from === undefined) return module.docs.get(name)
    const there = byPath.get(found.from.path)
    return there === undefined ? undefined : docs(there, found.from.name)
  }
  const names = (module: Module): ReadonlyArray<string> =>
    module.exports.flatMap(({ from, name, star }) => {
      const there = from === undefined ? undefined : byPath.get(from.path)
      return star && name === "*" && there !== undefined ? names(there) : [name]
    })
  const docsOf = (module: Module, name: string): string | undefined => {
    if (module.exports.some((one) => one.name === name)) return docs(module, name)
    for (const { from, star } of module.exports) {
      const there = star && from !== undefined ? byPath.get(from.path) : undefined
      if (there !== undefined && names(there).includes(name)) return docsOf(there, name)
    }
    return undefined
  }
  return graph.filter(isPublic).flatMap((module) =>
    names(module).flatMap((name) => {
      const text = docsOf(module, name)
      if (text === undefined) return [`${module.path}: ${name} has no docstring`]
      return ["@category", "@since"].filter((tag) => !text.includes(tag)).map((tag) =>
        `${module.path}: ${name} lacks ${tag}`
      )
    })
  )
}

/**
 * A length with a list of what is longer for now: it may shrink and not grow,
 * and leaves the list when it keeps to the length.
 */
const atMost = (
  most: number,
  lengths: (module: Module) => ReadonlyArray<readonly [name: string, lines: number]>,
  listed: Readonly<Record<string, number>> = {}
): Rule =>
(graph) => {
  const longest = new Map<string, number>()
  for (const [name, lines] of graph.flatMap(lengths)) longest.set(name, Math.max(lines, longest.get(name) ?? 0))
  return [
    ...[...longest].filter(([name, lines]) => lines > (listed[name] ?? most)).map(([name, lines]) =>
      `${name} has ${lines} lines, which is more than ${listed[name] ?? most}`
    ),
    ...Object.keys(listed).filter((name) => (longest.get(name) ?? 0) <= most).map((name) =>
      `${name} keeps to ${most} lines: take it from the list`
    )
  ]
}

/** Of what a program imports the docstrings do not count: an example there costs nobody a page of code. */
const linesOf = (module: Module) => {
  const text = isPublic(module) ? module.text.replaceAll(/^ *\/\*\*[^]*?\*\/\n/gm, "") : module.text
  return [[module.path, text.trimEnd().split("\n").length]] as const
}

const functionsOf = ({ functions, path }: Module) =>
  functions.map(({ lines, name }) => [`${path} ${name}`, lines] as const)

/** Files above 400 lines. */
const longFiles: Readonly<Record<string, number>> = {}

/** Functions above 120 lines. */
const longFunctions: Readonly<Record<string, number>> = {}

const noExportForNobody: Rule = (graph) => {
  const taken = new Map<string, Set<string> | "all">()
  for (const { from, names } of graph.flatMap(({ imports }) => imports)) {
    const before = taken.get(from) ?? new Set()
    taken.set(from, names === undefined || before === "all" ? "all" : new Set([...before, ...names]))
  }
  return graph.filter(({ path }) => path.startsWith("internal/")).flatMap(({ exports, path, text }) => {
    const names = taken.get(path) ?? new Set()
    // A type that an exported function tells of itself may be named outside.
    const isTold = (name: string) => text.split(new RegExp(`\\b${name}\\b`)).length > 2
    return exports.filter(({ name, type }) => names !== "all" && !names.has(name) && !(type && isTold(name)))
      .map(({ name }) => `${path}: nobody imports ${name}`)
  })
}

/** What reads the wall clock, by itself or through a helper that does. */
const wallReads = (text: string): number =>
  text.split("\n").filter((line) => !/^\s*(\*|\/\*\*|\/\/)/.test(line)).flatMap((line) =>
    line.match(
      /\b(?:currentTime(?:Millis|Nanos)(?:Unsafe)?|Date\.now|new Date\b|DateTime\.now\w*|Schedule\.(?:fixed|windowed|elapsed|during|cron)|cached(?:Invalidate)?WithTTL|timeToLive:(?! Check\.)|idleTimeToLive)/g
    ) ?? []
  ).length

/** Times that others are shown or that others set: how often a file reads the wall clock, and what for. */
const epochs: Readonly<Record<string, readonly [count: number, why: string]>> = {
  "Layers/FileRecorder.ts": [1, "age of files"],
  "internal/azure/turns.ts": [1, "date of a message"],
  "internal/virtualClock.ts": [10, "virtual time: its wall clock is its monotonic time"],
  "internal/frontend/sessionAnswers.ts": [1, "dates that frontends are told"],
  "internal/frontend/sessionRequests.ts": [1, "dates that frontends are told"],
  "internal/livekitServer/token.ts": [1, "life of a token"],
  "internal/provider/http.ts": [1, "Retry-After may be a date"],
  "internal/recorder/store.ts": [1, "name of a file"],
  "internal/steady.ts": [1, "where a steady clock begins"],
  "internal/tts/fileStore.ts": [2, "age of files"],
  "internal/worker/connection.ts": [1, "date of a ping"],
  "internal/worker/childHandle.ts": [1, "when a span ended"],
  "internal/worker/childLog.ts": [1, "where a span of the log began"]
}

const lengthsByNoWallClock =
  (epochs: Readonly<Record<string, readonly [count: number, why: string]>>): Rule => (graph) =>
    // What the test kit tells is the Clock that a test sets.
    graph.filter(({ path }) => !path.startsWith("testing/")).flatMap(({ path, text }) => {
      const [allowed] = epochs[path] ?? [0]
      const found = wallReads(text)
      return found === allowed ? [] : [`${path} reads the wall clock ${found} times, not ${allowed}`]
    })

/** Tables that are read by names of our own: how often a file does so, and whose names they are. */
const ownNames: Readonly<Record<string, readonly [count: number, why: string]>> = {
  "internal/azure/ssml.ts": [1, "signs that a pattern has found"],
  "internal/config/variable.ts": [2, "variables that a layer reads"],
  "internal/livekit/participants.ts": [1, "its own names"],
  "internal/openai/hostedCalls.ts": [3, "fields that are written there"],
  "internal/openai/learning.ts": [3, "fields that we send"],
  "internal/options/duration.ts": [1, "units of time"],
  "internal/own.ts": [1, "what is there"],
  "internal/provider/socket.ts": [1, "headers that are written there"],
  "internal/telephone/carrier.ts": [1, "signs that a pattern has found"],
  "internal/tools/json.ts": [2, "its own names"],
  "internal/tools/refused.ts": [1, "a path through a schema of the program"],
  "internal/tts/voices.ts": [1, "its own names"],
  "internal/vad/wasm.ts": [1, "functions that we compile"],
  "testing/timeline.ts": [3, "names of what is compared"]
}

/** `table[name]` finds `constructor` and `__proto__` in every table: `own` finds what is in it. */
const noInheritedEntries =
  (ownNames: Readonly<Record<string, readonly [count: number, why: string]>>): Rule => (graph) =>
    graph.flatMap(({ lookups, path }) => {
      const [allowed] = ownNames[path] ?? [0]
      return lookups.length === allowed
        ? []
        : [`${path} reads ${lookups.join(", ")}: use own(table, name), or say whose names they are`]
    })

/** What may be told of a failure is decided there. */
const tellers: ReadonlySet<string> = new Set(["internal/foreign.ts", "internal/worker/failureLog.ts"])

/** What a program has thrown has fields, and may quote what was said: `logOwn` tells its message and its place. */
const noWholeCause: Rule = (graph) =>
  graph.filter(({ path }) => !path.startsWith("testing/") && !tellers.has(path)).flatMap(({ logged, path }) =>
    logged.map((line) => `${path} logs more than a message, use logOwn: ${line.replaceAll(/\s+/g, " ").slice(0, 40)}`)
  )

/** Keys of a list elsewhere: a letter and a number before a colon or in parentheses, or a row. The invariants are in ARCHITECTURE.md. */
const outsideKey = new RegExp(
  [
    /(?:^|[\s"'`(])(?!I(?:\d|1[0-5])\b)[A-Z]\d{1,3}(?:, [A-Z]\d{1,3})*: /,
    /\((?!I(?:\d|1[0-5])\))[A-Z]\d{1,3}(?:, [A-Z]\d{1,3})*\)["'`, ]/,
    /["'`]rows? \d+(?: and \d+)?: |\bcoverage rows? \d/
  ].map(({ source }) => source).join("|")
)

const selfContained: Rule = (graph) =>
  graph.flatMap(({ path, text }) =>
    text.split("\n").filter((line) => outsideKey.test(line)).map((line) =>
      `${path} names a page elsewhere: ${line.trim()}`
    )
  )

/** Whoever opens a file reads first what it is, who owns what, and how it ends. */
const contractFirst: Rule = (graph) =>
  graph.filter(({ path, text }) => /^(?:internal|testing|cli)\//.test(path) && !/^(?:#!.*\n)?\/\*\*/.test(text)).map((
    { path }
  ) => `${path} does not begin with its contract`)

/** A page of the documents, beside the source. */
const page = (path: string, text: string): Module => ({
  path,
  text,
  imports: [],
  exports: [],
  docs: new Map(),
  functions: [],
  lookups: [],
  logged: []
})

const root = fileURLToPath(new URL("..", import.meta.url))
const pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "AGENTS.md", "llms.txt"].concat(
  readdirSync(`${root}docs`).filter((file) => file.endsWith(".md")).map((file) => `docs/${file}`)
).map((file) => page(`../${file}`, readFileSync(`${root}${file}`, "utf8")))

/** What a reader whose first language is another one stumbles over, and what to write. */
const unclear: ReadonlyArray<readonly [words: RegExp, instead: string]> = [
  [/(?<![“"'`\w] ?)\b(?:Who|Whoever|Whom|Whatever)\b(?![^.?!]*\?)/, "a subject: \"To …, …\", \"If a caller …\""],
  [/(?<=[.:;!] |^)What (?![^.?!]*\?)[^.?!]*[^.?!…]\.(?= [A-Z]|$)/, "a subject instead of a clause with \"What\""],
  [/\b(?:do|does|done) without\b/, "\"without\" with a verb that says what happens"],
  [/\bmisses\b/, "\"lacks\", or what happens"],
  [/\b(?:of which|of whom|wherein|whereof|thereof|thereby|lest|whilst)\b/, "two sentences"],
  [/\b(?:anew|to and fro|one's own|of its own accord|save for|but for)\b/, "a common word"],
  [/\bin mid-\w+/, "\"during\", \"in the middle of\""],
  [/\bin the (?:same )?breath\b|\bin the midst\b/, "\"at the same time\", \"when\""],
  [/\b(?:is|are|was|were|be|been) told of\b|\bowe[ds]?\b/, "who gets what"],
  [/\b(?:option|length|name|format|timeout|rate) (?:that )?cannot be[.,;]/, "\"is wrong\""],
  [/\b(?:has|have|had) in mind\b|\bears\b(?! of)|\bmind and voice\b/, "the part's name: recogniser, model, voice"]
]

/** Sentences of a page, of the docstrings that a program's author sees, or of a contract; no code, table or heading. */
const sentencesOf = ({ path, text }: Module): ReadonlyArray<string> => {
  const texts = /\.(?:md|txt)$/.test(path)
    ? [text]
    : isPublic({ path })
    ? [...text.matchAll(/\/\*\*([^]*?)\*\//g)].map(([, doc]) => doc!.replaceAll(/\n *\* ?/g, "\n"))
    : [text.match(/^(?:#!.*\n)?\/\*\*([^]*?)\*\//)?.[1]?.replaceAll(/\n *\* ?/g, "\n") ?? ""]
  return texts.flatMap((one) =>
    one.replaceAll(/^ *```[^]*?^ *```$/gm, "").replaceAll(/^(?:\||#).*$/gm, "").split(/\n\s*\n|\n(?= *(?:- |@|\d+\. ))/)
      // A docstring may begin with a noun: "What the model has said."
      .map((part) => part.replaceAll(/`[^`\n]*`/g, "`…`").replace(/^[\s\-\d.*]+/, "").replaceAll(/\s+/g, " ").trim())
      .map((part) => /\.(?:md|txt)$/.test(path) ? part : part.replace(/^What /, "Which "))
  )
}

const plainEnglish: Rule = (graph) =>
  graph.flatMap((module) =>
    sentencesOf(module).flatMap((sentence) =>
      unclear.flatMap(([words, instead]) => {
        const found = words.exec(sentence)
        if (found === null) return []
        const shown = sentence.slice(found.index, found.index + 60)
        return [`${module.path}: "${shown}" wants ${instead}`]
      })
    )
  )

/** Test files share their process, but those that change it. */
const aloneWhereNeeded: Rule = (graph) =>
  graph.filter(({ path }) => path.endsWith(".test.ts")).flatMap(({ path, text }) => {
    const changes =
      /\bvi\.(?:mock|doMock|hoisted|stub|useFake)|\bprocess\.(?:on|chdir)\(|\bprocess\.env(?:\.\w+|\[[^\]]+\])\s*=[^=]|\bglobalThis(?:\.\w+)+ = /
        .test(text)
    const says = /^\/\/ Alone: \S/m.test(text)
    return changes && !says ? [`${path} changes its process and does not say // Alone`] : []
  })

const rules: ReadonlyArray<{
  readonly name: string
  readonly rule: Rule
  /** Beside the source, whether the rule is for tests, examples and benches, too, or needs them. */
  readonly everywhere?: boolean
  /** Whether the rule is for the pages of the documents, too. */
  readonly written?: boolean
  /** The rule with exceptions that its fixture has; the rule itself otherwise. */
  readonly shown?: Rule
  /** Source that breaks it, and what is told of it. */
  readonly broken: Readonly<Record<string, string>>
  readonly told: ReadonlyArray<string>
}> = [
  {
    name: "the core never imports a layer",
    rule: providersByPathAlone,
    broken: {
      "Pipeline.ts": `import * as SileroVad from "./Layers/SileroVad.ts"`,
      "testing/property.ts": `import * as SileroVad from "../Layers/SileroVad.ts"`,
      "Layers/SileroVad.ts": ""
    },
    told: ["Pipeline.ts imports Layers/SileroVad.ts", "testing/property.ts imports Layers/SileroVad.ts"]
  },
  {
    name: "one folder alone touches rtc-node",
    rule: oneDoorToLiveKit,
    broken: { "internal/worker/open.ts": `const rtc = await import("@livekit/rtc-node")` },
    told: ["internal/worker/open.ts imports @livekit/rtc-node"]
  },
  {
    name: "no circle of imports, types included, spans two public nouns",
    rule: circlesWithinOneNoun,
    broken: {
      "Room.ts": `import type { Session } from "./internal/session.ts"`,
      "internal/session.ts": `export type { Session } from "../Session.ts"`,
      "Session.ts": `import { Room } from "./Room.ts"\nexport type Session = Room`
    },
    told: ["Room.ts, Session.ts import each other"]
  },
  {
    name: "no two modules import values of each other",
    rule: noCirclesOfValues,
    broken: {
      "internal/a.ts": `import { b } from "./b.ts"\nexport const a = () => b`,
      "internal/b.ts": `import { a } from "./a.ts"\nexport const b = () => a`
    },
    told: ["internal/a.ts, internal/b.ts import each other"]
  },
  {
    name: "everything public has a docstring with a category and a version, re-exports too",
    rule: documented,
    broken: {
      "Vad.ts":
        `/** Whole. @category models @since 0.1.0 */\nexport const whole = 1\nexport const bare = 1\nexport { inner as outer } from "./internal/vad/inner.ts"`,
      "internal/vad/inner.ts": `/** No category. @since 0.1.0 */\nexport const inner = 1`
    },
    told: ["Vad.ts: bare has no docstring", "Vad.ts: outer lacks @category"]
  },
  {
    name: "no file is longer than 400 lines, but those that are listed",
    rule: atMost(400, linesOf, longFiles),
    shown: atMost(400, linesOf, { "Long.ts": 401, "Grown.ts": 410, "Short.ts": 500 }),
    broken: {
      "Told.ts": `/**\n${" * Told.\n".repeat(400)} */\nexport {}`,
      "Long.ts": "\n".repeat(400) + "export {}",
      "Grown.ts": "\n".repeat(410) + "export {}",
      "Unlisted.ts": "\n".repeat(400) + "export {}",
      "Short.ts": "export {}"
    },
    told: [
      "Grown.ts has 411 lines, which is more than 410",
      "Unlisted.ts has 401 lines, which is more than 400",
      "Short.ts keeps to 400 lines: take it from the list"
    ]
  },
  {
    name: "no function is longer than 120 lines, but those that are listed",
    rule: atMost(120, functionsOf, longFunctions),
    shown: atMost(120, functionsOf),
    broken: {
      "internal/long.ts": `export const long = () => {${"\n".repeat(120)}}\nexport const short = () => {${
        "\n".repeat(119)
      }}`
    },
    told: ["internal/long.ts long has 121 lines, which is more than 120"]
  },
  {
    name: "nothing is exported from an inner module that nobody imports",
    rule: noExportForNobody,
    everywhere: true,
    broken: {
      "internal/a.ts":
        "export const used = 1\nexport const unused = 2\nexport const tested = 3\nexport type Dead = 1\n" +
        "export interface Told {}\nexport const told = (): Told => ({})",
      "internal/b.ts": `import * as A from "./a.ts"\nconsole.log(A.used, A.told)`,
      "internal/c.ts": "export const whole = 1",
      "internal/d.ts": `import * as C from "./c.ts"\nconsole.log(C)`,
      "../test/a.test.ts": `import { tested } from "../src/internal/a.ts"`
    },
    told: ["internal/a.ts: nobody imports unused", "internal/a.ts: nobody imports Dead"]
  },
  {
    name: "lengths of time are measured by no wall clock",
    rule: lengthsByNoWallClock(epochs),
    shown: lengthsByNoWallClock({ "internal/dates.ts": [1, "a date"], "internal/ages.ts": [1, "an age"] }),
    broken: Object.fromEntries([
      "const sentAt = yield* Clock.currentTimeMillis",
      "const now = () => clock.currentTimeMillisUnsafe()",
      "const nanos = clock.currentTimeNanosUnsafe()",
      "const at = Date.now()",
      "const at = new Date()",
      "const at = yield* DateTime.now",
      "Effect.repeat(collect, Schedule.fixed(\"20 millis\"))",
      "Effect.cachedWithTTL(token, \"1 hour\")",
      "Cache.make({ capacity: 1, timeToLive: \"1 hour\", lookup })",
      "// currentTimeMillis\nconst at = yield* monotonic"
    ].map((text, index) => [`internal/${index}.ts`, text])),
    told: Array.from({ length: 9 }, (_, index) => `internal/${index}.ts reads the wall clock 1 times, not 0`)
  },
  {
    name: "no table is read by a name from outside but through `own`",
    rule: noInheritedEntries(ownNames),
    shown: noInheritedEntries({ "internal/known.ts": [1, "its own names"] }),
    broken: {
      "internal/a.ts":
        "const longest: Readonly<Record<string, number>> = {}\nexport const of = (topic: string) => longest[topic] ?? 1",
      "internal/b.ts": "type All = Record<string, number>\nexport const has = (all: All, name: string) => name in all",
      "internal/c.ts":
        "interface Options {\n  readonly pages: Record<string, string>\n}\nexport const at = (options: Options, path: string) => options.pages[path]",
      "internal/d.ts": "export const of = (book: object, tag: string) => (book as Record<string, number>)?.[tag]",
      "internal/known.ts": "const t: Record<string, number> = {}\nfor (const name of Object.keys(t)) t[name] = 1",
      "internal/e.ts":
        "import { own } from \"./own.ts\"\nconst t: Record<string, number> = {}\nexport const of = (name: string) => own(t, name) ?? t[\"other\"]"
    },
    told: [
      "internal/a.ts reads longest[topic]",
      "internal/b.ts reads name in all",
      "internal/c.ts reads options.pages[path]",
      "internal/d.ts reads (book as Record<string, number>)?.[tag]"
    ].map((text) => `${text}: use own(table, name), or say whose names they are`)
  },
  {
    name: "no failure of others is logged as it is",
    rule: noWholeCause,
    broken: {
      "internal/a.ts": "Effect.logError(`Tool ${call.name} ${what}`, cause)",
      "internal/b.ts": "Effect.logWarning(\"it broke\", ...(exit._tag === \"Failure\" ? [exit.cause] : []))",
      "internal/c.ts": "Effect.tapCause(work, Effect.logError)",
      "internal/d.ts": "Effect.tapError(work, (error) => Effect.logInfo(error))",
      "internal/e.ts":
        "logOwn(\"it broke\", cause, Effect.logWarning)\nEffect.logDebug(\"all of it\", cause)\nEffect.logWarning(`it broke: ${error.message}`)"
    },
    told: [
      ["a", "Effect.logError(`Tool ${call.name} ${wha"],
      ["b", "Effect.logWarning(\"it broke\", ...(exit._"],
      ["c", "Effect.tapCause(work, Effect.logError)"],
      ["d", "Effect.logInfo(error)"]
    ].map(([name, line]) => `internal/${name}.ts logs more than a message, use logOwn: ${line}`)
  },
  {
    name: "each internal file begins with its contract",
    rule: contractFirst,
    broken: {
      "internal/told.ts": `/** One sound. */\nimport { beep } from "./beep.ts"\n`,
      "internal/beep.ts": `/** Beeps. */\nexport const beep = 1\n`,
      "internal/bare.ts": `import { beep } from "./beep.ts"\n`,
      "cli/main.ts": `#!/usr/bin/env node\n/** Beeps. */\nconsole.log(1)\n`,
      "cli/bare.ts": `#!/usr/bin/env node\nconsole.log(1)\n`
    },
    told: [
      "internal/bare.ts does not begin with its contract",
      "cli/bare.ts does not begin with its contract"
    ]
  },
  {
    name: "pages and hovers are in plain English, as far as a program can tell",
    rule: plainEnglish,
    written: true,
    broken: {
      "Room.ts": [
        "/** What the room gives. Who is interrupted leaves at once. */",
        "/** Fails when an option cannot be. A part that is late is done without. */",
        "/** Who is it? A room with `Who` in it. */"
      ].join("\n"),
      "internal/room.ts": "/** Rooms. */\n/** Who reads this knows the words. */",
      "internal/line.ts": "/** A line. Whoever feeds it asks. */",
      "../docs/page.md":
        "# What is it?\n\nWhat a call has in mind is kept.\n\nA list, of which one misses.\n\n```ts\n// Who knows.\n```"
    },
    told: [
      "Room.ts: \"Who is interrupted leaves at once.\" wants a subject: \"To …, …\", \"If a caller …\"",
      "Room.ts: \"done without.\" wants \"without\" with a verb that says what happens",
      "Room.ts: \"option cannot be. A part that is late is done without.\" wants \"is wrong\"",
      "internal/line.ts: \"Whoever feeds it asks.\" wants a subject: \"To …, …\", \"If a caller …\"",
      "../docs/page.md: \"What a call has in mind is kept.\" wants a subject instead of a clause with \"What\"",
      "../docs/page.md: \"has in mind is kept.\" wants the part's name: recogniser, model, voice",
      "../docs/page.md: \"misses.\" wants \"lacks\", or what happens",
      "../docs/page.md: \"of which one misses.\" wants two sentences"
    ]
  },
  {
    name: "a test file that changes its process has one to itself",
    rule: aloneWhereNeeded,
    everywhere: true,
    broken: Object.fromEntries([
      `${"vi"}.mock("ws", () => ({}))`,
      `process.${"on"}("exit", listener)`,
      `process.${"env"}["PORT"] = "1"`,
      `process.${"env"}.PORT = "1"`,
      `${"globalThis"}.fetch = mine`,
      `// ${"Alone"}: changes the environment\nprocess.${"env"}["PORT"] = "1"`,
      `if (process.${"env"}["PORT"] === "1") stop()`
    ].map((text, index) => [`../test/${index}.test.ts`, text])),
    told: Array.from(
      { length: 5 },
      (_, index) => `../test/${index}.test.ts changes its process and does not say // Alone`
    )
  },
  {
    name: "no name in it stands on a page outside the repository",
    rule: selfContained,
    everywhere: true,
    broken: {
      "../test/a.test.ts": [
        `it("${"B"}12: a turn", () => {})`,
        `it("I4: an invariant of ours", () => {})`,
        `describe("the end (${"T"}7)", () => {})`,
        `it("${"row"} 3: a span", () => {})`
      ].join("\n")
    },
    told: [
      `../test/a.test.ts names a page elsewhere: it("${"B"}12: a turn", () => {})`,
      `../test/a.test.ts names a page elsewhere: describe("the end (${"T"}7)", () => {})`,
      `../test/a.test.ts names a page elsewhere: it("${"row"} 3: a span", () => {})`
    ]
  }
]

describe("the house", () => {
  for (const { broken, everywhere = false, name, rule, shown = rule, told, written = false } of rules) {
    it(`keeps its rule: ${name}`, () => {
      assert.deepStrictEqual(rule([...modules(), ...(everywhere ? others() : []), ...(written ? pages : [])]), [])
    })

    it(`sees when its rule is broken: ${name}`, () => {
      const graph = Object.entries(broken).map(([path, text]) =>
        path.endsWith(".md") ? page(path, text) : parse(path, text)
      )
      assert.deepStrictEqual(shown(graph), told)
    })
  }
})
