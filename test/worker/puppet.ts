/** Processes of a pool that are none: each says what it is told to say, and dies when it is told to. */
import { EventEmitter } from "node:events"

export type Message = { readonly _tag: string; readonly [name: string]: unknown }

export const state: Message = {
  _tag: "State",
  cpu: 0,
  memoryBytes: 0,
  eventLoopDelayMs: 0,
  filesShare: 0,
  heapShare: 0,
  running: []
}

export class Puppet extends EventEmitter {
  readonly pid = 1
  readonly asked: Array<Message> = []
  alive = true
  answers = true

  get connected(): boolean {
    return this.alive
  }

  /** What it was asked, by name. */
  get tags(): ReadonlyArray<string> {
    return this.asked.map(({ _tag }) => _tag)
  }

  send(message: Message): boolean {
    this.asked.push(message)
    if (message._tag === "Exit") this.kill("SIGKILL")
    else if (message._tag === "Ping" && this.answers) this.say(state)
    return true
  }

  say(...messages: ReadonlyArray<unknown>): void {
    for (const message of messages) if (this.alive) this.emit("message", message)
  }

  has(tag: string): boolean {
    return this.tags.includes(tag)
  }

  kill(signal: string): void {
    if (!this.alive) return
    this.alive = false
    this.emit("exit", null, signal)
  }
}

export const puppets: Array<Puppet> = []

/** In the place of `fork` of `node:child_process`. */
export const fork = (): Puppet => {
  const puppet = new Puppet()
  puppets.push(puppet)
  setImmediate(() => puppet.emit("message", { _tag: "Ready" }))
  return puppet
}
