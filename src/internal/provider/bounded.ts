/**
 * A `fetch` for packages that read the answers themselves: they cannot fill the
 * memory, and a reader that leaves before the very end does not cost the
 * connection. Aborting the request closes it, as ever.
 */

/** Largest answer in bytes. */
const maxBytes = 64 * 1024 * 1024

/** Longest line in bytes of an answer that comes event by event: it is put together again with each piece. */
const maxLine = 1024 * 1024

/** Code of the failure of an answer that is larger. */
export const tooLarge = "ANSWER_TOO_LARGE"

/** What is read and thrown away of an answer that nobody reads any more (bytes). */
const leftover = 64 * 1024

type Reader = ReadableStreamDefaultReader<Uint8Array>

// The end of an answer comes after the last that is of interest; only a connection that has seen it can be used again.
const drain = async (reader: Reader): Promise<void> => {
  try {
    for (let left = leftover; left > 0;) {
      const { done, value } = await reader.read()
      if (done) return
      left -= value.length
    }
    await reader.cancel()
  } catch {
    // It was aborted, or lost: nobody reads it.
  }
}

const newline = 10

const counted = (reader: Reader, limit: number, lineLimit: number): ReadableStream<Uint8Array> => {
  let total = 0
  let line = 0
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await reader.read()
      if (done) return controller.close()
      total += value.length
      const last = value.lastIndexOf(newline)
      line = last === -1 ? line + value.length : value.length - last - 1
      if (total <= limit && line <= lineLimit) return controller.enqueue(value)
      controller.error({ code: tooLarge })
      await reader.cancel()
    },
    cancel: () => void drain(reader)
  }, { highWaterMark: 0 })
}

/** The same `fetch`, whose answers fail where they, or a line of events, are too large. */
export const bounded =
  (fetch: typeof globalThis.fetch, limit: number = maxBytes): typeof globalThis.fetch => async (input, init) => {
    const response = await fetch(input, init)
    if (response.body === null) return response
    const isEvents = response.headers.get("content-type")?.startsWith("text/event-stream") === true
    return new Response(counted(response.body.getReader(), limit, isEvents ? maxLine : Infinity), {
      status: response.status,
      statusText: response.statusText,
      headers: new Headers([...response.headers])
    })
  }
