/** The tools of the desk: which rooms there are, a booking, the end of the call. */
import { Effect, Schema } from "effect"
import { Session, Tools } from "effect-voice"
import { Tool, Toolkit } from "effect/ai"

const FindRooms = Tool.make("find_rooms", {
  description: "Rooms that are free for a number of nights from a date",
  parameters: Schema.Struct({
    from: Schema.String.annotate({ description: "Date, YYYY-MM-DD" }),
    nights: Schema.Int
  }),
  success: Schema.Array(Schema.Struct({ room: Schema.Int, euros: Schema.Finite }))
})

const BookRoom = Tool.make("book_room", {
  description: "Books a room that find_rooms has found",
  parameters: Schema.Struct({ room: Schema.Int, nights: Schema.Int, name: Schema.String }),
  success: Schema.Struct({ reference: Schema.String }),
  failure: Tools.ToolError,
  failureMode: "return"
}).annotateMerge(Tools.voice({ duplicate: "reject" }))

const HangUp = Tool.make("hang_up", {
  description: "Says goodbye and ends the call, when the caller has no more questions",
  dependencies: [Session.Session]
}).annotateMerge(Tools.voice({ result: "silent" }))

export const Kit = Toolkit.make(FindRooms, BookRoom, HangUp)

const free = [{ room: 7, euros: 120 }, { room: 9, euros: 180 }]

export const KitLive = Kit.toLayer({
  find_rooms: () => Effect.succeed(free),
  book_room: ({ name, room }) =>
    free.some((one) => one.room === room)
      ? Effect.succeed({ reference: `${name.slice(0, 2).toUpperCase()}-${room}` })
      : Effect.fail(new Tools.ToolError({ message: "That room is taken. Offer another one." })),
  hang_up: () => Session.Session.use((session) => session.hangUp({ say: "Goodbye!" }))
})
