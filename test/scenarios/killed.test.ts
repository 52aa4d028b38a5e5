// Processes that are killed in the middle of a backup or a restore, at moments that a seed decides: after any
// of them, the next run brings everything to its end, and nothing that was committed before is harmed.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { listSnapshots, loadSnapshot } from '../../core/snapshot/snapshot.ts'
import { verify } from '../../engine/verify/verify.ts'
import { contentOf, describeDirectory } from '../fixtures/directory-description.ts'
import { FolderStore } from '../fixtures/folder-store.ts'
import { ManualClock, randomBytes, seededRandom } from '../fixtures/manual-clock.ts'
import { ProtectedSource } from '../fixtures/protected-source.ts'
import { startEngine } from '../fixtures/start-engine.ts'
import type { EngineTask } from '../fixtures/engine-process.ts'

const rounds = 4
const seed = Number(process.env['HOLDFAST_SEED'] ?? 1)

/** True if the process was killed before it had ended by itself. */
async function runAndKill(task: EngineTask, afterMs: number): Promise<boolean> {
  const { process: child, outcome: answer } = startEngine(task)
  await Promise.race([sleep(afterMs), answer])
  child.kill('SIGKILL')
  const ended = await answer
  if (ended !== null) expect(ended).not.toHaveProperty('error')
  return ended === null
}

function fill(source: ProtectedSource, round: number): void {
  mkdirSync(join(source.directory, `round-${round}`))
  for (let index = 0; index < 4; index++)
    writeFileSync(
      join(source.directory, `round-${round}`, `large-${index}`),
      randomBytes(6 * 1024 * 1024, round * 10 + index),
    )
  for (let index = 0; index < 30; index++)
    writeFileSync(join(source.directory, `round-${round}`, `small-${index}`), `round ${round}, file ${index}`)
}

async function expectAllWhole(vault: string): Promise<number> {
  const store = new FolderStore(vault)
  const refs = await listSnapshots(store, 'files')
  for (const ref of refs) {
    const result = await verify({
      store,
      clock: new ManualClock(),
      random: Math.random,
      snapshot: await loadSnapshot(store, ref),
      readData: true,
    })
    expect([result.objects, result.files]).toEqual([[], []])
  }
  return refs.length
}

test(`a backup that is killed harms no snapshot, and the next one converges (HOLDFAST_SEED=${seed})`, async () => {
  const source = new ProtectedSource()
  const vault = join(source.root, 'vault')
  const random = seededRandom(seed)
  const task: EngineTask = {
    operation: 'backup',
    store: vault,
    directory: source.directory,
    cacheDirectory: source.cacheDirectory,
    delayMs: 30,
  }
  let killed = 0
  for (let round = 0; round < rounds; round++) {
    fill(source, round)
    killed += (await runAndKill(task, 100 + random() * 700)) ? 1 : 0
    await expectAllWhole(vault)
  }
  expect(await startEngine(task).outcome).toMatchObject({ complete: true })
  expect(await expectAllWhole(vault)).toBeGreaterThan(0)
  expect(readdirSync(vault).filter((name) => name.startsWith('.part')).length).toBeLessThanOrEqual(killed * 4)
  const target = source.newTarget()
  expect(
    await startEngine({ operation: 'restore', store: vault, directory: target, cacheDirectory: '' }).outcome,
  ).toMatchObject({ damaged: 0 })
  expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
})

test(`a restore that is killed leaves nothing that looks whole, and the next one converges (HOLDFAST_SEED=${seed})`, async () => {
  const source = new ProtectedSource()
  const vault = join(source.root, 'vault')
  const random = seededRandom(seed)
  for (let round = 0; round < 3; round++) fill(source, round)
  expect(
    await startEngine({
      operation: 'backup',
      store: vault,
      directory: source.directory,
      cacheDirectory: source.cacheDirectory,
    }).outcome,
  ).toMatchObject({ complete: true })
  const expected = describeDirectory(source.directory)
  let killed = 0
  for (let round = 0; round < rounds; round++) {
    const target = source.newTarget()
    const task: EngineTask = {
      operation: 'restore',
      store: vault,
      directory: target,
      cacheDirectory: '',
      delayMs: 20,
    }
    for (let attempt = 0; attempt < 3; attempt++) {
      if (!(await runAndKill(task, 150 + random() * 500))) break
      killed++
      // Killed before it made anything: there is nothing that could look whole.
      if (!existsSync(target)) continue
      // Every file in the target under its own name is whole.
      const restored = contentOf(describeDirectory(target))
      for (const [name, content] of Object.entries(restored)) {
        if (name !== '.' && !name.startsWith('.holdfast-restore-'))
          expect(content, name).toBe(contentOf(expected)[name])
      }
      if (readdirSync(target).every((name) => !name.startsWith('.holdfast-restore-'))) break
    }
    const names = existsSync(target) ? readdirSync(target) : []
    if (names.length === 0 || names.some((name) => name.startsWith('.holdfast-restore-')))
      expect(await startEngine({ ...task, delayMs: 0 }).outcome).toMatchObject({ damaged: 0 })
    // The root's own metadata comes last, after which no record says that there is anything to finish.
    expect({ ...describeDirectory(target), '.': null }).toEqual({ ...expected, '.': null })
    rmSync(target, { recursive: true })
  }
  expect(killed).toBeGreaterThan(0)
})
