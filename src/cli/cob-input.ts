import path from 'node:path'
import type { Cob } from '../cob/cob.js'
import { decodeCob } from '../cob/file.js'
import { type Model, ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { readInput } from './outputs.js'
import { terminal } from './terminal.js'

export function readCob(file: string): Cob {
  return decodeCob(readInput(file), quoted(file))
}

/** Demands that a CoB is for this model. One that does not say for which it is passes with a warning: its vertices must fit. */
export function checkStart(cob: Cob, file: string, model: Model): void {
  const { model: expected, modelName, moved } = cob.origin
  check(model, expected, (found, name) =>
    found === moved
      ? `the CoB ${quoted(file)} leads to ${name}, and has been applied to it already; take it back with teleport undo`
      : `the CoB ${quoted(file)} is for ${modelText(modelName, expected)}, and ${name} is another model (SHA-256 ${found}); give the model that it was made for`,
  )
  if (expected === undefined)
    terminal.warn(
      `the CoB ${quoted(file)} does not say for which model it is; its vertices have the names of this one's`,
    )
}

/** Demands that a CoB leads to this model. */
export function checkEnd(cob: Cob, file: string, model: Model): void {
  const { moved: expected, movedName, model: start } = cob.origin
  check(model, expected, (found, name) =>
    found === start
      ? `the CoB ${quoted(file)} starts from ${name}, so there is nothing to undo; give the model that it led to (${modelText(movedName, expected)})`
      : `the CoB ${quoted(file)} leads to ${modelText(movedName, expected)}, and ${name} is another model (SHA-256 ${found}); give the model that it led to`,
  )
  if (expected === undefined)
    terminal.warn(
      `the CoB ${quoted(file)} does not say to which model it leads; its vertices have the names of this one's`,
    )
}

function check(model: Model, expected: string | undefined, message: (found: string, name: string) => string): void {
  if (expected === undefined || model.storage === undefined) return
  const found = model.storage.sha256()
  if (found !== expected) throw new ModelError(message(found, quoted(model.storage.path)))
}

function modelText(name: string | undefined, hash: string | undefined): string {
  const title = name === undefined ? 'a model' : quoted(name)
  return hash === undefined ? title : `${title} (SHA-256 ${hash})`
}

/** The CoB with the two models that it lies between, for a file. */
export function withModels(cob: Cob, from: Model, to: Model, toName: string): Cob {
  const start = from.storage
  const end = to.storage
  return {
    factors: cob.factors,
    origin: {
      ...cob.origin,
      ...(start && { model: start.sha256(), modelName: path.basename(start.path) }),
      ...(end && { moved: end.sha256(), movedName: path.basename(toName) }),
    },
  }
}
