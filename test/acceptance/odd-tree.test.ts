// A tree of 10,000 odd entries and a file of 5 GiB, through the command line, compared by an independent tool.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { runProcess } from '../restore-cli/command-line.ts'
import { region, startWorld, vaultAccount } from '../lab/sandbox/world.ts'
import { makeOddTree } from './odd-tree.ts'

const bigMib = Number(process.env['HOLDFAST_TEST_BIG_MIB'] ?? 5120)
const folder = mkdtempSync(join(tmpdir(), 'holdfast-acceptance-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const sandbox = await startWorld()
const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(vaultAccount)
const env = {
  AWS_REGION: region,
  AWS_ENDPOINT_URL: sandbox.endpoint,
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
  HOME: folder,
}
const source = join(folder, 'source')
const target = join(folder, 'target')

describe('a tree of 10,000 odd entries', () => {
  const odd = makeOddTree(source, bigMib)

  test('is backed up whole, and what is not recorded is reported', async () => {
    const args = [
      'backup',
      source,
      '--source',
      'odd',
      '--bucket',
      'locked',
      '--cache-dir',
      join(folder, 'cache'),
      '--json',
    ]
    const backup = await runProcess(args, { env, timeoutMs: 600_000 })
    expect(backup.stderr).not.toMatch(/error/i)
    expect(backup.status).toBe(0)
    const record = backup.records().find((entry) => entry['type'] === 'backup') as {
      entries: number
      problems: { kind: string; path: string }[]
    }
    expect(record.entries).toBeGreaterThan(10_000)
    const named = (kind: string): string[] =>
      record.problems.filter((problem) => problem.kind === kind).map(({ path }) => path)
    expect(named('not-restorable').sort()).toEqual(odd.special)
    expect(named('not-recorded')).toEqual(odd.withAttributes)
  }, 600_000)

  test('restores equal by rsync, but for what was reported', async () => {
    const restore = await runProcess(
      ['restore', '--source', 'odd', '--bucket', 'locked', '--target', target],
      { env, timeoutMs: 600_000 },
    )
    expect(restore.status).toBe(0)
    const options = ['-aHn', '--checksum', '--itemize-changes', '--delete', `${source}/`, `${target}/`]
    const differences = execFileSync('rsync', options, { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line !== '')
    expect(differences).toEqual(['cS+++++++++ fifo', 'cD+++++++++ null'])
    for (const name of odd.special) expect(restore.stdout + restore.stderr).toContain(name)
  }, 600_000)

  test('keeps times to the microsecond, which rsync does not compare', () => {
    const times = (root: string): string =>
      execFileSync('find', ['.', '-type', 'f,d,l', '!', '-name', 'null', '-printf', '%p %T@\\0'], {
        cwd: root,
        encoding: 'latin1',
        maxBuffer: 2 ** 26,
      })
    const micros = (root: string): string[] =>
      times(root)
        .split('\0')
        .map((entry) => entry.replace(/(\.\d{6})\d+$/, '$1'))
        .sort()
    const [before, after] = [micros(source), micros(target)]
    // A double of seconds keeps a quarter of a microsecond: the last digit may differ by rounding.
    const digit = (entry: string): number => Math.round(Number(entry.slice(entry.lastIndexOf(' ') + 1)) * 1e6)
    const off = before.filter((entry, index) => Math.abs(digit(entry) - digit(after[index]!)) > 1)
    expect(before.length).toBe(after.length)
    expect(off).toEqual([])
  })

  test('keeps a sparse file sparse', () => {
    expect(statSync(join(target, 'sparse')).size).toBe(3 * 1024 ** 3)
    expect(statSync(join(target, 'sparse')).blocks * 512).toBeLessThan(2 * 1024 ** 2)
  })
})
