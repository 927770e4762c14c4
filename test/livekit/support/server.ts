/** The server that a run of the suite shares. */
import { env, stderr } from "node:process"
import type { TestProject } from "vitest/node"
import { findServer, launch } from "./launch.ts"

export interface Address {
  readonly url: string
  readonly key: string
  readonly secret: string
}

declare module "vitest" {
  interface ProvidedContext {
    readonly livekit: Address | undefined
  }
}

export default async function(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const { LIVEKIT_API_KEY: key, LIVEKIT_API_SECRET: secret, LIVEKIT_URL: url } = env
  if (url !== undefined && url !== "") {
    if (key === undefined || secret === undefined) {
      throw new Error("LIVEKIT_URL is set: set LIVEKIT_API_KEY and LIVEKIT_API_SECRET, too")
    }
    project.provide("livekit", { url, key, secret })
    return undefined
  }
  if (findServer() === undefined) {
    stderr.write(
      "No LiveKit server: all of its tests are skipped. Set LIVEKIT_URL, put livekit-server on the PATH, or run\n" +
        "  go install github.com/livekit/livekit-server/cmd/server@v1.13.5\n"
    )
    project.provide("livekit", undefined)
    return undefined
  }
  const server = await launch()
  project.provide("livekit", { url: server.url, key: server.key, secret: server.secret })
  return server.stop
}
