import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { makeFolder } from '../command-line.ts'
import type { Outcome } from '../command-line.ts'
import { startSandboxedCommands } from '../sandboxed-commands.ts'

const { holdfast } = await startSandboxedCommands()
const vault = ['--bucket', 'locked', '--source', 'rental']
const tree = join(makeFolder(), 'data')
const hostileName = 'evil \u001b]0;owned\u0007\u202E\n'
const escapedName = 'evil \\x1b]0;owned\\x07\\xe2\\x80\\xae\\x0a'
const controls = /[\u0000-\u0009\u000b-\u001f\u007f\u202e]/
const times: string[] = []
const ids: string[] = []

/** The lines of text, with what differs from run to run replaced. */
function steadyLines({ stdout }: Outcome): string[] {
  const withoutTimes = stdout.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
  return ids
    .reduce((text, id, index) => text.replaceAll(id, `SNAPSHOT${index}`), withoutTimes)
    .trimEnd()
    .split('\n')
}

beforeAll(async () => {
  mkdirSync(join(tree, 'uploads', 'deep'), { recursive: true })
  writeFileSync(join(tree, 'config.json'), '{"port": 5432}\n', { mode: 0o640 })
  writeFileSync(join(tree, 'uploads', 'a.pdf'), 'one')
  writeFileSync(join(tree, 'uploads', 'deep', 'b.pdf'), 'two')
  writeFileSync(join(tree, 'uploads', hostileName), 'x')
  symlinkSync('config.json', join(tree, 'link'))
  const states = [
    () => undefined,
    () => writeFileSync(join(tree, 'uploads', 'a.pdf'), 'one, changed'),
    () => rmSync(join(tree, 'uploads', 'deep'), { recursive: true }),
  ]
  for (const change of states) {
    change()
    chmodSync(join(tree, 'uploads'), 0o755)
    utimesSync(join(tree, 'uploads'), 1_700_000_000, 1_700_000_000)
    const outcome = await holdfast(['backup', tree, ...vault, '--json'])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    const { snapshot } = outcome.records()[0] as { snapshot: { id: string; time: string } }
    ids.push(snapshot.id)
    times.push(snapshot.time)
  }
})

