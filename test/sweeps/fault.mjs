// Loaded before a worker: it dies (FAULT=kill, as who kills for memory does it) or has no memory left (FAULT=memory), FAULT_TIMES times at most, when it
// writes the first checkpoint in its second epoch. FAULT_LOG gets a line each time.
import fs from 'node:fs'

const { FAULT, FAULT_TIMES, FAULT_LOG } = process.env
const write = fs.writeFileSync
fs.writeFileSync = (file, ...rest) => {
  if (/epoch-0001-batch-\d+[^/]*\/optimizer/.test(String(file))) {
    const times = fs.existsSync(FAULT_LOG) ? fs.readFileSync(FAULT_LOG, 'utf8').split('\n').length - 1 : 0
    if (times < Number(FAULT_TIMES)) {
      fs.appendFileSync(FAULT_LOG, `${process.pid}\n`)
      if (FAULT === 'kill') process.kill(process.pid, 'SIGKILL')
      throw new RangeError('Array buffer allocation failed')
    }
  }
  return write(file, ...rest)
}
