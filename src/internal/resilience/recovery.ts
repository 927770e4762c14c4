/** Asking the same service in another way when it has failed. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { fallback } from "./options.ts"

/** What stands in for a service: the service itself, asked in other ways. */
export const insteadOf = <Service extends { readonly name: string }>(
  service: Service,
  recoveries: NonNullable<typeof fallback.Type.recoveries>,
  delay: (service: Service, ms: number) => Service
): readonly [Service, ...ReadonlyArray<Service>] => [
  service,
  ...recoveries.flatMap(({ after, change, name }) => {
    const changed: Service | undefined = change(service)
    if (changed === undefined) return []
    return [{ ...(after === 0 ? changed : delay(changed, after)), name: `${service.name}:${name}` }]
  })
]

export const later = (ms: number) => <A, E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
  Stream.unwrap(Effect.as(Effect.sleep(ms), self))
