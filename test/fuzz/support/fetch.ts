/** A `fetch` without a network, as the package `undici` has it. */

/** The answer to the next request. */
export interface Answer {
  readonly status: number
  readonly type: string
  readonly pieces: ReadonlyArray<Uint8Array>
  /** Whether the connection is lost after the pieces. */
  readonly lost: boolean
}

export const world: { answer: Answer } = { answer: { status: 200, type: "text/plain", pieces: [], lost: false } }

const lost = () => new TypeError("terminated", { cause: { code: "UND_ERR_SOCKET" } })

const fetch = (): Promise<Response> => {
  const { answer } = world
  if (answer.lost && answer.pieces.length === 0) return Promise.reject(lost())
  const left = [...answer.pieces]
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const next = left.shift()
      if (next !== undefined) controller.enqueue(Uint8Array.from(next))
      else if (answer.lost) controller.error(lost())
      else controller.close()
    }
  })
  return Promise.resolve(new Response(body, { status: answer.status, headers: { "content-type": answer.type } }))
}

/** What stands in for the package `undici`; its pool of connections has nothing to do. */
export const undici = { Agent: EventTarget, FormData, fetch }
