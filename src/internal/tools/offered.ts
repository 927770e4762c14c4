/**
 * The tools in a request to a model: a tool whose calls may need a confirmation has a parameter for
 * that. With strict schemas there is no other way. Each is made once, so that prompts stay the
 * same.
 */
import * as Tool from "effect/ai/Tool"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { Set as Tools } from "../../Tools.ts"
import { confirmation } from "./duplicates.ts"
import { duplicateOf } from "./voice.ts"

const description = "Only where an answer of this tool has asked for it: true confirms the call"

const Confirm = Schema.optionalKey(Schema.Boolean.annotate({ description }))

const mayAsk = (tool: Tool.Any): boolean =>
  duplicateOf(tool) === "confirm" || (tool.needsApproval !== undefined && tool.needsApproval !== false)

const changed = (tool: Tool.Any, change: object): Tool.Any =>
  Object.assign(Object.create(Object.getPrototypeOf(tool)), tool, change)

const hasFields = (schema: unknown): schema is { readonly fields: Schema.Struct.Fields } =>
  Predicate.hasProperty(schema, "fields") && Predicate.isObject(schema.fields)

const confirmable = (tool: Tool.Any): Tool.Any => {
  const word = confirmation(tool)
  if (Tool.isDynamic(tool) && tool.jsonSchema !== undefined) {
    const { properties = {} } = tool.jsonSchema
    return Predicate.isObject(properties)
      ? changed(tool, {
        jsonSchema: { ...tool.jsonSchema, properties: { ...properties, [word]: { type: "boolean", description } } }
      })
      : tool
  }
  const { parametersSchema } = tool
  if (parametersSchema === Tool.EmptyParams) {
    return changed(tool, { parametersSchema: Schema.Struct({ [word]: Confirm }) })
  }
  // What is no plain object says itself what may stand there.
  return hasFields(parametersSchema)
    ? changed(tool, { parametersSchema: Schema.Struct({ ...parametersSchema.fields, [word]: Confirm }) })
    : tool
}

const made = new WeakMap<Tool.Any, Tool.Any>()

const offer = (tool: Tool.Any): Tool.Any => {
  const known = made.get(tool)
  if (known !== undefined) return known
  const one = !Tool.isProviderDefined(tool) && mayAsk(tool) ? confirmable(tool) : tool
  made.set(tool, one)
  return one
}

export const offered = (tools: Tools<unknown>): ReadonlyArray<Tool.Any> =>
  [...tools.entries.values()].map(({ tool }) => offer(tool))
