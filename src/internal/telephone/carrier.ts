/**
 * Messages to the carrier: how to go on with a call, as markup, and that a call is over, or goes elsewhere, by
 * its API. A request is over in five seconds, whatever the carrier does.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { RoomError } from "../../Room.ts"
import * as Fetch from "../provider/fetch.ts"
import { destinationFor, written } from "../room/destination.ts"
import { refuse } from "../room/errors.ts"
import { codeOf } from "../thrown.ts"

const patience = "5 seconds"
// It is over already, by its status, or by the carrier's own code: "Call is not in-progress".
const gone: ReadonlySet<number> = new Set([404, 410])
const notInProgress = /"code": ?21220\b/

// Characters of its answer that are looked at.
const mostTold = 2000

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\"": "&quot;",
  "'": "&apos;",
  // An attribute would have a space instead.
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;"
}
// All but what XML has (1.0, 2.2).
const impossible = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu
const escaped = (text: string): string =>
  text.replace(impossible, "\ufffd").replace(/[&<>"'\t\n\r]/g, (sign) => escapes[sign]!)

// Of a name and its value, together (characters): no longer ones are for the carrier to take.
const longestParameter = 500

const document = (body: string): string => `<?xml version="1.0" encoding="UTF-8"?><Response>${body}</Response>`

/** Connects the call with a media stream, which is told those of the parameters that are short enough. */
export const connect = (url: string, parameters: Readonly<Record<string, string>>): string => {
  const told = Object.entries(parameters).flatMap(([name, value]) =>
    name.length + value.length > longestParameter
      ? []
      : [`<Parameter name="${escaped(name)}" value="${escaped(value)}"/>`]
  )
  return document(`<Connect><Stream url="${escaped(url)}">${told.join("")}</Stream></Connect>`)
}

/** Has nothing to say to what the carrier tells. */
export const noted = document("")

/** Does not answer the call: it costs nothing. */
export const reject = (reason: "busy" | "rejected"): string => document(`<Reject reason="${reason}"/>`)

/** The account at the carrier, and the key to it. */
export interface Account {
  readonly apiUrl: string
  readonly sid: string
  readonly user: string
  readonly key: Redacted.Redacted
}

interface Answer {
  readonly ok: boolean
  readonly status: number
  /** The call was over before. */
  readonly isOver: boolean
}

/** Changes a call that goes on. Gives the status of the answer, in bounded time; fails with why there is none. */
const update = (
  account: Account,
  callSid: string,
  change: Readonly<Record<string, string>>
): Effect.Effect<Answer, string> =>
  Effect.gen(function*() {
    const fetch = yield* Fetch.fetch
    const basic = Buffer.from(`${account.user}:${Redacted.value(account.key)}`).toString("base64")
    const answer = yield* Effect.tryPromise({
      try: (signal) =>
        fetch(`${account.apiUrl.replace(/\/+$/, "")}/2010-04-01/Accounts/${account.sid}/Calls/${callSid}.json`, {
          method: "POST",
          headers: { authorization: `Basic ${basic}`, "content-type": "application/x-www-form-urlencoded" },
          body: `${new URLSearchParams(change)}`,
          redirect: "error",
          signal
        }),
      catch: (cause) => codeOf(cause) ?? "no answer"
    })
    const told = yield* Effect.promise(() => answer.text().catch(() => ""))
    const isOver = gone.has(answer.status) || notInProgress.test(told.slice(0, mostTold))
    return { ok: answer.ok, status: answer.status, isOver }
  }).pipe(Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail("no answer in time") }))

/** Fails where the carrier has refused, unless that is as good. */
const unless = (isFine: (answer: Answer) => boolean) => (answer: Answer) =>
  answer.ok || isFine(answer) ? Effect.void : Effect.fail(`status ${answer.status}`)

const notDone = (what: string) => (why: string): RoomError =>
  refuse("SendFailed", `the carrier did not ${what} the call (${why}): check the account and its key`)

/** Ends a call, wherever it stands. */
export const complete = (account: Account, callSid: string): Effect.Effect<void, RoomError> =>
  update(account, callSid, { Status: "completed" }).pipe(
    Effect.flatMap(unless(({ isOver }) => isOver)),
    Effect.mapError(notDone("end"))
  )

/** Connects the one who calls with a number or an address; the stream of the call ends. */
export const dial = (account: Account, callSid: string, to: string): Effect.Effect<void, RoomError> =>
  Effect.gen(function*() {
    const destination = yield* destinationFor(to)
    const noun = destination._tag === "Number" ? "Number" : "Sip"
    const twiml = document(`<Dial><${noun}>${escaped(written(destination))}</${noun}></Dial>`)
    yield* update(account, callSid, { Twiml: twiml }).pipe(
      Effect.flatMap(unless(() => false)),
      Effect.mapError(notDone("transfer"))
    )
  })
