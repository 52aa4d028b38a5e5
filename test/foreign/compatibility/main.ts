// `npm run test:compatibility`: VersityGW's own S3 suite against the sandbox, one test at a time on a sandbox
// of its own, compared with what is on record. `-- --record` writes what it finds; a new failure is then on
// record as `unexplained`, and stays red.
import { parseArgs } from 'node:util'
import { findVersityGateway } from '../versitygw.ts'
import { compareOutcomes, groupOf, isPublished, readRecord, writeRecord } from './record.ts'
import { runSuiteTest } from './suite.ts'
import type { Outcome } from './suite.ts'

/** Many of them wait for locks to run out. */
const atOnce = 6

const {
  values: { record: isRecording },
} = parseArgs({ options: { record: { type: 'boolean', default: false } } })
const binary = findVersityGateway()
const record = readRecord()
const waiting = Object.keys(record.tests)
const outcomes = new Map<string, Outcome>()

await Promise.all(
  Array.from({ length: atOnce }, async () => {
    for (let test = waiting.shift(); test !== undefined; test = waiting.shift()) {
      const wording =
        isRecording || record.tests[test] === 'passes' ? undefined : new Map(Object.entries(record.wording))
      outcomes.set(test, await runSuiteTest(binary, test, wording))
    }
  }),
)

if (isRecording) {
  for (const [test, { result, output: message }] of outcomes) {
    const recorded = record.tests[test]!
    const isKept = recorded !== 'passes' && recorded !== 'adapted' && recorded !== 'unexplained'
    record.tests[test] = result !== 'fails' ? result : isKept ? recorded : 'unexplained'
    if (record.tests[test] === 'unexplained') process.stdout.write(`${test}: ${message.slice(0, 300)}\n`)
  }
  record.wording = Object.fromEntries([...outcomes.values()].flatMap(({ wording }) => [...wording]))
  writeRecord(record)
}
const differences = compareOutcomes(record, outcomes)
for (const [test, reason] of Object.entries(record.tests)) {
  if (reason !== 'passes' && reason !== 'adapted' && record.reasons[reason] === undefined)
    differences.push(`${test}: kept for a reason that nothing explains: ${reason}`)
}
if (!isPublished(record))
  differences.push('docs/sandbox-compatibility.md says otherwise than the record: run with --record')
for (const group of new Set(Object.keys(record.tests).map(groupOf))) {
  const results = [...outcomes].filter(([test]) => groupOf(test) === group).map(([, { result }]) => result)
  process.stdout.write(
    `${group.padEnd(34)} ${results.filter((result) => result !== 'fails').length} of ${results.length}\n`,
  )
}
for (const difference of differences) process.stderr.write(`${difference}\n`)
const good = [...outcomes.values()].filter(({ result }) => result !== 'fails').length
process.stdout.write(`${good} of ${outcomes.size} pass, ${differences.length} otherwise than on record\n`)
process.exitCode = differences.length === 0 ? 0 : 1
