/** The worker protocol of LiveKit servers: frames to values and back. */
import {
  AvailabilityResponse,
  type Job,
  JobStatus,
  JobType,
  MigrateJobRequest,
  ParticipantPermission,
  RegisterWorkerRequest,
  ServerMessage,
  SimulateJobRequest,
  UpdateJobStatus,
  UpdateWorkerStatus,
  WorkerMessage,
  WorkerPing,
  WorkerStatus
} from "@livekit/protocol"
import * as Result from "effect/Result"
import type { Permissions } from "../../Worker.ts"
import { hasFewFields } from "../fields.ts"
import { ProtocolViolated } from "./errors.ts"
import type { JobRequest, Report } from "./job.ts"

/** `Permissions` with nothing left open. */
export type Grants = { readonly [K in keyof Permissions]-?: Exclude<Permissions[K], undefined> }

export type Framing = "binary" | "json"

/** Far above what a server may send: assignments carry a room and a token. */
const maxFrame = 1024 * 1024

export interface Accepted {
  readonly identity: string
  readonly name: string
  readonly metadata: string
  readonly attributes: Readonly<Record<string, string>>
}

/** What the worker tells the server. */
export type Outgoing =
  | {
    readonly _tag: "Register"
    readonly type: JobRequest["type"]
    readonly agentName: string
    readonly version: string
    readonly deployment: string
    readonly permissions: Grants
  }
  | { readonly _tag: "Accept"; readonly job: string; readonly as: Accepted }
  | { readonly _tag: "Decline"; readonly job: string; readonly end: boolean }
  | { readonly _tag: "Load"; readonly load: number; readonly full: boolean; readonly jobs: number }
  | { readonly _tag: "Job"; readonly job: string; readonly report: Report }
  | { readonly _tag: "Ping"; readonly at: number }
  | { readonly _tag: "Simulate"; readonly room: string; readonly participant: string | undefined }
  | { readonly _tag: "Migrate"; readonly jobs: ReadonlyArray<string> }

/** What the server tells the worker; `Unknown` is from a newer one. */
export type Incoming =
  | { readonly _tag: "Registered"; readonly id: string; readonly server: string; readonly region: string }
  | { readonly _tag: "Available"; readonly job: JobRequest }
  | {
    readonly _tag: "Assigned"
    readonly job: JobRequest
    readonly url: string | undefined
    readonly token: string
  }
  | { readonly _tag: "Terminated"; readonly job: string }
  | { readonly _tag: "Pong" }
  | { readonly _tag: "Unknown" }

const typeOf = {
  room: JobType.JT_ROOM,
  publisher: JobType.JT_PUBLISHER,
  participant: JobType.JT_PARTICIPANT
} as const

const typeName = (type: JobType): JobRequest["type"] =>
  type === JobType.JT_PUBLISHER ? "publisher" : type === JobType.JT_PARTICIPANT ? "participant" : "room"

const statusOf = {
  running: JobStatus.JS_RUNNING,
  success: JobStatus.JS_SUCCESS,
  failed: JobStatus.JS_FAILED
} as const

const message = (out: Outgoing): WorkerMessage["message"] => {
  switch (out._tag) {
    case "Register": {
      const { hidden, publish, publishData, subscribe, updateMetadata } = out.permissions
      return {
        case: "register",
        value: new RegisterWorkerRequest({
          type: typeOf[out.type],
          agentName: out.agentName,
          version: out.version,
          deployment: out.deployment,
          allowedPermissions: new ParticipantPermission({
            canPublish: publish,
            canSubscribe: subscribe,
            canPublishData: publishData,
            canUpdateMetadata: updateMetadata,
            hidden,
            agent: true
          })
        })
      }
    }
    case "Accept":
      return {
        case: "availability",
        value: new AvailabilityResponse({
          jobId: out.job,
          available: true,
          participantIdentity: out.as.identity,
          participantName: out.as.name,
          participantMetadata: out.as.metadata,
          participantAttributes: { ...out.as.attributes }
        })
      }
    case "Decline":
      return {
        case: "availability",
        value: new AvailabilityResponse({ jobId: out.job, available: false, terminate: out.end })
      }
    case "Load":
      return {
        case: "updateWorker",
        value: new UpdateWorkerStatus({
          status: out.full ? WorkerStatus.WS_FULL : WorkerStatus.WS_AVAILABLE,
          load: out.load,
          jobCount: out.jobs
        })
      }
    case "Job":
      return {
        case: "updateJob",
        value: new UpdateJobStatus({
          jobId: out.job,
          status: statusOf[out.report.status],
          error: out.report.status === "failed" ? out.report.error : ""
        })
      }
    case "Ping":
      return { case: "ping", value: new WorkerPing({ timestamp: BigInt(Math.trunc(out.at)) }) }
    case "Simulate":
      return {
        case: "simulateJob",
        value: new SimulateJobRequest({
          type: out.participant === undefined ? JobType.JT_ROOM : JobType.JT_PUBLISHER,
          room: { name: out.room },
          ...(out.participant === undefined ? {} : { participant: { identity: out.participant } })
        })
      }
    case "Migrate":
      return { case: "migrateJob", value: new MigrateJobRequest({ jobIds: [...out.jobs] }) }
  }
}

