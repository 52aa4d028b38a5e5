import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DeleteObjectCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3'
import { beforeAll, describe, expect, test } from 'vitest'
import { rootOf } from '../lab/sandbox/world.ts'
import { makeFolder, runCommand } from './command-line.ts'
import type { Outcome, ProcessSurroundings } from './command-line.ts'
import { startSandboxedCommands } from './sandboxed-commands.ts'
import { describeDirectory } from '../fixtures/directory-description.ts'

const { environment, holdfast, sandbox, steady } = await startSandboxedCommands()

const isRoot = process.getuid?.() === 0
const nobody = 65_534
const tree = join(makeFolder(), 'data')
/** Doesn't compress, so that its pack is the largest. */
const scan = randomBytes(300_000)
const hostileName = Buffer.from('evil \u001b]0;owned\u0007\u202E\n', 'utf8')
const byteName = Buffer.from([0x6e, 0xff, 0xfe, 0x2e, 0x74, 0x78, 0x74])

function pathOf(name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${tree}/`), name])
}

interface BackupRecord {
  snapshot: { id: string; time: string; timeMs: number }
  complete: boolean
  bytesUploaded: number
}
const backups: BackupRecord[] = []

beforeAll(async () => {
  mkdirSync(join(tree, 'uploads'), { recursive: true })
  writeFileSync(join(tree, 'config.json'), '{"port": 5432}\n')
  writeFileSync(join(tree, 'uploads', 'scan.bin'), scan)
  writeFileSync(pathOf(byteName), 'bytes')
  symlinkSync('config.json', join(tree, 'link'))
  execFileSync(
    'mkfifo',
    [hostileName.toString()].map((name) => join(tree, name)),
  )
  for (const content of ['first\n', 'second\n']) {
    writeFileSync(join(tree, 'state.txt'), content)
    const outcome = await holdfast(['backup', tree, '--source', 'rental', '--bucket', 'locked', '--json'])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    backups.push(outcome.records()[0] as unknown as BackupRecord)
    // Snapshots are told apart by the second.
    await sleep(1_100)
  }
})

describe('holdfast backup', () => {
  test('reports what it did', () => {
    expect(backups[0]).toMatchObject({
      type: 'backup',
      source: 'rental',
      complete: true,
      lock: { mode: 'COMPLIANCE', days: 40 },
      vault: `s3://locked at ${sandbox.endpoint}`,
    })
    expect(backups[1]!.bytesUploaded).toBeLessThan(backups[0]!.bytesUploaded)
  })

  test('reports the same as text, with hostile names escaped', async () => {
    const outcome = await holdfast(['backup', tree, '--source', 'words', '--bucket', 'locked'])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(outcome.stdout).not.toMatch(/[\u001b\u0007\u202e]/u)
    // Said only where getfattr is not installed.
    expect(
      steady(outcome.stdout.replaceAll(tree, '/data'))
        .replace(/ {2}not seen .*\n/, '')
        .replace(/[\d.]+ k?B/g, 'N B'),
    ).toMatchSnapshot()
  })

  test('on a dry run uploads nothing', async () => {
    const outcome = await holdfast([
      'backup',
      tree,
      '--source',
      'dry',
      '--bucket',
      'locked',
      '--dry-run',
      '--json',
    ])
    expect(outcome.records()).toMatchObject([{ type: 'backup', snapshot: null, bytesUploaded: 0 }])
    expect(await holdfast(['snapshots', '--source', 'dry', '--bucket', 'locked'])).toMatchObject({
      status: 5,
    })
  })

  test('with unreadable entries ends with 3: the snapshot is in the vault, and lists the missing entries', async () => {
    const folder = join(makeFolder(), 'data')
    mkdirSync(folder)
    writeFileSync(join(folder, 'open'), 'open')
    writeFileSync(join(folder, 'secret'), 'secret')
    chmodSync(join(folder, 'secret'), 0)
    const cache = join(makeFolder(), 'cache')
    mkdirSync(cache)
    if (isRoot)
      for (const path of [join(folder, '..'), folder, join(cache, '..'), cache])
        chownSync(path, nobody, nobody)
    const outcome = await holdfast(
      ['backup', folder, '--source', 'partial', '--bucket', 'locked', '--cache-dir', cache, '--json'],
      isRoot ? { uid: nobody } : {},
    )
    expect(outcome.status).toBe(3)
    expect(outcome.records()).toMatchObject([
      {
        complete: false,
        files: 1,
        problems: [{ kind: 'unreadable', path: 'secret', pathBase64: 'c2VjcmV0' }],
      },
    ])
    expect(JSON.parse(outcome.stderr)).toMatchObject({ code: 'incomplete', exitStatus: 3 })
    const listed = await holdfast(['snapshots', '--source', 'partial', '--bucket', 'locked'])
    expect(listed.stdout).toContain('incomplete (1 problem)')
  })

  describe('of which something was unreadable', () => {
    const name = ['--source', 'gaps', '--bucket', 'locked']
    const target = (): string => join(makeFolder(), 'restored')
    const ids: string[] = []

    beforeAll(async () => {
      const folder = join(makeFolder(), 'data')
      const cache = join(makeFolder(), 'cache')
      mkdirSync(join(folder, 'letters'), { recursive: true })
      mkdirSync(cache)
      writeFileSync(join(folder, 'letters', 'open'), 'open')
      if (isRoot)
        for (const path of [join(folder, '..'), folder, join(folder, 'letters'), join(cache, '..'), cache])
          chownSync(path, nobody, nobody)
      const backUp = (): Promise<Outcome> =>
        holdfast(['backup', folder, ...name, '--cache-dir', cache, '--json'], isRoot ? { uid: nobody } : {})
      ids.push(idOf(await backUp()))
      writeFileSync(join(folder, 'secret'), 'secret')
      chmodSync(join(folder, 'secret'), 0)
      await sleep(1_100)
      ids.push(idOf(await backUp()))
    })

    function idOf(outcome: Outcome): string {
      return (outcome.records()[0] as unknown as BackupRecord).snapshot.id
    }

    test('restore asks first: nothing is written, and both choices are named', async () => {
      const directory = target()
      const outcome = await holdfast(['restore', ...name, '--target', directory, '--json'])
      expect(outcome).toMatchObject({ status: 5, stdout: '' })
      expect(JSON.parse(outcome.stderr)).toMatchObject({
        code: 'ambiguous',
        message: expect.stringContaining('it lacks secret (unreadable)') as string,
        hint: expect.stringContaining(`--complete-only to restore ${ids[0]}`) as string,
      })
      expect(existsSync(directory)).toBe(false)
    })

    test('restore brings back the complete one before it with --complete-only', async () => {
      const outcome = await holdfast(['restore', ...name, '--target', target(), '--json', '--complete-only'])
      expect(outcome.status).toBe(0)
      expect(outcome.records().at(-1)).toMatchObject({
        snapshot: ids[0],
        ok: true,
        skipped: [{ id: ids[1] }],
      })
    })

    test('restore with --allow-incomplete names at both ends what is missing, ends with 3, and examine fails', async () => {
      const directory = target()
      const outcome = await holdfast(['restore', ...name, '--target', directory, '--allow-incomplete'])
      expect(outcome.status).toBe(3)
      const [plan, result] = outcome.stdout.split('RESTORED IN PART')
      for (const report of [plan, result]) expect(report).toContain('  secret: EACCES')
      const test = await holdfast(['examine', directory, '--json'])
      expect(test.status).toBe(4)
      expect(test.records()).toMatchObject([{ ok: false, files: 1 }])
    })

    test('restore of paths that lack nothing is complete', async () => {
      const directory = target()
      const outcome = await holdfast(['restore', ...name, '--target', directory, 'letters'])
      expect(outcome.status).toBe(0)
      expect(await holdfast(['examine', directory])).toMatchObject({ status: 0 })
      expect(await holdfast(['restore', ...name, '--target', target(), 'secret'])).toMatchObject({
        status: 5,
      })
    })

    test('snapshots --problems lists it', async () => {
      const outcome = await holdfast(['snapshots', ...name, '--problems', ids[1]!, '--json'])
      expect(outcome.records()).toMatchObject([
        { complete: false, problems: [{ kind: 'unreadable', path: 'secret' }] },
      ])
      const text = await holdfast(['snapshots', ...name, '--problems', ids[1]!])
      expect(text.stdout).toContain(
        'INCOMPLETE, 1 problem.\nUnreadable, not in the snapshot:\n  secret: EACCES',
      )
    })
  })

  test('to a bucket without locks is refused, unless --allow-unlocked accepts it', async () => {
    const args = ['backup', tree, '--source', 'rental', '--bucket', 'versioned']
    const refused = await holdfast(args)
    expect([refused.status, refused.stdout]).toEqual([9, ''])
    expect(steady(refused.stderr)).toMatchSnapshot()
    expect(await holdfast([...args, '--allow-unlocked', '--json'])).toMatchObject({ status: 0 })
  })

  test('of a missing directory is an error', async () => {
    const outcome = await holdfast([
      'backup',
      join(tree, 'absent'),
      '--source',
      'rental',
      '--bucket',
      'locked',
    ])
    expect(outcome.status).toBe(5)
    expect(outcome.stderr).toMatch(/^holdfast: .*absent/)
  })
})

