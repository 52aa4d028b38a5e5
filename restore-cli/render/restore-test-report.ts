// The result of a restore test, as text.
import type { RestoreTestResult } from '../../checks/restore-test/result.ts'
import { bytesText, countOf, rows } from './figures.ts'
import { terminalText } from './terminal-text.ts'

export function renderRestoreTest(result: RestoreTestResult, name: string): string {
  const { postgres, findings, findingCount } = result
  const unlisted =
    findingCount > findings.length
      ? `  … and ${countOf(findingCount - findings.length, 'more finding')}\n`
      : ''
  return `${terminalText(name)}: ${result.ok ? 'all of it can be read.' : `${countOf(findingCount, 'finding')}.`}
${rows([
  [
    'Read',
    `${countOf(result.entries, 'entry', 'entries')}, ${countOf(result.files, 'file')}, ${bytesText(result.bytes)}`,
  ],
  ['SHA-256', result.sha256],
  ...(postgres === null
    ? []
    : [
        [
          'PostgreSQL',
          `${countOf(postgres.databases, 'database')}, ${countOf(postgres.tables, 'table')}, ${countOf(postgres.rows, 'row')}`,
        ] as const,
        ['SHA-256', postgres.sha256] as const,
      ]),
])}${findings.map((finding) => `  ${terminalText(finding)}\n`).join('')}${unlisted}`
}
