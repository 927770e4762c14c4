/**
 * What is wrong with what a transport reports, in words that quote nothing of it. A program without types may report anything,
 * often from a listener of a socket, where an exception would end the process with all its calls. Pure.
 */
import type * as Audio from "../../Audio.ts"
import * as Check from "../options.ts"
import { shown } from "../options/shown.ts"
import type { Incoming } from "./transport.ts"

type Wrong = string | undefined

const first = (...all: ReadonlyArray<Wrong>): Wrong => all.find((wrong) => wrong !== undefined)

const text = (what: string, given: unknown): Wrong =>
  typeof given === "string" ? undefined : `${what} must be a text, not ${shown(given)}`

const perhaps = (what: string, given: unknown, check: (what: string, given: unknown) => Wrong): Wrong =>
  given === undefined ? undefined : check(what, given)

const flag = (what: string, given: unknown): Wrong =>
  typeof given === "boolean" ? undefined : `${what} must be true or false, not ${shown(given)}`

const texts = (what: string, given: unknown): Wrong =>
  Check.isTexts(given) ? undefined : `${what} must be an object of texts by their names`

const bytes = (what: string, given: unknown): Wrong =>
  given instanceof Uint8Array ? undefined : `${what} must be a Uint8Array, not ${shown(given)}`

const record = (given: unknown, check: (given: Readonly<Record<string, unknown>>) => Wrong): Wrong =>
  Check.isRecord(given) ? check(given) : `it must be an object, not ${shown(given)}`

const message = (given: unknown, content: (given: Readonly<Record<string, unknown>>) => Wrong): Wrong =>
  record(given, (one) =>
    first(
      text("identity", one["identity"]),
      text("topic", one["topic"]),
      perhaps("attributes", one["attributes"], texts),
      content(one)
    ))

type Checks = { readonly [Member in keyof Omit<Incoming, "ended">]: (...given: ReadonlyArray<unknown>) => Wrong }

const checks: Checks = {
  joined: (newcomer) =>
    record(newcomer, (one) =>
      first(
        text("identity", one["identity"]),
        perhaps("name", one["name"], text),
        perhaps("kind", one["kind"], text),
        perhaps("direction", one["direction"], text),
        perhaps("metadata", one["metadata"], text),
        perhaps("attributes", one["attributes"], texts),
        perhaps("microphone", one["microphone"], flag),
        perhaps("preconnect", one["preconnect"], flag)
      )),
  left: (identity, reason) => first(text("identity", identity), perhaps("reason", reason, text)),
  audio: (identity, frames) =>
    first(
      text("identity", identity),
      Array.isArray(frames) ? undefined : `frames must be a list, not ${shown(frames)}`
    ),
  muted: (identity, muted) => first(text("identity", identity), flag("muted", muted)),
  text: (given) => message(given, (one) => text("text", one["text"])),
  bytes: (given) =>
    message(given, (one) =>
      first(
        bytes("bytes", one["bytes"]),
        perhaps("name", one["name"], text),
        perhaps("mimeType", one["mimeType"], text)
      )),
  data: (given) =>
    record(given, (one) =>
      first(
        perhaps("identity", one["identity"], text),
        text("topic", one["topic"]),
        bytes("payload", one["payload"])
      )),
  keys: (identity, digits) => first(text("identity", identity), text("digits", digits)),
  attributes: (identity, changed) => first(text("identity", identity), texts("attributes", changed)),
  call: (given) =>
    record(given, (one) =>
      first(
        text("identity", one["identity"]),
        text("method", one["method"]),
        text("payload", one["payload"])
      )),
  played: (position) =>
    Number.isFinite(position) ? undefined : `the position must be a number of ms, not ${shown(position)}`,
  connection: (state) =>
    state === "connected" || state === "reconnecting" ? undefined : "the state must be connected or reconnecting"
}

/** The same reports without those that cannot be: `onWrong` is told, and a call fails as `refuse` says. */
export const checked = (
  incoming: Incoming,
  onWrong: (member: string, wrong: string) => void,
  refuse: (wrong: string) => ReturnType<Incoming["call"]>
): Incoming => {
  const guarded =
    <Given extends ReadonlyArray<any>>(member: keyof Checks, act: (...given: Given) => void) =>
    (...given: Given): void => {
      const wrong = checks[member](...given)
      if (wrong === undefined) act(...given)
      else onWrong(member, wrong)
    }
  return {
    joined: guarded("joined", incoming.joined),
    left: guarded("left", incoming.left),
    audio: guarded<[string, ReadonlyArray<Audio.Frame>]>("audio", incoming.audio),
    muted: guarded("muted", incoming.muted),
    text: guarded("text", incoming.text),
    bytes: guarded("bytes", incoming.bytes),
    data: guarded("data", incoming.data),
    keys: guarded("keys", incoming.keys),
    attributes: guarded("attributes", incoming.attributes),
    call: (given) => {
      const wrong = checks.call(given)
      return wrong === undefined ? incoming.call(given) : refuse(wrong)
    },
    played: guarded("played", incoming.played),
    connection: guarded("connection", incoming.connection),
    ended: incoming.ended
  }
}
