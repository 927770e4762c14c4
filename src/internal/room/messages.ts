/** What is written and sent in a room, as `Room` shows it. */

/**
 * Text that a participant sent on a topic.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextMessage {
  readonly identity: string
  readonly topic: string
  readonly text: string
  readonly attributes: Readonly<Record<string, string>>
}

/**
 * Bytes that a participant sent on a topic, whole.
 *
 * @category models
 * @since 0.1.0
 */
export interface ByteMessage {
  readonly identity: string
  readonly topic: string
  readonly name?: string | undefined
  readonly mimeType?: string | undefined
  readonly bytes: Uint8Array
  readonly attributes: Readonly<Record<string, string>>
}

/**
 * A segment of a transcription as old frontends know it.
 *
 * @category models
 * @since 0.1.0
 */
export interface TranscriptionSegment {
  readonly id: string
  readonly text: string
  readonly final: boolean
  /** As BCP 47, `en-US`. @default "" */
  readonly language?: string | undefined
}

/**
 * Options of everything that is sent.
 *
 * @category options
 * @since 0.1.0
 */
export interface SendOptions {
  readonly topic: string
  /** @default {} */
  readonly attributes?: Readonly<Record<string, string>> | undefined
  /** Identities of the receivers. @default everyone */
  readonly to?: ReadonlyArray<string> | undefined
}

/**
 * Options of text.
 *
 * @category options
 * @since 0.1.0
 */
export interface TextOptions extends SendOptions {
  /** In whose name: an agent may tell what another participant has said. @default the agent's */
  readonly as?: string | undefined
  /** A message with the id of an earlier one replaces it, where the receiver wants that. @default a new one */
  readonly streamId?: string | undefined
}
