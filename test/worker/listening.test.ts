import { assert, describe, it } from "@effect/vitest"
import { ListenFailed } from "../../src/internal/worker/errors.ts"
import { agentUrl } from "../../src/internal/worker/options.ts"

describe("where a worker cannot listen", () => {
  it.each(
    [
      ["ENOTFOUND", "http.port", "http.host (--host of the command), or METRICS_HOST"],
      ["EADDRNOTAVAIL", "http.metricsPort", "METRICS_HOST"],
      ["EADDRNOTAVAIL", "port", "the option host"],
      [
        "EACCES",
        "http.port",
        "port 80 is not for this user (EACCES): choose another with the option http.port"
      ],
      [
        "EADDRINUSE",
        "http.metricsPort",
        "port 80 is in use: choose another with the option http.metricsPort (false: none), or with METRICS_PORT"
      ],
      ["EADDRINUSE", "port", "port 80 is in use: choose another with the option port"]
    ] as const
  )("says what to change: %s, %s", (code, option, says) => {
    assert.include(new ListenFailed({ port: 80, code, option }).message, says)
  })
})

describe("the address of a server", () => {
  it("is where workers register, whatever stands behind it", () => {
    assert.strictEqual(agentUrl("https://desk.test/#page"), "wss://desk.test/agent")
    assert.strictEqual(agentUrl("ws://desk.test:7880/path/?a=b"), "ws://desk.test:7880/path/agent?a=b")
  })
})