export const encode = (out: Outgoing, framing: Framing): Uint8Array | string => {
  const encoded = new WorkerMessage({ message: message(out) })
  return framing === "json" ? encoded.toJsonString() : encoded.toBinary()
}

const request = (job: Job): JobRequest => ({
  id: job.id,
  dispatch: job.dispatchId,
  type: typeName(job.type),
  room: { name: job.room?.name ?? "", sid: job.room?.sid ?? "", metadata: job.room?.metadata ?? "" },
  ...(job.participant === undefined ? {} : {
    participant: {
      identity: job.participant.identity,
      name: job.participant.name,
      metadata: job.participant.metadata,
      attributes: { ...job.participant.attributes }
    }
  }),
  agentName: job.agentName,
  metadata: job.metadata,
  attributes: { ...job.attributes }
})

const undecodable = new ProtocolViolated({ detail: "a message that cannot be decoded" })

const violated = (detail: string): Result.Result<Incoming, ProtocolViolated> =>
  Result.fail(new ProtocolViolated({ detail }))

const withJob = (
  job: Job | undefined,
  make: (job: JobRequest) => Incoming
): Result.Result<Incoming, ProtocolViolated> =>
  job === undefined || job.id === ""
    ? violated("a message about a job without an id")
    : Result.succeed(make(request(job)))

const incoming = (received: ServerMessage): Result.Result<Incoming, ProtocolViolated> => {
  const { message } = received
  // In JSON, a kind of message may be told whose body is null.
  if (message.case !== undefined && (message.value as unknown) === undefined) return Result.fail(undecodable)
  switch (message.case) {
    case "register":
      return Result.succeed({
        _tag: "Registered",
        id: message.value.workerId,
        server: message.value.serverInfo?.version ?? "",
        region: message.value.serverInfo?.region ?? ""
      })
    case "availability":
      return withJob(message.value.job, (job) => ({ _tag: "Available", job }))
    case "assignment": {
      const { token, url } = message.value
      return withJob(
        message.value.job,
        (job) => ({ _tag: "Assigned", job, token, url: url === undefined || url === "" ? undefined : url })
      )
    }
    case "termination":
      return Result.succeed({ _tag: "Terminated", job: message.value.jobId })
    case "pong":
      return Result.succeed({ _tag: "Pong" })
    case undefined:
      return Result.succeed({ _tag: "Unknown" })
  }
}

/** Reads one frame, whichever of the two encodings the server chose. */
export const decode = (frame: Uint8Array | string): Result.Result<Incoming, ProtocolViolated> => {
  if (frame.length > maxFrame) {
    return violated(`a message of ${frame.length} bytes, more than ${maxFrame}`)
  }
  // Why it cannot be read may quote it, and it may hold a token.
  return Result.flatMap(
    Result.try({
      try: () =>
        typeof frame === "string"
          ? ServerMessage.fromJsonString(frame, { ignoreUnknownFields: true })
          : hasFewFields(frame)
          ? ServerMessage.fromBinary(frame)
          : undefined,
      catch: () => undecodable
    }),
    (message) => message === undefined ? Result.fail(undecodable) : incoming(message)
  )
}
