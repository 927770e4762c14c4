/**
 * Reads a file that a program names. A pipe or a device would hold a thread of
 * the process for ever, or never end: only a regular file is read, up to a size.
 */
import * as fs from "node:fs/promises"

/** Largest file that is read as a whole (bytes). */
const largest = 512 * 1024 * 1024

const unread = (code: string) => Object.assign(new Error(code), { code })

/** The bytes of a file; rejects with an error whose `code` says why not. */
export const readPlainFile = async (path: string | URL): Promise<Buffer> => {
  // A pipe that nobody writes to is opened all the same.
  const handle = await fs.open(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) throw unread("it is no regular file")
    if (stat.size > largest) throw unread(`it has more than ${largest} bytes`)
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}
