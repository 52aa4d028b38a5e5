// Measures a restore of the middle one of many snapshots of a small source.
import { appendFileSync, cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ToolName, Repository } from './tool.ts'
import { makeMixed, scaled } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import { measure } from './measured-process.ts'
import { assertSame, sidesOf, takeSample } from './measurement.ts'
import type { Sample, Setting } from './measurement.ts'
import type { RunResults } from './results.ts'

const snapshotsAtFullScale = 200
/** A pause before the next snapshot, because the store's times have whole seconds. */
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
  const repositories = new Map<ToolName, Repository>()
  for (const tool of setting.tools) {
    const repository = {
      bucket: `${tool.name}-history`,
      cache: join(setting.folder, `${tool.name}-cache`),
    }
    mkdirSync(repository.cache, { recursive: true })
    await tool.prepare(repository)
    repositories.set(tool.name, repository)
  }
  setting.report(`history: making ${count} snapshots for each`)
  const middle = Math.floor(count / 2)
  const expectedDirectory = join(setting.folder, 'as-of-the-middle')
  const states = new Map<ToolName, string>()
  for (let index = 0; index < count; index++) {
    appendFileSync(join(directory, dataset.oneFile), `${index}\n`)
    // Both tools at once, because these backups are not timed.
    await Promise.all(
      setting.tools.map(async (tool) => {
        const repository = repositories.get(tool.name)!
        const { output } = await measure(tool.backup(repository, directory), repository.cache)
        if (index === middle) states.set(tool.name, tool.stateOf(output))
      }),
    )
    if (index !== middle) continue
    cpSync(directory, expectedDirectory, { recursive: true })
    await sleep(secondMs)
  }
  const samples = await restoreMiddle({ dataset, kept: expectedDirectory, repositories, states }, setting)
  const description = `${count} snapshots of ${dataset.files} files, each with a file that has changed; the one in the middle is restored`
  return {
    description,
    files: dataset.files,
    bytes: dataset.bytes,
    runs: [{ name: 'point-in-time', ...sidesOf(samples) }],
  }
}

interface MadeHistory {
  dataset: Dataset
  kept: string
  repositories: ReadonlyMap<ToolName, Repository>
  states: ReadonlyMap<ToolName, string>
}

async function restoreMiddle(history: MadeHistory, setting: Setting): Promise<Record<ToolName, Sample[]>> {
  const samples: Record<ToolName, Sample[]> = { holdfast: [], restic: [] }
  for (let round = 0; round < setting.rounds; round++) {
    for (const tool of round % 2 === 0 ? setting.tools : setting.tools.toReversed()) {
      const { name } = tool
      const repository = history.repositories.get(name)!
      const target = join(setting.folder, `${name}-restored`)
      const sample = await takeSample(
        tool.restore(repository, target, { state: history.states.get(name)! }),
        repository,
        setting,
      )
      setting.report(`  point-in-time ${name}: ${sample.cost.seconds.toFixed(2)} s`)
      samples[name].push(sample)
      if (round === 0) assertSame(history.kept, target)
      rmSync(target, { recursive: true, force: true })
    }
  }
  return samples
}