describe('holdfast snapshots', () => {
  test('lists the recovery points, oldest first', async () => {
    const outcome = await holdfast(['snapshots', '--bucket', 'locked', '--source', 'rental', '--json'])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(outcome.records()).toMatchObject(
      backups.map(({ snapshot }) => ({
        type: 'snapshot',
        source: 'rental',
        id: snapshot.id,
        time: snapshot.time,
        usable: true,
        complete: true,
      })),
    )
  })

  test('as a table', async () => {
    const outcome = await holdfast(['snapshots', '--bucket', 'locked', '--source', 'rental'])
    // A column is as wide as its times, with milliseconds or without.
    expect(steady(outcome.stdout).replace(/TIME +/g, 'TIME  ')).toMatchSnapshot()
  })

  test('survives a reader that closes the pipe', async () => {
    const outcome = await holdfast(['snapshots', '--bucket', 'locked'], {
      onStart: (child) => child.stdout!.destroy(),
    })
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
  })
})

describe('holdfast restore', () => {
  const restore = (args: readonly string[], surroundings: ProcessSurroundings = {}): Promise<Outcome> =>
    holdfast(['restore', '--bucket', 'locked', '--source', 'rental', ...args], surroundings)

  test('to a point in time restores the state of that time, and reports the time missing', async () => {
    const target = join(makeFolder(), 'restored')
    const pointInTime = new Date(backups[0]!.snapshot.timeMs + 500).toISOString()
    const outcome = await restore(['--point-in-time', pointInTime, '--target', target, '--json'])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(readFileSync(join(target, 'state.txt'), 'utf8')).toBe('first\n')
    expect(readFileSync(join(target, 'uploads', 'scan.bin')).equals(scan)).toBe(true)
    expect(readdirSync(target, { encoding: 'buffer' }).some((name) => name.equals(byteName))).toBe(true)
    expect(outcome.records()).toMatchObject([
      { type: 'plan', snapshot: backups[0]!.snapshot.id, target, missingMs: 500, files: 4 },
      {
        type: 'restore',
        ok: true,
        asOf: backups[0]!.snapshot.time,
        notRestored: [{ pathBase64: hostileName.toString('base64') }],
      },
    ])
  })

  test('without a time restores the newest snapshot', async () => {
    const target = join(makeFolder(), 'restored')
    const outcome = await runCommand(['--bucket', 'locked', '--source', 'rental', '--target', target], {
      bin: 'restore-main.ts',
      env: environment(),
    })
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(readFileSync(join(target, 'state.txt'), 'utf8')).toBe('second\n')
    expect(outcome.stdout).not.toMatch(/[\u001b\u0007\u202e]/u)
    expect(steady(outcome.stdout)).toMatchSnapshot()
  })

  test('in shards that an engine numbers, and verify in shards', async () => {
    const target = join(makeFolder(), 'restored')
    const name = ['--snapshot', backups[1]!.snapshot.id]
    const part = [...name, '--target', target]
    for (const [index, count] of [
      ['0', '2'],
      ['1', '2'],
    ] as const) {
      const env = { AWS_BATCH_JOB_ARRAY_INDEX: index, AWS_BATCH_JOB_ARRAY_SIZE: count }
      const outcome = await restore([...part, '--shard', 'auto', '--json'], { env })
      expect(outcome).toMatchObject({ status: 0, stderr: '' })
      const shard = { index: Number(index) + 1, count: 2 }
      expect(outcome.records()).toMatchObject([
        { type: 'plan', part: { kind: 'shard', shard } },
        { type: 'restore', part: { kind: 'shard', shard }, ok: true },
      ])
      if (index === '0') expect((await restore([...part, '--finish'])).status).toBe(3)
      const verified = await holdfast(
        [
          'verify',
          '--bucket',
          'locked',
          '--source',
          'rental',
          ...name,
          '--read-data',
          '--shard',
          'auto',
          '--json',
        ],
        { env },
      )
      expect(verified.records()).toMatchObject([{ type: 'verify', ok: true, shard }])
    }
    expect(await restore([...part, '--finish'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('Restored: rental') as string,
    })
    const whole = join(makeFolder(), 'restored')
    await restore([...name, '--target', whole])
    expect(describeDirectory(target)).toEqual(describeDirectory(whole))
    expect(await restore(['--target', join(makeFolder(), 'r'), '--shard', '1/2'])).toMatchObject({
      status: 2,
    })
  })

  test('of a named snapshot, and of single paths, which may have names of any bytes', async () => {
    const target = join(makeFolder(), 'restored')
    const outcome = await restore([
      '--snapshot',
      backups[0]!.snapshot.id,
      '--target',
      target,
      './uploads/',
      'n\\xff\\xfe.txt',
    ])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(
      readdirSync(target, { encoding: 'buffer' })
        .map((name) => name.toString('latin1'))
        .sort(),
    ).toEqual([byteName.toString('latin1'), 'uploads'])
  })

  test('on a dry run shows the plan and writes nothing', async () => {
    const parent = makeFolder()
    const outcome = await restore(['--target', join(parent, 'restored'), '--dry-run'])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(outcome.stdout).toContain('Plan: restore rental')
    expect(outcome.stdout).toContain('Dry run: nothing was written.')
    expect(readdirSync(parent)).toEqual([])
  })

  test.each([
    ['without a zone', '2026-04-24T10:00:00', 2],
    ['in the future', '2999-01-01T00:00:00Z', 2],
    ['before the first snapshot', '1999-01-01T00:00:00Z', 5],
  ])('to a time %s is refused, and the hint has the range of snapshots', async (_what, time, status) => {
    const outcome = await restore(['--point-in-time', time, '--target', join(makeFolder(), 'restored')])
    expect([outcome.status, outcome.stdout]).toEqual([status, ''])
    expect(outcome.stderr).toContain(backups[0]!.snapshot.time)
    expect(outcome.stderr).toContain(backups[1]!.snapshot.time)
    expect(steady(outcome.stderr)).toMatchSnapshot()
  })

  test("into a directory that isn't empty is refused, and changes nothing", async () => {
    const target = makeFolder()
    writeFileSync(join(target, 'mine'), 'mine')
    expect(await restore(['--target', target])).toMatchObject({ status: 11 })
    expect(readdirSync(target)).toEqual(['mine'])
  })

  test('of a missing path or snapshot is `not-found`', async () => {
    const target = join(makeFolder(), 'restored')
    expect(await restore(['--target', target, 'no/such'])).toMatchObject({ status: 5 })
    expect(await restore(['--target', target, '--snapshot', '01ARZ3NDEKTSV4RRFFQ69G5FAV'])).toMatchObject({
      status: 5,
    })
    expect(
      await holdfast(['restore', '--bucket', 'locked', '--source', 'other', '--target', target]),
    ).toMatchObject({ status: 5 })
  })

  test('needs --source if the vault has several sources', async () => {
    const outcome = await holdfast(['restore', '--bucket', 'locked', '--target', '/r'])
    expect(outcome.status).toBe(5)
    expect(outcome.stderr).toMatch(/--source: .*rental/)
  })
})

describe('holdfast verify', () => {
  test('of an intact snapshot reports that, and until when it is locked', async () => {
    const outcome = await holdfast([
      'verify',
      '--bucket',
      'locked',
      '--source',
      'rental',
      '--read-data',
      '--json',
    ])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(outcome.records()).toMatchObject([
      { type: 'verify', ok: true, snapshot: backups[1]!.snapshot.id, readData: true, objects: [], files: [] },
    ])
    expect(Date.parse(outcome.records()[0]!['lockedUntil'] as string)).toBeGreaterThan(
      Date.now() + 39 * 86_400_000,
    )
  })

  test('of a share reads another part each day, and reports which', async () => {
    const outcome = await holdfast([
      'verify',
      '--bucket',
      'locked',
      '--source',
      'rental',
      '--read-share',
      '5',
      '--json',
    ])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    const today = Math.floor(Date.now() / 86_400_000) % 5
    const [record] = outcome.records()
    expect(record).toMatchObject({ ok: true, readData: false, readShare: { of: 5 } })
    // Midnight may pass meanwhile.
    expect([today, (today + 1) % 5]).toContain((record!['readShare'] as { part: number }).part)
    expect(
      await holdfast(['verify', '--bucket', 'locked', '--source', 'rental', '--read-share', '1']),
    ).toMatchObject({ status: 2 })
  })

  test('of a snapshot without locks ends with 9', async () => {
    await holdfast(['backup', tree, '--source', 'unlocked', '--bucket', 'versioned', '--allow-unlocked'])
    expect(await holdfast(['verify', '--bucket', 'versioned', '--source', 'unlocked'])).toMatchObject({
      status: 9,
    })
  })

  test('of a damaged snapshot ends with 4 and names every file; a restore of the other files ends with 4 too', async () => {
    await holdfast(['backup', tree, '--source', 'damaged', '--bucket', 'versioned', '--allow-unlocked'])
    writeFileSync(join(tree, 'late.txt'), 'written later\n')
    await holdfast(['backup', tree, '--source', 'damaged', '--bucket', 'versioned', '--allow-unlocked'])
    // The first backup's content is lost, the second one's is there.
    const client = rootOf(sandbox)
    const { Versions = [] } = await client.send(
      new ListObjectVersionsCommand({ Bucket: 'versioned', Prefix: 'sources/damaged/packs/' }),
    )
    const lost = Versions.toSorted((a, b) => b.Size! - a.Size!)[0]!
    await client.send(
      new DeleteObjectCommand({ Bucket: 'versioned', Key: lost.Key, VersionId: lost.VersionId }),
    )

    const verified = await holdfast(['verify', '--bucket', 'versioned', '--source', 'damaged', '--json'])
    expect(verified.status).toBe(4)
    expect(JSON.stringify(verified.records()[0])).toContain('uploads/scan.bin')
    expect(verified.records()).toMatchObject([{ ok: false }])

    const target = join(makeFolder(), 'restored')
    const restored = await holdfast([
      'restore',
      '--bucket',
      'versioned',
      '--source',
      'damaged',
      '--target',
      target,
    ])
    expect(restored.status).toBe(4)
    expect(restored.stdout).toContain('RESTORED IN PART')
    expect(restored.stdout).toContain('uploads/scan.bin')
    expect(readdirSync(join(target, 'uploads'))).toEqual([])
  })
})
