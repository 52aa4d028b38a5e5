// The model of the writer against the engine: real files of each workload, backed up for 12 days, over a Sunday and the
// begin of a generation. The check then reads the figures from the vault.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import type { DailyUploads, SnapshotFigures } from '../../../checks/behaviour/daily-figures.ts'
import { readHistory } from '../../../checks/behaviour/source-history.ts'
import { defaultObjectives } from '../../../checks/settings.ts'
import { SourceState } from '../../../checks/source-state.ts'
import { SourceView } from '../../../checks/source-view.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import type { SimulatedChunk, SimulatedFile } from '../../../lab/baselines/simulated-source.ts'
import { SimulatedWriter } from '../../../lab/baselines/simulated-writer.ts'
import { encrypt, workloads } from '../../../lab/baselines/workloads.ts'
import { Seeded } from '../../../lab/simulation/random.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { checkedStore } from '../../checks/checks/source-checks.ts'

const days = 12
/** A twentieth of the source of the measurement: some 20 MiB. */
const scale = 0.05
const firstDay = 20_545
const encryptedDay = days - 1

/** Random symbols of an alphabet that needs so many bits of each byte. */
function contentOf({ content: seed, bytes, storedShare }: SimulatedChunk): Buffer {
  const content = new Seeded(seed).bytes(bytes)
  const symbols = Math.round(2 ** (8 * storedShare))
  if (symbols < 256) for (let index = 0; index < bytes; index++) content[index]! %= symbols
  return content
}

class RealSource {
  readonly protectedSource = new ProtectedSource()
  private readonly written = new Map<string, readonly SimulatedChunk[]>()

  update(files: ReadonlyMap<string, SimulatedFile>): void {
    const { directory } = this.protectedSource
    for (const name of this.written.keys())
      if (!files.has(name)) {
        rmSync(join(directory, name))
        this.written.delete(name)
      }
    for (const { name, chunks } of files.values()) {
      if (this.written.get(name) === chunks) continue
      mkdirSync(dirname(join(directory, name)), { recursive: true })
      writeFileSync(join(directory, name), Buffer.concat(chunks.map(contentOf)))
      this.written.set(name, chunks)
    }
  }

  async backUp(day: number): Promise<void> {
    const { protectedSource } = this
    protectedSource.store.nowMs = day * dayMs
    protectedSource.clock.time = day * dayMs
    await protectedSource.backup()
  }

  async figures(): Promise<{ snapshots: SnapshotFigures[]; uploads: ReadonlyMap<number, DailyUploads> }> {
    const view = new SourceView({
      store: checkedStore(this.protectedSource.store),
      source: 'files',
      objectives: defaultObjectives,
      state: new SourceState(),
      notaryKeys: null,
      signal: new AbortController().signal,
    })
    const history = await readHistory(view, defaultObjectives)
    return { snapshots: history.days.map(({ last }) => last), uploads: history.uploads }
  }
}

/** The model has chunks of one size; a change in a real file of many chunks also replaces the chunks beside it. */
const tolerances = { 'OLTP database': 2.5, 'growing uploads': 1.1, 'weekly batch': 1.4 } as const
/** A tree, an index and a manifest take so much. */
const smallBytes = 64 * 1024

function expectSimilar(name: string, real: number, model: number, tolerance: number): void {
  const message = `${name}: ${real} of the engine, ${model} of the model`
  expect(real, message).toBeLessThanOrEqual(model * tolerance + smallBytes)
  expect(real, message).toBeGreaterThanOrEqual(model / tolerance - smallBytes)
}

test.each(workloads)('$name: the figures of the engine are those of the model', async ({ name, begin }) => {
  const { source, pass } = begin(new Seeded(11), scale)
  const writer = new SimulatedWriter()
  const real = new RealSource()
  const model: SnapshotFigures[] = []
  for (let day = 0; day < days; day++) {
    pass(day)
    if (day === encryptedDay) for (const file of [...source.files.values()].slice(0, 3)) encrypt(source, file)
    real.update(source.files)
    await real.backUp(firstDay + day)
    model.push(writer.snapshot(source.files.values(), firstDay + day))
  }
  const { snapshots, uploads } = await real.figures()
  expect(snapshots.map(({ files, bytes }) => ({ files, bytes }))).toEqual(
    model.map(({ files, bytes }) => ({ files, bytes })),
  )
  const tolerance = tolerances[name as keyof typeof tolerances]
  for (const [day, figures] of snapshots.entries()) {
    for (const figure of ['newBytes', 'incompressibleBytes'] as const) {
      if (day === 0) expect(figures[figure]).toBe(null)
      else expectSimilar(`${figure} of day ${day}`, figures[figure]!, model[day]![figure]!, tolerance)
    }
    expectSimilar(`neededBytes of day ${day}`, figures.neededBytes, model[day]!.neededBytes, tolerance)
    const { bytes } = uploads.get(firstDay + day)!
    expectSimilar(`uploads of day ${day}`, bytes, writer.uploads.get(firstDay + day)!.bytes, tolerance)
  }
})
