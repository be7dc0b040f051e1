import { Command } from 'commander'
import { criterionText, estimateText } from '../experiments/report/numbers.js'
import { type AdjustedClaim, ICONS, tallyOf } from '../experiments/report/tally.js'
import { type Report, writeReport } from '../experiments/report/write-report.js'
import { type CommonOptions, withCommonOptions } from './options.js'
import { terminal } from './terminal.js'
import { count, table } from './text.js'

const EXAMPLE = `
Examples:
  teleport report results
  teleport report results -o ~/report.html
  teleport report results --json | jq '.claims[] | select(.verdict == "holds").id'

Exit status: 0 done, whatever the verdicts are; 2 wrong usage or input.`

interface ReportCommandOptions extends CommonOptions {
  readonly output?: string
  readonly force?: boolean
}

export function reportCommand(): Command {
  const command = new Command('report')
    .description('Write the report on results, from whatever of them are there.')
    .argument('<dir>', 'a folder of teleport reproduce, or of teleport sweep')
    .option('-o, --output <file>', 'where the report goes (default: report.html in the folder)')
    .option('--force', 'replace the file that is named by --output')
  return withCommonOptions(command).addHelpText('after', EXAMPLE).action(report)
}

function report(folder: string, { output, force }: ReportCommandOptions): void {
  terminal.progress(`reading ${folder}`)
  const written = writeReport(folder, {
    ...(output !== undefined && { output }),
    ...(force !== undefined && { force }),
    warn: (line) => terminal.warn(line),
  })
  const { holds, doesNotHold, undecided } = tallyOf(written.claims)
  terminal.result(
    {
      report: written.file,
      claimsFile: written.claimsFile,
      figures: written.figures,
      holds,
      doesNotHold,
      undecided,
      problems: written.problems,
      claims: written.claims,
    },
    lines(written),
  )
}

function lines({ file, figures, claims }: Report): string[] {
  const { holds, doesNotHold, undecided } = tallyOf(claims)
  return [
    ...(figures.length === 0
      ? [file]
      : [
          `${file}: ${figures.join(', ')}; of ${count(claims.length)} claims ${holds} hold, ${doesNotHold} do not, ${undecided} are undecided`,
        ]),
    ...(claims.length === 0 ? [] : ['', ...claimLines(claims)]),
  ]
}

function claimLines(claims: readonly AdjustedClaim[]): string[] {
  const rows = claims.map((claim) => {
    const { value, interval } = estimateText(claim.value, claim.interval)
    return [
      `  ${ICONS[claim.verdict]} ${claim.id}`,
      claim.verdict,
      criterionText(claim),
      value,
      interval,
      `n ${claim.n}`,
    ]
  })
  return table([['  claim', 'verdict', 'asked', 'value', '95 % interval', ''], ...rows])
}
