/** What a process keeps, once its garbage is collected. */
import process from "node:process"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")

export const collect = runInNewContext("gc") as () => void

/** The heap and what lies outside it (MB). */
export const megabytesKept = (): number => {
  collect()
  const { external, heapUsed } = process.memoryUsage()
  return (external + heapUsed) / 1_000_000
}
