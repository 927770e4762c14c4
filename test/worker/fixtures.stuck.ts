/** A definition whose process stands still when it imports this. */
import { isMainThread } from "node:worker_threads"

if (isMainThread && process.argv[2] === import.meta.url) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)

export { default } from "./fixtures.desk.ts"
