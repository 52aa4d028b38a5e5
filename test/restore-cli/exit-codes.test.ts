import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exitStatus } from '../../core/errors.ts'
import { buildProgram } from '../../restore-cli/program.ts'

const docs = join(import.meta.dirname, '../../docs')

test('docs/exit-codes.md has every code with its status, and no other', () => {
  const rows = [
    ...readFileSync(join(docs, 'exit-codes.md'), 'utf8').matchAll(/^\| (\d+) \| `([a-z-]+)` \| .{10,} \|$/gm),
  ]
  expect(Object.fromEntries(rows.map(([, status, code]) => [code, Number(status)]))).toEqual(exitStatus)
  expect(rows).toHaveLength(Object.keys(exitStatus).length)
})

/** Variables that the whole process obeys. docs/monitoring.md has those of the end of a run. */
const variablesWithoutOption = [
  'HOLDFAST_DEBUG',
  'HOLDFAST_HOOK',
  'HOLDFAST_PING_URL',
  'HOLDFAST_PROGRESS_SECONDS',
]

test('docs/cli.md names every variable that an option has, and those of the process', async () => {
  const program = await buildProgram(
    {
      bin: 'holdfast',
      environment: {},
      signal: new AbortController().signal,
      stdout: process.stdout,
      stderr: process.stderr,
    },
    ['completion'],
  )
  const declared = [program, ...program.commands].flatMap(({ options }) =>
    options.flatMap(({ envVar }) => envVar ?? []),
  )
  const documented = [...readFileSync(join(docs, 'cli.md'), 'utf8').matchAll(/`(HOLDFAST_[A-Z_]+)/g)].map(
    ([, name]) => name!,
  )
  expect([...new Set(documented)].sort()).toEqual(
    [...new Set([...declared, ...variablesWithoutOption])].sort(),
  )
})
