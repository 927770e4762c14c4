/**
 * Reads a table by a name that comes from outside: a topic, a language, a kind of
 * event. Only what stands in the table itself is found, never what every object
 * inherits, such as `constructor`.
 */
export const own = <A>(table: Readonly<Record<string, A>> | undefined, name: string): A | undefined =>
  table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined
