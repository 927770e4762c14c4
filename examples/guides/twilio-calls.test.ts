import { assert, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import { Agent, Pipeline, Telephone, Worker } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { createHmac } from "node:crypto"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

interface Account {
  readonly sid: string
  readonly token: Redacted.Redacted
  /** `https://api.twilio.com`, but for tests. */
  readonly apiUrl: string
  /** Your number, and the address of your webhook. */
  readonly from: string
  readonly url: string
}

// What each call is about, by its sid. Several processes share it in a database.
const Reminder = Schema.Struct({ guest: Schema.String, day: Schema.String })
const reminders = new Map<string, typeof Reminder.Type>()

// Twilio rings, and asks the webhook when somebody answers: the same one as for calls that come in.
export const remind = async (account: Account, to: string, reminder: typeof Reminder.Type) => {
  const answer = await fetch(`${account.apiUrl}/2010-04-01/Accounts/${account.sid}/Calls.json`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${account.sid}:${Redacted.value(account.token)}`)}` },
    body: new URLSearchParams({ To: to, From: account.from, Url: account.url })
  })
  if (!answer.ok) throw new Error(`Twilio refuses the call: ${answer.status}`)
  const { sid } = (await answer.json()) as { readonly sid: string }
  reminders.set(sid, reminder)
}

const caller = ({ day, guest }: typeof Reminder.Type) =>
  Agent.make({
    instructions: `You call ${guest} about the room that is booked for ${day}. Ask whether they will come.`,
    onEnter: async (session) => {
      const message = `This is the Sea View Hotel. Your room is booked for ${day}.`
      const { by } = await session.answeredBy()
      if (by === "person") await session.say(`${message} Will you come?`)
      else await session.hangUp(by === "voicemail" ? { say: message } : {})
    }
  })

export const definition = Worker.define({
  entry: (job) => Effect.flatMap(Telephone.parameters(job, Reminder), (reminder) => Pipeline.run(caller(reminder))),
  layer: Testing.layer() // your providers
})

// A call that nobody has asked for is refused; of others the job is told what they are about.
export const accept = ({ direction, id }: Telephone.Incoming): Telephone.Decision => {
  const reminder = reminders.get(id)
  return direction === "outbound" && reminder !== undefined && { parameters: reminder }
}

// Twilio, as far as this needs it: it takes the call, and asks the webhook with its signature.
const twilio = Effect.acquireRelease(
  Effect.promise(() => {
    const asked: Array<string> = []
    const server = createServer(async (request, response) => {
      for await (const bytes of request) asked.push(String(bytes))
      response.writeHead(201, { "content-type": "application/json" }).end("{\"sid\":\"CA1\"}")
    })
    const opened = Promise.withResolvers<void>()
    server.listen(0, "127.0.0.1", opened.resolve)
    return opened.promise.then(() => ({ asked, server }))
  }),
  ({ server }) => Effect.sync(() => server.close())
)

const answered = (port: number, { token, url }: Account, sid: string) => {
  const form = { CallSid: sid, Direction: "outbound-api", From: "+15550001111", To: "+15550002222" }
  const signed = Object.entries(form).sort().reduce((text, [name, value]) => text + name + value, url)
  const signature = createHmac("sha1", Redacted.value(token)).update(signed).digest("base64")
  return Effect.promise(() =>
    fetch(`http://127.0.0.1:${port}/call`, {
      method: "POST",
      headers: { "x-twilio-signature": signature },
      body: new URLSearchParams(form)
    }).then((response) => response.text())
  )
}

it.live("calls a guest, and tells the job of that call what it is about", () =>
  Effect.gen(function*() {
    const { asked, server } = yield* twilio
    const account: Account = {
      sid: "AC1",
      token: Redacted.make("token"),
      apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      from: "+15550001111",
      url: "https://voice.example.com/call"
    }
    const { token, url } = account
    const telephone = yield* Telephone.make(definition, { url, token, accept, port: 0, host: "127.0.0.1", http: false })
    yield* Effect.promise(() => remind(account, "+15550002222", { guest: "Ann", day: "Friday" }))
    assert.deepStrictEqual(asked, [
      "To=%2B15550002222&From=%2B15550001111&Url=https%3A%2F%2Fvoice.example.com%2Fcall"
    ])
    assert.match(
      yield* answered(telephone.port, account, "CA1"),
      /<Stream url="wss:\/\/voice.example.com\/call\/stream">/
    )
    assert.match(yield* answered(telephone.port, account, "CA2"), /<Reject/)
  }).pipe(Effect.scoped))
