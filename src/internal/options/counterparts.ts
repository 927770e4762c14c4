/**
 * What programs that come from another library write, and what to write here: by the option that has the name there. Said
 * where such a name is refused; `docs/coming-from.md` is the same for readers. Pure.
 */
import type { Instead } from "../options.ts"

const meant = (names: Readonly<Record<string, string>>): Instead =>
  Object.fromEntries(Object.entries(names).map(([there, here]) => [there, `${here} may be meant`]))

const turns = {
  allowInterruptions: "interruption.enabled",
  falseInterruptionTimeout: "interruption.falseInterruptionTimeout",
  maxEndpointingDelay: "endpointing.maxDelay",
  minEndpointingDelay: "endpointing.minDelay",
  minInterruptionDuration: "interruption.minDuration",
  minInterruptionWords: "interruption.minWords",
  preemptiveGeneration: "preemption",
  turnDetection: "detection",
  userAwayTimeout: "awayAfter"
}
const detector = meant({ turnDetector: "the layer SmartTurnDetector" })

/** Within `turn` itself. */
export const ofTurn: Instead = { ...meant(turns), ...detector }

const ofTurns = {
  ...meant(Object.fromEntries(Object.entries(turns).map(([there, here]) => [there, `turn.${here}`]))),
  ...meant({ turnHandling: "turn" }),
  ...detector
}

const userData = "what belongs to one call is a CallState, which CallState.make gives"
const servers = "write tools: [Tools.discovered({ … })] of Agent.make"

export const ofAgents: Instead = {
  ...ofTurns,
  ...meant({
    chatCtx: "history",
    chatContext: "history",
    functions: "tools",
    messages: "history",
    onUserTurnCompleted: "onUserTurn",
    prompt: "instructions",
    system: "instructions",
    systemPrompt: "instructions"
  }),
  firstMessage: "write onEnter: async (session) => session.say(…)",
  greeting: "write onEnter: async (session) => session.say(…)",
  handoffs: "a tool hands the call over with session.handoff(agent)",
  mcpServers: servers,
  userData
}

const isOfAgents = "it is an option of Agent.make"
const isLayer = "a provider is a layer, or an option of Agent.make"

export const ofPipelines: Instead = {
  ...ofTurns,
  ...meant({ connOptions: "resilience", maxSteps: "maxToolSteps", noiseCancellation: "processors" }),
  ...meant({ ttsTextTransforms: "transforms" }),
  agent: "it is the first argument: write Pipeline.run(agent, options)",
  history: isOfAgents,
  instructions: isOfAgents,
  language: isOfAgents,
  llm: isLayer,
  mcpServers: servers,
  name: isOfAgents,
  onEnter: isOfAgents,
  onExit: isOfAgents,
  onUserTurn: isOfAgents,
  tools: isOfAgents,
  tts: isLayer,
  userData,
  voice: isOfAgents
}

export const ofSpeeches: Instead = {
  ...meant({ addToChatCtx: "record", allowInterruptions: "protected, which is its opposite," }),
  userInput: "write session.send(text)"
}

export const ofWorkers: Instead = {
  ...meant({ entrypoint: "entry", entrypointFnc: "entry", name: "agentName", requestFunc: "accept" }),
  agent: "write entry: () => Pipeline.run(agent)"
}

export const ofTools: Instead = meant({
  args: "parameters",
  callback: "run",
  execute: "run",
  func: "run",
  handler: "run",
  inputSchema: "parameters",
  params: "parameters",
  schema: "parameters"
})
