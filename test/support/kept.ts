/** What a process keeps, once its garbage is collected. */
import process from "node:process"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")

export const collect = runInNewContext("gc") as (options?: { readonly type: "minor" }) => void

const megabytesUsed = (): number => {
  const { external, heapUsed } = process.memoryUsage()
  return (external + heapUsed) / 1_000_000
}

/** The heap and what lies outside it (MB). */
export const megabytesKept = (): number => {
  collect()
  return megabytesUsed()
}

/** Whether it keeps less than so many megabytes. Garbage counts, too, until it makes a difference: to collect all takes a tenth of a second. */
export const keepsLessThan = (megabytes: number): boolean => {
  if (megabytesUsed() < megabytes) return true
  collect({ type: "minor" })
  return megabytesUsed() < megabytes || megabytesKept() < megabytes
}
