/** A `fetch` whose answers cannot fill the memory, for packages that read them themselves. */

/** Largest answer in bytes. */
export const maxBytes = 64 * 1024 * 1024

/** Code of the failure of an answer that is larger. */
export const tooLarge = "ANSWER_TOO_LARGE"

const counted = (limit: number): TransformStream<Uint8Array, Uint8Array> => {
  let total = 0
  return new TransformStream({
    transform: (piece, controller) => {
      total += piece.length
      if (total > limit) controller.error({ code: tooLarge })
      else controller.enqueue(piece)
    }
  })
}

/** The same `fetch`, whose answers fail where they are larger than `limit` bytes. */
export const bounded =
  (fetch: typeof globalThis.fetch, limit: number = maxBytes): typeof globalThis.fetch => async (input, init) => {
    const response = await fetch(input, init)
    if (response.body === null) return response
    return new Response(response.body.pipeThrough(counted(limit)), {
      status: response.status,
      statusText: response.statusText,
      headers: new Headers([...response.headers])
    })
  }
