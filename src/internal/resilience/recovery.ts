/** Asking the same service in another way when it has failed. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { lengthOf } from "../options/duration.ts"
import type { Recovery } from "./model.ts"

/** What stands in for a service: the service itself, asked in other ways. */
export const insteadOf = <Service extends { readonly name: string }>(
  service: Service,
  recoveries: ReadonlyArray<Recovery<Service>>,
  delay: (service: Service, ms: number) => Service
): readonly [Service, ...ReadonlyArray<Service>] => [
  service,
  ...recoveries.flatMap(({ after = 0, change, name }) => {
    const changed = change(service)
    const ms = lengthOf(after)
    if (changed === undefined) return []
    return [{ ...(ms === 0 ? changed : delay(changed, ms)), name: `${service.name}:${name}` }]
  })
]

export const later = (ms: number) => <A, E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
  Stream.unwrap(Effect.as(Effect.sleep(ms), self))
