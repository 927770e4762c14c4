/**
 * Why a provider has closed a connection: its code and its own words, by a table.
 *
 * The words are read and never logged, because they may quote the request. Some codes blame the
 * request. They are believed only if no connection to this provider has ever worked; otherwise such
 * a close is worth another try.
 */
import * as Failure from "../../Failure.ts"

/** How a connection was closed by the other side. */
export interface Closed {
  readonly code: number
  /** The provider's own words, or none. */
  readonly words: string
}

/** What the words of a close say, in the order in which they are tried. */
export type Table = ReadonlyArray<readonly [words: RegExp, reason: (closed: Closed) => Failure.Reason]>

const status = (status: number) => (): Failure.Reason => new Failure.Rejected({ status })
const lost = ({ code }: Closed): Failure.Reason => new Failure.Disconnected({ code: String(code) })

/** What all of them say alike. */
const common: Table = [
  [/rate[ _-]?limit|too[ _]many|concurren|simultaneous|parallel|throttl|capacity|overload|busy/i, status(429)],
  [/quota|credit|billing|payment/i, status(402)],
  [/api[ _-]?key|unauthori[sz]ed|authenticat|not[ _]authori[sz]ed|authori[sz]ation/i, status(401)],
  [/forbidden|permission|access denied/i, status(403)],
  [/time[ _]?out|timed out|\bidle\b|inactiv|expired|no longer available|going away|max\w* [\w ]*duration/i, lost],
  [/internal|server[ _]error|unavailable|something went wrong|maintenance|restart/i, status(503)]
]

/** Codes from 4400 on are statuses of HTTP, by custom. */
const statusOf = (code: number): number | undefined => code >= 4400 && code <= 4599 ? code - 4000 : undefined

const byCode = ({ code, words }: Closed, worked: boolean): Failure.Reason => {
  const http = statusOf(code)
  if (http !== undefined) return new Failure.Rejected({ status: http })
  switch (code) {
    case 1002:
    case 1003:
    case 1007:
      return worked ? lost({ code, words }) : new Failure.InvalidRequest({
        detail: `the provider closed the connection because of what it was sent (${code})`
      })
    case 1008:
      return worked ? lost({ code, words }) : new Failure.InvalidRequest({
        detail: "the provider closed the connection by its policy (1008)"
      })
    case 1009:
      return new Failure.InvalidRequest({ detail: "the provider takes no message of this size (1009)" })
    case 1013:
      return new Failure.Rejected({ status: 503 })
    case 3000:
      return new Failure.Rejected({ status: 401 })
    case 3003:
      return new Failure.Rejected({ status: 403 })
    default:
      return lost({ code, words })
  }
}

/** Reads how one provider closes; kept as long as its layer, it knows whether a connection has ever worked. */
export class Closes {
  readonly #table: Table
  #worked = false

  constructor(table: Table = []) {
    this.#table = [...table, ...common]
  }

  /** The provider has answered something. */
  worked(): void {
    this.#worked = true
  }

  readonly reason = (closed: Closed): Failure.Reason => {
    const found = closed.words === "" ? undefined : this.#table.find(([words]) => words.test(closed.words))
    return found?.[1](closed) ?? byCode(closed, this.#worked)
  }
}
