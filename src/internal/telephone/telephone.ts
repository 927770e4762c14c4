/**
 * Answers calls: what a worker does with the jobs of a LiveKit server, done with
 * the calls of a carrier. Each call is a job of this process, with its own room and
 * scope; it drains when it is asked to, and stops when its scope closes.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Telephone, TelephoneOptions } from "../../Telephone.ts"
import type { Definition } from "../../Worker.ts"
import { makeAnswering } from "../worker/answering.ts"
import type { WorkerError } from "../worker/errors.ts"
import { untilSignalled } from "../worker/signals.ts"
import { makeCalls } from "./calls.ts"
import { check } from "./options.ts"
import { serveCarrier } from "./server.ts"

export const make = <E>(
  definition: Definition<E>,
  options: TelephoneOptions
): Effect.Effect<Telephone, WorkerError | E, Scope.Scope> =>
  Effect.flatMap(check(options), (settings) =>
    makeAnswering(definition, {
      name: "telephone",
      limits: settings.limits,
      http: settings.http,
      drainTimeout: settings.drainTimeout,
      takers: makeCalls,
      listen: (calls) => serveCarrier(settings, calls)
    }))

export const serve = <E>(definition: Definition<E>, options: TelephoneOptions): Effect.Effect<void, WorkerError | E> =>
  untilSignalled(make(definition, options))
