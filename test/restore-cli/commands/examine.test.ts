import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { makeFolder, runCommand } from '../command-line.ts'
import { loadedBy } from '../loaded-modules.ts'

const folder = makeFolder()
const tree = join(folder, 'tree')
const answer = join(folder, 'answer.json')

beforeAll(async () => {
  mkdirSync(tree)
  writeFileSync(join(tree, 'a'), 'one')
  expect(await runCommand(['examine', tree, '--answer', answer, '--run', 'night-1'])).toMatchObject({
    status: 0,
    stderr: '',
  })
})

describe('examine', () => {
  test('reports as text and as a record, the same on each run', async () => {
    const words = await runCommand(['examine', tree])
    expect(words.stdout).toContain('1 entry, 1 file, 3 B')
    const [record, ...otherRecords] = (
      await runCommand(['examine', tree, '--run', 'night-1', '--json'])
    ).records()
    expect(otherRecords).toEqual([])
    expect(record).toEqual(JSON.parse(readFileSync(answer, 'utf8')))
    expect(record).toMatchObject({
      type: 'examination',
      ok: true,
      entries: 1,
      files: 1,
      bytes: 3,
      postgres: null,
    })
  })

  test('never overwrites a file with its result', async () => {
    const before = readFileSync(answer, 'utf8')
    expect(await runCommand(['examine', tree, '--answer', answer])).toMatchObject({ status: 11 })
    expect(readFileSync(answer, 'utf8')).toBe(before)
  })

  test('ends with 4 for an empty directory, after the record, and with 5 for a missing one', async () => {
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    const outcome = await runCommand(['examine', empty, '--json'])
    expect(outcome.status).toBe(4)
    expect(outcome.records()).toMatchObject([{ ok: false, findings: ['the directory is empty'] }])
    expect(await runCommand(['examine', join(folder, 'none')])).toMatchObject({ status: 5, stdout: '' })
  })

  test.each([
    [['--kind', 'postgres']],
    [['--postgres-bin', '/usr']],
    [['--minutes', '0']],
    [['--minutes', '1441']],
    [['--run', 'a b']],
    [['--kind', 'bucket']],
    [['--bucket', 'vault']],
  ])('refuses %j', async (args) => {
    expect(await runCommand(['examine', tree, ...args])).toMatchObject({ status: 2, stdout: '' })
  })

  test('names the missing program of PostgreSQL', async () => {
    const outcome = await runCommand(['examine', tree, '--kind', 'postgres', '--postgres-bin', folder])
    expect(outcome).toMatchObject({ status: 5 })
    expect(outcome.stderr).toContain(join(folder, 'postgres'))
  })
})

test('neither command loads code that could reach a network or credentials', () => {
  const commands = resolve(import.meta.dirname, '../../../restore-cli/commands')
  const { files, packages } = loadedBy(
    ['examine.ts', 'check-examination.ts'].map((name) => join(commands, name)),
    { withDynamic: true },
  )
  expect(packages).toEqual([
    'commander',
    'node:child_process',
    'node:crypto',
    'node:fs',
    'node:fs/promises',
    'node:os',
    'node:path',
    'node:readline',
    'node:stream',
    'node:util',
    'pretty-bytes',
    'yocto-spinner',
    'zod',
  ])
  expect(files.filter((file) => /\/(aws|engine)\//.test(file))).toEqual([])
})

describe('check-examination', () => {
  const check = (...args: string[]) =>
    runCommand(['check-examination', answer, '--source', 'uploads', '--json', ...args])

  test('prints its own record of a good result, with the source that the caller names', async () => {
    const outcome = await check('--run', 'night-1', '--kind', 'volume')
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(outcome.records()).toMatchObject([
      { type: 'checked-examination', source: 'uploads', ok: true, run: 'night-1', kind: 'volume', files: 1 },
    ])
  })

  test('takes its run from the environment too, as in a container', async () => {
    expect(
      await runCommand(['check-examination', answer, '--source', 'uploads'], {
        env: { HOLDFAST_RUN: 'night-1' },
      }),
    ).toMatchObject({ status: 0 })
    expect(
      await runCommand(['check-examination', answer, '--source', 'uploads'], {
        env: { HOLDFAST_RUN: 'night-2' },
      }),
    ).toMatchObject({ status: 4, stdout: '' })
  })

  test.each([[['--run', 'night-2']], [['--kind', 'postgres']]])(
    'ends with 4 and no record for a result of something else: %j',
    async (args) => {
      expect(await check(...args)).toMatchObject({ status: 4, stdout: '' })
    },
  )

  test('ends with 4 after the record if something was lost', async () => {
    const corruptFile = join(folder, 'bad.json')
    writeFileSync(
      corruptFile,
      JSON.stringify({
        ...(JSON.parse(readFileSync(answer, 'utf8')) as object),
        ok: false,
        findings: ['gone'],
        findingCount: 1,
      }),
    )
    const outcome = await runCommand(['check-examination', corruptFile, '--source', 'uploads', '--json'])
    expect(outcome.status).toBe(4)
    expect(outcome.records()).toMatchObject([{ type: 'checked-examination', ok: false }])
  })

  test('shows nothing of a hostile result', async () => {
    const hostile = join(folder, 'hostile.json')
    writeFileSync(
      hostile,
      JSON.stringify({ type: 'checked-examination', source: 'uploads', ok: true, 'evil\u001b[2J': 'evil' }),
    )
    const outcome = await runCommand(['check-examination', hostile, '--source', 'uploads', '--json'])
    expect(outcome).toMatchObject({ status: 4, stdout: '' })
    expect(outcome.stderr).not.toMatch(/evil/)
  })
})
