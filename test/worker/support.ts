import { type Cause, Deferred, Effect, Queue } from "effect"
import { type Room, Worker } from "effect-voice"
import { Socket } from "effect/socket"
