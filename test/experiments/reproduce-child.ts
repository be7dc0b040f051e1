// Computes a slow fake figure into the folder that it is given, and says when a cell begins.
import { reproduce } from '../../src/experiments/reproduce.js'
import { fakeFigure } from './reproduce-fakes.js'

await reproduce([fakeFigure({ delay: 60, onCell: (key) => process.stdout.write(`${key}\n`) })], {
  scale: 'paper',
  folder: process.argv[2] as string,
  train: () => Promise.resolve([]),
})
process.stdout.write('done\n')
