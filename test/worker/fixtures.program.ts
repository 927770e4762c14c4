/** A whole program: the definition of `fixtures.desk.ts` at the server that it is told of, in so many processes. */
import * as Redacted from "effect/Redacted"
import { argv } from "node:process"
import * as Worker from "../../src/Worker.ts"
import desk from "./fixtures.desk.ts"

Worker.main(desk, {
  url: argv[2],
  apiKey: Redacted.make("devkey"),
  apiSecret: Redacted.make("secret-at-least-thirty-two-characters"),
  http: false,
  load: () => 0.1,
  retries: 1,
  retryDelay: 10,
  ...(argv[3] === undefined
    ? {}
    : { pool: { module: new URL("./fixtures.desk.ts", import.meta.url).href, processes: Number(argv[3]) } })
})
