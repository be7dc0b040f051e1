/*
 * Which object was made from which message. An object of a model that is still the one that was read is written as its message
 * stands; one that was copied and changed (`{ ...node, inputs }`) has the same message as its envelope, but is not its origin.
 */
const origins = new WeakMap<object, object>()

/** Remembers that `made` was made from `message`, which is its envelope. */
export function originate<T extends object>(message: object, made: T): T {
  origins.set(message, made)
  return made
}

/** The object that was made from a message when it was read. */
export function originOf(message: object): object | undefined {
  return origins.get(message)
}
