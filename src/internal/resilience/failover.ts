/** One provider after the other, until one gives useful output; each one's scope is closed before the next is asked. */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import { inherit } from "../llm/tooLong.ts"
import type { Claims } from "./availability.ts"
import { blamesRequest, failureOf, type ProviderError } from "./errors.ts"
import { firstOutput, type Request, resume } from "./firstOutput.ts"

export interface Candidate<A, E, R> extends Request<A, E, R> {
  readonly name: string
}

export interface Lost {
  readonly name: string
  readonly error: ProviderError
}

/** The failures of all providers as one. */
export const exhausted = (lost: ReadonlyArray<Lost>): Failure.Exhausted =>
  inherit(
    new Failure.Exhausted({
      providers: lost.map(({ name }) => name),
      isRetryable: lost.some(({ error }) => error.isRetryable)
    }),
    lost.map(({ error }) => error.reason)
  )

export interface Claim {
  readonly provider: number
  readonly release: Effect.Effect<void>
}

/**
 * Chooses who is asked next: the first available provider not asked yet, or,
 * when nothing else is left, the first lost one. `release` ends its turn.
 */
export const roundOf = (claims: Claims, count: number, asking: ReadonlyArray<number> = []): () => Claim | undefined => {
  const asked = new Set(asking)
  return () => {
    let fallback: number | undefined
    for (let provider = 0; provider < count; provider++) {
      if (asked.has(provider)) continue
      if (claims.claim(provider)) {
        asked.add(provider)
        return { provider, release: Effect.sync(() => claims.release(provider)) }
      }
      fallback ??= provider
    }
    if (fallback === undefined) return undefined
    asked.add(fallback)
    return { provider: fallback, release: Effect.void }
  }
}

/**
 * Asks one provider after the other until one gives useful output. One that
 * fails later on is lost to the next request; with `afterOutput`, the next
 * provider is then asked in its place.
 * A failure that is not the provider's `own` passes at once.
 */
export const failover = <A, E, R>(options: {
  readonly claims: Claims
  readonly candidates: ReadonlyArray<Candidate<A, E, R>>
  readonly afterOutput: boolean
  readonly own: (error: E) => ProviderError | undefined
  readonly error: (reason: Failure.Reason) => E
}): Stream.Stream<A, E, R> =>
  Stream.unwrap(Effect.map(Effect.scope, (scope) => {
    type Live = Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E, void, R>
    const { afterOutput, candidates, claims, error, own } = options
    const next = roundOf(claims, candidates.length)
    const lost: Array<Lost> = []
    let live: Live | undefined

    const start: Effect.Effect<Live, E, R> = Effect.suspend(() => {
      const claim = next()
      const candidate = claim === undefined ? undefined : candidates[claim.provider]
      if (claim === undefined || candidate === undefined) return Effect.fail(error(exhausted(lost)))
      return Effect.flatMap(Scope.fork(scope), (scope) => {
        let brokeOff = false
        const giveUp = (cause: Cause.Cause<E>): Effect.Effect<Live, E, R> => {
          const failure = own(failureOf(cause, candidate.error))
          if (failure === undefined) return Effect.failCause(cause)
          lost.push({ name: candidate.name, error: failure })
          return Scope.close(scope, Exit.failCause(cause)).pipe(
            Effect.andThen(brokeOff || blamesRequest(failure.reason) ? Effect.void : claims.failed(claim.provider)),
            Effect.andThen(start)
          )
        }
        /** On trial is who was lost, up to the end of its first reply. */
        const begin = Effect.tap(firstOutput(candidate, scope), () =>
          claims.began(claim.provider)
            ? Scope.addFinalizer(scope, Effect.suspend(() => brokeOff ? Effect.void : claims.succeeded(claim.provider)))
            : Effect.void)
        return Effect.flatMap(Effect.exit(Effect.ensuring(begin, claim.release)), (exit): Effect.Effect<Live, E, R> => {
          if (Exit.isFailure(exit)) return giveUp(exit.cause)
          const pull = Effect.tapError(resume(exit.value, candidate), (error) => {
            if (Cause.isDone(error) || own(error) === undefined) return Effect.void
            // Whatever it says: it had taken the request.
            brokeOff = true
            return claims.failed(claim.provider, true)
          })
          if (!afterOutput) return Effect.succeed(pull)
          return Effect.succeed(Pull.matchEffect(pull, {
            onSuccess: Effect.succeed,
            onFailure: (cause): Live =>
              Effect.flatten(Effect.tap(giveUp(cause), (other) => Effect.sync(() => live = other))),
            onDone: () => Cause.done()
          }))
        })
      })
    })

    const pull: Live = Effect.suspend(() => live ?? Effect.flatMap(start, (started) => live = started))
    return Stream.fromPull(Effect.succeed(pull))
  }))
