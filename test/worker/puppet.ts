/** Processes of a pool that are none: each says what it is told to say, and dies when it is told to. */
import { EventEmitter } from "node:events"
import { Duplex } from "node:stream"

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
  readonly stdio: ReadonlyArray<Duplex | null>
  readonly #channel: Duplex
  alive = true
  answers = true
  leaves = true

  constructor() {
    super()
    let unread = ""
    this.#channel = new Duplex({
      read: () => undefined,
      write: (piece, _encoding, done) => {
        unread += String(piece)
        const lines = unread.split("\n")
        unread = lines.pop() ?? ""
        for (const line of lines) this.#hear(JSON.parse(line))
        done()
      }
    })
    this.stdio = [null, null, null, this.#channel]
  }

  /** What it was asked, by name. */
  get tags(): ReadonlyArray<string> {
    return this.asked.map(({ _tag }) => _tag)
  }

  #hear(message: Message): void {
    this.asked.push(message)
    if (message._tag === "Exit" && this.leaves) this.kill("SIGKILL")
    else if (message._tag === "Ping" && this.answers) this.say(state)
  }

  say(...messages: ReadonlyArray<unknown>): void {
    for (const message of messages) this.write(`${JSON.stringify(message)}\n`)
  }

  /** To its channel, as it is. */
  write(text: string): void {
    if (this.alive) this.#channel.push(text)
  }

  /** Closes its channel, and lives on. */
  hush(): void {
    this.#channel.push(null)
  }

  /** What it has written that nobody has read. */
  get unread(): number {
    return this.#channel.readableLength
  }

  has(tag: string): boolean {
    return this.tags.includes(tag)
  }

  kill(signal: string): void {
    if (!this.alive) return
    this.alive = false
    this.#channel.push(null)
    this.#channel.end()
    this.emit("exit", null, signal)
  }
}

export const puppets: Array<Puppet> = []

/** What the next ones do when they are started. */
export const birth: { of: (puppet: Puppet) => void } = {
  of: (puppet) => void setImmediate(() => puppet.say({ _tag: "Ready" }))
}

/** In the place of `spawn` of `node:child_process`. */
export const spawn = (): Puppet => {
  const puppet = new Puppet()
  puppets.push(puppet)
  birth.of(puppet)
  return puppet
}
