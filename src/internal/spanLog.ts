/**
 * Lines of the log as events of the span in which they are logged: a call that logs
 * without an end would hold all its lines in its span until it is over.
 */
import * as Logger from "effect/Logger"
import * as Predicate from "effect/Predicate"

/** Events of a span, beyond which a line is only in the log: as many as OpenTelemetry keeps by default. */
export const mostEvents = 128

export const spanLogger: Logger.Logger<unknown, void> = Logger.make((options) => {
  const { span } = options.fiber.cache
  if (Predicate.hasProperty(span, "events") && Array.isArray(span.events) && span.events.length >= mostEvents) return
  Logger.tracerLogger.log(options)
})
