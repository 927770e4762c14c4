/**
 * What one side of a pool's channel hears of the other: a message is a line. A side that says too much
 * has to wait: so many messages and characters are read within a moment, and then it is everybody else's
 * turn. The rest stays where it was written. A line that is too long is not kept, and told of.
 */
/** Characters of one message. */
export const longestMessage = 2_097_152

/** Messages, and characters, that are read within one moment. */
const mostInMoment = 256
const mostCharactersInMoment = 1_048_576
const momentMs = 20

/** The readable side of a channel. */
interface Source {
  readonly setEncoding: (encoding: "utf8") => unknown
  readonly pause: () => unknown
  readonly resume: () => unknown
  readonly on: (event: "data" | "close" | "error", listener: (data: string) => void) => unknown
}

export interface Heard {
  /** Does something after so many milliseconds. */
  readonly later: (ms: number, act: () => void) => void
  readonly onLine: (line: string) => void
  /** A message is too long, or so much longer again: it is lost. */
  readonly onTooLong: () => void
  /** Messages wait for a moment. */
  readonly onHeld: () => void
  /** All that was said has been told, and nothing will come any more. */
  readonly onEnd: () => void
}

export const listen = (source: Source, { later, onEnd, onHeld, onLine, onTooLong }: Heard): void => {
  /** Of the line that is not complete. */
  let pieces: Array<string> = []
  let length = 0
  let isTooLong = false
  /** Complete, and not told yet. */
  let lines: ReadonlyArray<string> = []
  let next = 0
  let isMoment = false
  let said = 0
  let characters = 0
  let isHeld = false
  let isOver = false
  let isToldOver = false

  const isSpent = (): boolean => said >= mostInMoment || characters >= mostCharactersInMoment

  const count = (messages: number, length: number): void => {
    if (!isMoment) later(momentMs, begin)
    isMoment = true
    said += messages
    characters += length
  }

  const told = (): void => {
    while (next < lines.length && !isSpent()) {
      const line = lines[next++]!
      count(1, 0)
      onLine(line)
    }
    if (isSpent() && !isHeld) {
      isHeld = true
      source.pause()
      onHeld()
    }
    if (next < lines.length) return
    lines = []
    next = 0
    if (!isOver || isToldOver) return
    isToldOver = true
    onEnd()
  }

  const begin = (): void => {
    isMoment = false
    said = 0
    characters = 0
    isHeld = false
    told()
    if (!isHeld) source.resume()
  }

  const add = (piece: string): void => {
    length += piece.length
    if (length <= longestMessage) {
      if (!isTooLong) pieces.push(piece)
      return
    }
    // One that has no end is told of again and again.
    isTooLong = true
    pieces = []
    length -= longestMessage
    onTooLong()
  }

  const complete = (): string | undefined => {
    const line = isTooLong ? undefined : pieces.join("")
    pieces = []
    length = 0
    isTooLong = false
    return line
  }

  source.setEncoding("utf8")
  source.on("data", (text) => {
    count(0, text.length)
    const parts = text.split("\n")
    const fresh: Array<string> = []
    for (const [i, part] of parts.entries()) {
      add(part)
      if (i === parts.length - 1) break
      const line = complete()
      if (line !== undefined && line !== "") fresh.push(line)
    }
    lines = next < lines.length ? [...lines.slice(next), ...fresh] : fresh
    next = 0
    told()
  })
  source.on("error", () => undefined)
  source.on("close", () => {
    if (isOver) return
    isOver = true
    if (next >= lines.length) told()
  })
}
