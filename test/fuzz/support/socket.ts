/** A WebSocket without a network: what a server says is handed over as soon as it was spoken to. */
import { EventEmitter } from "node:events"

/** What the server says, and how it closes. */
export interface Script {
  readonly messages: ReadonlyArray<string | Uint8Array>
  readonly close: { readonly code: number; readonly words: string }
}

/** The script of the next connection. */
export const world: { script: Script } = { script: { messages: [], close: { code: 1000, words: "" } } }

class WebSocket extends EventEmitter {
  readonly OPEN = 1
  readyState = 0
  bufferedAmount = 0
  isPaused = false
  #left = [...world.script.messages]
  #activity = 0

  constructor() {
    super()
    const { close } = world.script
    queueMicrotask(() => {
      this.readyState = 1
      this.emit("open")
    })
    const end = (seen: number) => {
      if (this.readyState === 3) return
      if (seen !== this.#activity) return void setImmediate(end, this.#activity)
      for (const message of this.#left.splice(0)) this.#say(message)
      this.#closed(close.code, close.words)
    }
    this.#end = end
  }

  readonly #end: (seen: number) => void

  #say(message: string | Uint8Array) {
    if (this.readyState === 1) this.emit("message", Buffer.from(message), typeof message !== "string")
  }

  #closed(code: number, words: string) {
    if (this.readyState === 3) return
    this.readyState = 3
    this.emit("close", code, Buffer.from(words))
  }

  send(_: unknown, done?: () => void) {
    if (this.#activity++ === 0) setImmediate(this.#end, -1)
    const next = this.#left.shift()
    if (next !== undefined) queueMicrotask(() => this.#say(next))
    done?.()
  }

  pause() {
    this.isPaused = true
  }

  resume() {
    this.isPaused = false
  }

  close(code = 1000) {
    queueMicrotask(() => this.#closed(code, ""))
  }

  terminate() {
    this.#closed(1006, "")
  }
}

/** What stands in for the package `ws`. */
export const ws = { WebSocket }
