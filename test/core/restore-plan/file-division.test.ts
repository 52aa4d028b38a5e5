import { mkdirSync, linkSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ChunkReader } from '../../../core/restore-plan/chunk-reader.ts'
import { planRestore } from '../../../core/restore-plan/restore-plan.ts'
import type { EntryPlan } from '../../../core/restore-plan/restore-plan.ts'
import { treeLimits } from '../../../core/limits.ts'
import { PathSelection } from '../../../core/tree/path-selection.ts'
import { write } from '../../fixtures/backup-steps.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { refusalOf } from '../../fixtures/restore-steps.ts'

const mib = 1024 * 1024

async function openSource(fill: (source: ProtectedSource) => void): Promise<ChunkReader> {
  const source = new ProtectedSource()
  fill(source)
  await source.backup()
  return ChunkReader.open(source.store, (await source.snapshot()).manifest)
}

function plansOf(reader: ChunkReader, count: number, paths: readonly string[] = []): Promise<EntryPlan[]> {
  const selection = (): PathSelection => new PathSelection(paths.map((path) => Buffer.from(path)))
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      planRestore(reader, selection(), { shard: { index: index + 1, count } }),
    ),
  )
}

function pathsOf({ files }: EntryPlan): string[] {
  return Array.from({ length: files.length }, (_, file) => files.pathOf(file).toString())
}

describe('the files of a snapshot', () => {
  const fill = (source: ProtectedSource): void => {
    for (let index = 0; index < 8; index++) {
      mkdirSync(join(source.directory, `d${index}/e`), { recursive: true })
      for (let file = 0; file < 6; file++)
        write(source, `d${index}/e/f${file}`, randomBytes(mib, index * 10 + file))
    }
    write(source, 'd3/empty', '')
    mkdirSync(join(source.directory, 'd4/nothing'))
    symlinkSync('d0', join(source.directory, 'link'))
    // Another name, far from the first one.
    linkSync(join(source.directory, 'd0/e/f0'), join(source.directory, 'd7/again'))
  }
  let filled: Promise<ChunkReader> | undefined
  const openFilled = (): Promise<ChunkReader> => (filled ??= openSource(fill))

  test('belong to one shard each, and have as many bytes in each', async () => {
    const reader = await openFilled()
    const whole = await planRestore(reader, new PathSelection())
    for (const count of [1, 2, 3, 4]) {
      const plans = await plansOf(reader, count)
      expect(plans.flatMap(pathsOf).sort()).toEqual(pathsOf(whole).sort())
      expect(plans.reduce((sum, { symlinks }) => sum + symlinks.length, 0)).toBe(1)
      expect(plans.reduce((sum, { files }) => sum + files.linkCount, 0)).toBe(1)
      const bytes = plans.map((plan) => plan.bytes)
      expect(bytes.reduce((sum, part) => sum + part, 0)).toBe(whole.bytes)
      // 16 MiB of random content fill a pack, so that four shards can't be closer.
      if (count < 4) expect(Math.max(...bytes) - whole.bytes / count).toBeLessThanOrEqual(16 * mib)
      // Each directory is in a shard, and each shard has the directories that its files need.
      const directories = new Set<string>()
      for (const plan of plans) {
        const made = new Set<string>()
        for (let directory = 0; directory < plan.directories.length; directory++)
          made.add(plan.directories.pathOf(directory).toString())
        expect(plan.inferredDirectories.size).toBe(0)
        for (const path of pathsOf(plan)) expect(made.has(path.split('/').slice(0, -1).join('/'))).toBe(true)
        made.forEach((path) => directories.add(path))
      }
      expect(directories.size).toBe(whole.directories.length)
    }
  })

  test('are divided such that a pack of small files is fetched by one shard', async () => {
    const reader = await openSource((source) => {
      for (let index = 0; index < 500; index++) write(source, `f${index}`, randomBytes(100_000, index))
    })
    const packs = (await plansOf(reader, 3)).map((plan) => [...plan.packs.keys()])
    const fetched = packs.flat()
    expect(fetched.length).toBeGreaterThan(2)
    expect(new Set(fetched).size).toBe(fetched.length)
  })

  test('are divided within the selection alone', async () => {
    const reader = await openFilled()
    const plans = await plansOf(reader, 2, ['d1', 'd5/e/f0'])
    expect(plans.flatMap(pathsOf).sort()).toEqual([
      ...Array.from({ length: 6 }, (_, file) => `d1/e/f${file}`),
      'd5/e/f0',
    ])
    expect(await refusalOf(plansOf(reader, 2, ['no']))).toMatchObject({ code: 'not-found' })
  })

  test('beyond a limit are refused before anything is kept', async () => {
    const reader = await openFilled()
    const limits = { ...treeLimits, entries: 20 }
    const plan = planRestore(reader, new PathSelection(), { limits, shard: { index: 1, count: 8 } })
    expect(await refusalOf(plan)).toMatchObject({ code: 'damaged' })
  })
})

test('an empty source is restored by its first shard, and the others restore its root', async () => {
  const reader = await openSource(() => {})
  for (const plan of await plansOf(reader, 3)) {
    expect([plan.files.length, plan.directories.length, plan.inferredDirectories.size]).toEqual([0, 1, 0])
  }
})
