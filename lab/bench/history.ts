// Many snapshots of one small source, and a restore of the one in the middle.
import { appendFileSync, cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ContenderName, Repository } from './tool.ts'
import { makeMixed, scaled } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import { measure } from './measured-process.ts'
import { assertSame, sidesOf, takeSample } from './measurement.ts'
import type { Sample, Setting } from './measurement.ts'
import type { RunResults } from './results.ts'

const snapshotsAtFullScale = 200
/** A point in time is told by the store's second: one must pass before the next snapshot. */
const secondMs = 1100

export interface History {
  description: string
  files: number
  bytes: number
  runs: RunResults[]
}

/** @param directory of the data, which changes a little before each snapshot. */
export async function measureHistory(directory: string, scale: number, setting: Setting): Promise<History> {
  const dataset = makeMixed(directory, 0.01)
  const count = scaled(snapshotsAtFullScale, scale)
  const repositories = new Map<ContenderName, Repository>()
  for (const contender of setting.contenders) {
    const repository = {
      bucket: `${contender.name}-history`,
      cache: join(setting.folder, `${contender.name}-cache`),
    }
    mkdirSync(repository.cache, { recursive: true })
    await contender.prepare(repository)
    repositories.set(contender.name, repository)
  }
  setting.report(`history: making ${count} snapshots for each`)
  const middle = Math.floor(count / 2)
  const kept = join(setting.folder, 'as-of-the-middle')
  const states = new Map<ContenderName, string>()
  for (let index = 0; index < count; index++) {
    appendFileSync(join(directory, dataset.oneFile), `${index}\n`)
    // Not timed: both at once.
    await Promise.all(
      setting.contenders.map(async (contender) => {
        const repository = repositories.get(contender.name)!
        const { output } = await measure(contender.backup(repository, directory), repository.cache)
        if (index === middle) states.set(contender.name, contender.stateOf(output))
      }),
    )
    if (index !== middle) continue
    cpSync(directory, kept, { recursive: true })
    await sleep(secondMs)
  }
  const samples = await restoreMiddle({ dataset, kept, repositories, states }, setting)
  const description = `${count} snapshots of ${dataset.files} files, each with a file that has changed; the one in the middle is restored`
  return {
    description,
    files: dataset.files,
    bytes: dataset.bytes,
    runs: [{ name: 'point-in-time', ...sidesOf(samples) }],
  }
}

interface Made {
  dataset: Dataset
  kept: string
  repositories: ReadonlyMap<ContenderName, Repository>
  states: ReadonlyMap<ContenderName, string>
}

async function restoreMiddle(made: Made, setting: Setting): Promise<Record<ContenderName, Sample[]>> {
  const samples: Record<ContenderName, Sample[]> = { holdfast: [], restic: [] }
  for (let round = 0; round < setting.rounds; round++) {
    for (const contender of round % 2 === 0 ? setting.contenders : setting.contenders.toReversed()) {
      const { name } = contender
      const repository = made.repositories.get(name)!
      const target = join(setting.folder, `${name}-restored`)
      const sample = await takeSample(
        contender.restore(repository, target, { state: made.states.get(name)! }),
        repository,
        setting,
      )
      setting.report(`  point-in-time ${name}: ${sample.cost.seconds.toFixed(2)} s`)
      samples[name].push(sample)
      if (round === 0) assertSame(made.kept, target)
      rmSync(target, { recursive: true, force: true })
    }
  }
  return samples
}
