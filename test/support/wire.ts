/** Whether each option of a layer is on the wire: one that is dropped changes nothing of what a server gets. */
import { assert, describe, it } from "@effect/vitest"
import { Config, Effect, Layer, type Scope } from "effect"
import * as provider from "./provider.ts"

/** Header fields that are no part of what is asked. */
const passing = /^(?:host|connection|content-length|sec-websocket-|x-stainless-|x-connectionid|accept|user-agent)/

const shown = (url: URL, headers: object, body: string): string =>
  JSON.stringify({
    url: url.pathname + url.search,
    headers: Object.entries(headers).filter(([name]) => !passing.test(name)).toSorted(),
    body
  })
    .replaceAll(/-{4,}formdata-[\w-]+|-{4,}\d{5,}/g, "boundary")
    .replaceAll(/(?<=X-RequestId: |X-Timestamp: )\S+?(?=\\)/g, "")
    .replaceAll(/(?<=context_id\\":\\")\w+/g, "")

export type Ask<Options> = (url: string, options: Options) => Effect.Effect<unknown, unknown, Scope.Scope>

/** What a server of WebSockets gets with the first two messages. */
export const overWebSocket = <Options>(
  ask: Ask<Options>,
  options: Options
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function*() {
    const server = yield* provider.webSocket({
      onMessage: (_, peer) => {
        if (peer.received.length === 2) peer.socket.close(1011)
      }
    })
    yield* Effect.exit(Effect.scoped(ask(server.url, options)))
    const { headers, received, url } = yield* server.next
    return shown(url, headers, received.slice(0, 2).map(String).join("\n"))
  })

/** What a server of HTTP gets first. */
export const overHttp = <Options>(ask: Ask<Options>, options: Options): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function*() {
    const server = yield* provider.http((_, response) => void response.writeHead(500).end())
    yield* Effect.exit(Effect.scoped(ask(server.url, options)))
    const { body, headers, method, url } = yield* server.next
    return method + shown(url, headers, body.toString("latin1"))
  })

/** Another value than the default, with what else it takes to be of use; `null` for what stays in the process. */
export type Table<Options, Own extends keyof Options> = {
  readonly [Name in Exclude<keyof Options, Own>]-?:
    | { readonly value: NonNullable<Options[Name]>; readonly with?: Partial<Options> }
    | null
}

/** A layer, and the options that it needs with a server. */
export interface Asking<Options, Service, E> {
  readonly base: (url: string) => Partial<Options>
  readonly layer: (options: Options) => Layer.Layer<Service, E>
  readonly layerConfig: (options: Config.Wrap<Options>) => Layer.Layer<Service, E | Config.ConfigError>
}

/** Tests of layers that are asked in one way. */
export const checks = <Service, E>(
  run: (layer: Layer.Layer<Service, E>) => Effect.Effect<unknown, unknown, Scope.Scope>
) =>
<Options, Own extends keyof Options>(
  name: string,
  capture: (ask: Ask<Partial<Options>>, options: Partial<Options>) => Effect.Effect<string, never, Scope.Scope>,
  { base, layer, layerConfig }: Asking<Options, Service, E>,
  table: Table<Options, Own>
) =>
  describe(name, () => {
    const ask: Ask<Partial<Options>> = (url, more) => run(layer({ ...base(url), ...more } as Options))
    const configured: Ask<Partial<Options>> = (url, more) => {
      const options = Object.entries({ ...base(url), ...more }).map((
        [option, value]
      ) => [option, Config.succeed(value)])
      return run(Layer.orDie(layerConfig(Object.fromEntries(options) as Config.Wrap<Options>)))
    }

    it.live("asks the same with the same options", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* capture(ask, {}), yield* capture(ask, {}))
      }))

    const entries: ReadonlyArray<readonly [string, { readonly value: unknown; readonly with?: object } | null]> = Object
      .entries(table)
    for (const [option, asked] of entries) {
      if (asked === null) continue
      it.live(`sends ${option}`, () =>
        Effect.gen(function*() {
          const without = (asked.with ?? {}) as Partial<Options>
          const bare = yield* capture(ask, without)
          const given = { ...without, [option]: asked.value }
          const sent = yield* capture(ask, given)
          assert.notStrictEqual(sent, bare)
          assert.strictEqual(yield* capture(configured, given), sent, "layerConfig")
        }))
    }
  })
