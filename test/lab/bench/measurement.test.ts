import { cpSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Tool, ToolName } from '../../../lab/bench/tool.ts'
import { makeTiny } from '../../../lab/bench/dataset.ts'
import type { Invocation } from '../../../lab/bench/measured-process.ts'
import { measureDataset } from '../../../lab/bench/measurement.ts'
import type { Setting } from '../../../lab/bench/measurement.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

/** Backs up by `cp` into a folder: enough of a tool to be measured. */
function makeCopier(name: ToolName, folder: string, log: string[]): Tool {
  const bucketOf = (bucket: string): string => join(folder, bucket)
  const copy = (from: string, to: string): Invocation => ({
    program: '/bin/cp',
    args: ['-r', '-T', from, to],
    env: {},
    directory: folder,
  })
  return {
    name,
    prepare: ({ bucket }) => {
      log.push(`${name} prepares ${bucket}`)
      mkdirSync(bucketOf(bucket))
      return Promise.resolve()
    },
    backup: ({ bucket }, directory) => copy(directory, bucketOf(bucket)),
    restore: ({ bucket }, target, selection = {}) => {
      log.push(`${name} restores ${selection.path ?? 'all'}`)
      return copy(
        selection.path === undefined ? bucketOf(bucket) : join(bucketOf(bucket), selection.path),
        target,
      )
    },
    verify: ({ bucket }) => copy(bucketOf(bucket), '/dev/null'),
    stateOf: () => 'latest',
  }
}

function makeSetting(
  rounds: number,
  change: Partial<Setting> = {},
): { setting: Setting; log: string[]; folder: string } {
  const folder = makeTemporaryDirectory()
  const log: string[] = []
  const work = join(folder, 'work')
  mkdirSync(work)
  let clock = 0
  return {
    folder,
    log,
    setting: {
      tools: [makeCopier('holdfast', folder, log), makeCopier('restic', folder, log)],
      folder: work,
      rounds,
      calmMs: 0,
      sync: () => {},
      report: () => {},
      runs: ['first', 'no-change', 'change', 'restore', 'restore-one'],
      gateway: {
        mark: () => 0,
        requestsSince: () => ({ PutObject: 1 }),
        cpuSeconds: () => (clock += 0.5),
        storedBytes: (bucket) =>
          readdirSync(join(folder, bucket), { recursive: true, withFileTypes: true }).reduce(
            (sum, entry) => sum + (entry.isFile() ? statSync(join(entry.parentPath, entry.name)).size : 0),
            0,
          ),
        forget: (bucket) => void log.push(`${bucket} is forgotten`),
        fetchAll: () => Promise.resolve(1),
      },
      ...change,
    },
  }
}

function makeData(): ReturnType<typeof makeTiny> {
  const directory = join(makeTemporaryDirectory(), 'data')
  mkdirSync(directory)
  return makeTiny(directory, 0.0005)
}

describe('a measurement', () => {
  test('has each run of both tools once a round, who begins alternating, each round in new buckets', async () => {
    const { setting, log, folder } = makeSetting(2)
    const dataset = makeData()
    const { runs, ceilings } = await measureDataset(dataset, setting)
    expect(runs.map(({ name }) => name)).toEqual(setting.runs)
    for (const { holdfast, restic } of runs) {
      for (const side of [holdfast, restic]) {
        expect(side.seconds).toHaveLength(2)
        expect(side).toMatchObject({
          storedBytes: dataset.bytes,
          requests: { PutObject: 1 },
          storeCpuSeconds: [0.5, 0.5],
        })
      }
    }
    expect(log.filter((line) => line.includes('prepares')).map((line) => line.split(' ')[0])).toEqual([
      'holdfast',
      'restic',
      'restic',
      'holdfast',
    ])
    expect(log.filter((line) => line.includes('forgotten'))).toHaveLength(4)
    expect(log.filter((line) => line.includes('restores all'))).toHaveLength(4)
    expect(ceilings).toMatchObject({
      networkSeconds: 1,
      writeSeconds: expect.any(Number) as number,
      decodeSeconds: expect.any(Number) as number,
    })
    expect(readdirSync(join(folder, 'work'))).toEqual([])
  })

  test('skips unrequested runs, except the first backup that the others need', async () => {
    const { setting, log } = makeSetting(1, { runs: ['restore-one'] })
    const { runs } = await measureDataset(makeData(), setting)
    expect(runs.map(({ name }) => name)).toEqual(['restore-one'])
    expect(log).toContain('holdfast restores tiny/0/0')
    expect(log.filter((line) => line.includes('restores all'))).toEqual([])
  })

  test('fails if the restored data differ', async () => {
    const { setting, folder } = makeSetting(1)
    const [copier] = setting.tools
    const otherDirectory = makeTemporaryDirectory()
    cpSync(import.meta.filename, join(otherDirectory, 'something else'))
    const liar: Tool = {
      ...copier!,
      restore: (_, target) => ({
        program: '/bin/cp',
        args: ['-r', '-T', otherDirectory, target],
        env: {},
        directory: folder,
      }),
    }
    await expect(
      measureDataset(makeData(), { ...setting, tools: [liar, setting.tools[1]!] }),
    ).rejects.toThrow(/is not what is in/)
  })
})
