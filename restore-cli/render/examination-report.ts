// What an examination found, in words.
import type { Answer } from '../../checks/restore-test/answer.ts'
import { bytesText, countOf, rows } from './figures.ts'
import { terminalText } from './terminal-text.ts'

export function renderExamination(answer: Answer, name: string): string {
  const { postgres, findings, findingCount } = answer
  const more =
    findingCount > findings.length
      ? `  … and ${countOf(findingCount - findings.length, 'more finding')}\n`
      : ''
  return `${terminalText(name)}: ${answer.ok ? 'all of it can be read.' : `${countOf(findingCount, 'finding')}.`}
${rows([
  [
    'Read',
    `${countOf(answer.entries, 'entry', 'entries')}, ${countOf(answer.files, 'file')}, ${bytesText(answer.bytes)}`,
  ],
  ['SHA-256', answer.sha256],
  ...(postgres === null
    ? []
    : [
        [
          'PostgreSQL',
          `${countOf(postgres.databases, 'database')}, ${countOf(postgres.tables, 'table')}, ${countOf(postgres.rows, 'row')}`,
        ] as const,
        ['SHA-256', postgres.sha256] as const,
      ]),
])}${findings.map((finding) => `  ${terminalText(finding)}\n`).join('')}${more}`
}
