import { facts } from './facts.js'
import { unscaledInputs } from './operands.js'
import type { OperatorTable } from './rule.js'

const border = (name: string) => ({
  summary: 'pinned at the border (scope full: a division there); inside a graph of its own scales move as anywhere',
  scale: unscaledInputs(`the border of ${name}`),
})

const container = (name: string) => ({
  summary: 'pinned: sequences and optionals carry no scale',
  scale: { pinned: `${name} has no scale rule` },
})

export const control: OperatorTable = {
  If: border('If'),
  Loop: border('Loop'),
  Scan: border('Scan'),
  SequenceMap: border('SequenceMap'),
  SequenceEmpty: container('SequenceEmpty'),
  SequenceConstruct: container('SequenceConstruct'),
  SequenceInsert: container('SequenceInsert'),
  SequenceErase: container('SequenceErase'),
  SequenceAt: container('SequenceAt'),
  SequenceLength: { ...container('SequenceLength'), shape: () => [facts('int64', [])] },
  SplitToSequence: container('SplitToSequence'),
  ConcatFromSequence: container('ConcatFromSequence'),
  Optional: container('Optional'),
  OptionalGetElement: container('OptionalGetElement'),
  OptionalHasElement: { ...container('OptionalHasElement'), shape: () => [facts('bool', [])] },
}