describe('holdfast ls', () => {
  test('lists the root, or one directory, with modes, sizes and times', async () => {
    const outcome = await holdfast(['ls', ids[0]!, ...vault])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(steadyLines(outcome)).toEqual([
      'rental, snapshot SNAPSHOT0 of TIME',
      'MODE          SIZE  MODIFIED              PATH',
      '-rw-r-----    15 B  TIME  config.json',
      'lrwxrwxrwx       -  TIME  link -> config.json',
      'drwxr-xr-x       -  TIME  uploads/',
    ])
    const uploads = await holdfast(['ls', 'latest', 'uploads', ...vault])
    expect(steadyLines(uploads).slice(2)).toEqual([
      '-rw-r--r--    12 B  TIME  uploads/a.pdf',
      `-rw-r--r--     1 B  TIME  uploads/${escapedName}`,
    ])
    expect(uploads.stdout).not.toMatch(controls)
  })

  test('lists everything below, and takes a time', async () => {
    const outcome = await holdfast(['ls', times[0]!, '--recursive', '--json', ...vault])
    expect(outcome.status).toBe(0)
    const records = outcome.records()
    expect(records.flatMap(({ type, path }) => (type === 'entry' ? [path] : []))).toEqual([
      'config.json',
      'link',
      'uploads',
      'uploads/a.pdf',
      'uploads/deep',
      'uploads/deep/b.pdf',
      `uploads/${escapedName}`,
    ])
    expect(records[0]).toMatchObject({ kind: 'file', size: 15, mode: '0640' })
    expect(records.at(-1)).toMatchObject({ type: 'listing', snapshot: ids[0], entries: 7 })
    expect(Buffer.from(String(records[6]!['pathBase64']), 'base64').toString()).toBe(`uploads/${hostileName}`)
  })

  test('takes five requests at most', async () => {
    const outcome = await holdfast(['ls', 'latest', '--json', ...vault])
    const requests = Object.values(outcome.records().at(-1)!['requests'] as Record<string, number>)
    expect(requests.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(5)
  })

  test.each([
    ['a snapshot that is not there', ['ls', '01KR5PJ0ZBFTW9W5W4FKB1NGJZ'], 5, 'has no snapshot'],
    [
      'a restore of a snapshot that is not there',
      ['restore', '--target', '/none/new', '--snapshot', '01KR5PJ0ZBFTW9W5W4FKB1NGJZ'],
      5,
      '01KR5PJ0ZBFTW9W5W4FKB1NGJZ',
    ],
    [
      'a comparison with one that is not there',
      ['diff', '01KR5PJ0ZBFTW9W5W4FKB1NGJZ', 'latest'],
      5,
      'has no snapshot',
    ],
    ['a path that is not there', ['ls', 'latest', 'none'], 5, 'the snapshot holds no none'],
    ['a path out of the source', ['ls', 'latest', '../x'], 2, 'is not a path below'],
    ['what names no snapshot', ['ls', 'newest\u001b[2J'], 2, 'names no snapshot'],
    ['a pattern that fits nothing', ['find', '*.docx'], 5, 'nothing in 3 snapshots fits'],
    ['no pattern', ['find'], 2, 'no pattern given'],
    ['a pattern that takes back', ['find', '!x'], 2, 'selects nothing'],
    ['one limit of two', ['find', '--changed-between', 'latest'], 2, 'takes two snapshots'],
    [
      'a restore of a pattern that fits nothing',
      ['restore', '--target', '/none/new', '*.docx'],
      5,
      'fits the pattern',
    ],
  ])('refuses %s', async (_, args, status, message) => {
    const outcome = await holdfast([...args, ...vault])
    expect(outcome.status).toBe(status)
    expect(outcome.stderr).toContain(message)
    expect(outcome.stderr).not.toMatch(controls)
    expect(outcome.stderr).not.toMatch(/^\s+at |a defect/m)
  })
})

test('holdfast find shows each version with the snapshots that have it', async () => {
  const outcome = await holdfast(['find', '*.pdf', ...vault])
  expect(outcome).toMatchObject({ status: 0, stderr: '' })
  expect(steadyLines(outcome)).toEqual([
    'rental',
    'uploads/a.pdf',
    '     3 B  TIME  in SNAPSHOT0 of TIME; not in the newest',
    '    12 B  TIME  in 2 snapshots, from SNAPSHOT1 of TIME to SNAPSHOT2 of TIME',
    'uploads/deep/b.pdf',
    '     3 B  TIME  in 2 snapshots, from SNAPSHOT0 of TIME to SNAPSHOT1 of TIME; not in the newest',
    '2 entries in 3 versions, in 3 snapshots',
  ])
  const json = await holdfast(['find', 'evil*', '--json', ...vault])
  expect(json.records()).toMatchObject([
    { type: 'version', path: `uploads/${escapedName}`, snapshots: 3, inNewest: true },
    { type: 'search-summary', entries: 1, versions: 1, snapshots: 3 },
  ])
})

test('holdfast find --changed-between names the snapshot from before the damage', async () => {
  const outcome = await holdfast(['find', '--changed-between', ids[2]!, ids[0]!, ...vault])
  expect(outcome).toMatchObject({ status: 0, stderr: '' })
  expect(steadyLines(outcome).slice(2)).toEqual([
    'TIME      SNAPSHOT1           0           1           0',
    '    changed       3 B -> 12 B  uploads/a.pdf (content, time)',
    'TIME      SNAPSHOT2           0           0           2',
    '    removed                 -  uploads/deep/',
    '    removed               3 B  uploads/deep/b.pdf',
    '',
    'The most changes and removals, 2 entries, came with SNAPSHOT2 of TIME.',
    'The snapshot before: SNAPSHOT1 of TIME. To restore it, pass --snapshot SNAPSHOT1',
  ])
  const filtered = await holdfast([
    'find',
    '--changed-between',
    ids[0]!,
    'latest',
    'uploads/*.pdf',
    '--json',
    ...vault,
  ])
  expect(filtered.records().at(-1)).toMatchObject({
    type: 'changes-summary',
    damage: { snapshot: { id: ids[1] }, before: { id: ids[0] }, entries: 1 },
  })
})

test('holdfast diff shows what two snapshots have differently', async () => {
  const outcome = await holdfast(['diff', ids[2]!, ids[0]!, ...vault])
  expect(outcome).toMatchObject({ status: 0, stderr: '' })
  expect(steadyLines(outcome)).toEqual([
    'rental: from SNAPSHOT2 of TIME to SNAPSHOT0 of TIME',
    'changed       12 B -> 3 B  uploads/a.pdf (content, time)',
    'added                   -  uploads/deep/',
    'added                 3 B  uploads/deep/b.pdf',
    '2 added (3 B), 1 changed (3 B), 0 removed',
  ])
  expect((await holdfast(['diff', ids[0]!, ids[0]!, ...vault])).stdout).toContain('Nothing changed.')
  const below = await holdfast(['diff', ids[0]!, 'latest', 'uploads/deep', '--json', ...vault])
  expect(below.records().at(-1)).toMatchObject({
    type: 'diff',
    added: { entries: 0 },
    removed: { entries: 2 },
  })
})

test('holdfast stats counts snapshots, and each pack once', async () => {
  const outcome = await holdfast(['stats', '--json', ...vault])
  expect(outcome.records()).toMatchObject([
    { type: 'source-stats', source: 'rental', snapshots: 3, unusable: 0, newest: { id: ids[2], files: 3 } },
  ])
  expect((await holdfast(['stats', ...vault])).stdout).toMatch(/^rental\n  snapshots  3, from /)
  expect(await holdfast(['stats', '--bucket', 'locked', '--source', 'none'])).toMatchObject({ status: 5 })
})

test('restore takes a pattern, and brings the directories above with it', async () => {
  const target = join(makeFolder(), 'new')
  const args = ['restore', '--snapshot', ids[0]!, '--target', target, 'uploads/**/*.pdf', ...vault]
  const outcome = await holdfast(args)
  expect(outcome.status).toBe(0)
  expect(outcome.stdout).toContain('uploads/**/*.pdf')
  expect(readdirSync(target, { recursive: true }).sort()).toEqual([
    'uploads',
    'uploads/a.pdf',
    'uploads/deep',
    'uploads/deep/b.pdf',
  ])
  const directory = join(makeFolder(), 'new')
  expect(await holdfast(['restore', '--target', directory, 'up*s', 'config.json', ...vault])).toMatchObject({
    status: 0,
  })
  expect(existsSync(join(directory, 'uploads', hostileName))).toBe(true)
  expect(existsSync(join(directory, 'config.json'))).toBe(true)
  expect(existsSync(join(directory, 'link'))).toBe(false)
})
