/** What the providers of a fallback, or of a hedge, are called in its events, errors and breakers. */

interface Named {
  readonly name: string
  readonly model?: string | undefined
}

/**
 * A name for each that no other has: its own, unless another one has that, too. Then its model is told with it, and
 * its number where that does not tell them apart.
 */
export const namesOf = (services: ReadonlyArray<Named>): ReadonlyArray<string> => {
  const isAlone = ({ name }: Named): boolean => services.filter((other) => other.name === name).length === 1
  const taken = new Set(services.filter(isAlone).map(({ name }) => name))
  return services.map((service) => {
    if (isAlone(service)) return service.name
    const { model, name } = service
    const called = model === undefined ? name : `${name}/${model}`
    let unique = called
    for (let number = 2; taken.has(unique); number++) unique = `${called}#${number}`
    taken.add(unique)
    return unique
  })
}

/** All of them as one. */
export const joined = (names: ReadonlyArray<string>): string => names.join("+") || "no provider"
