/**
 * Reads a file that a program names. A pipe or a device would hold a thread of
 * the process for ever, or never end: only a regular file is read, up to a size.
 */
import * as fs from "node:fs/promises"

/** Largest file that is read as a whole (bytes). */
const largest = 512 * 1024 * 1024

const unread = (code: string) => Object.assign(new Error(code), { code })

/** Opens a file to be read; rejects with an error whose `code` says why not. */
export const openPlainFile = async (path: string | URL): Promise<fs.FileHandle> => {
  // A pipe that nobody writes to is opened all the same.
  const handle = await fs.open(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  try {
    const about = await handle.stat()
    if (about.isFile()) return handle
    throw unread(about.isDirectory() ? "EISDIR" : "it is no regular file")
  } catch (cause) {
    await handle.close()
    throw cause
  }
}

/** The bytes of a file; rejects in the same way. */
export const readPlainFile = async (path: string | URL): Promise<Buffer> => {
  const handle = await openPlainFile(path)
  try {
    if ((await handle.stat()).size > largest) throw unread(`it has more than ${largest} bytes`)
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}
