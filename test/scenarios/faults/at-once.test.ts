// Two writers, each with a cache of its own as on two hosts, and a reader, all of them processes: in any
// order of their steps, every snapshot that was committed restores.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listSnapshots, loadSnapshot } from '../../../core/snapshot/snapshot.ts'
import { prepareRestore } from '../../../engine/restore/restore.ts'
import { verify } from '../../../engine/verify/verify.ts'
import { describeDirectory } from '../../fixtures/directory-description.ts'
import type { EngineTask } from '../../fixtures/engine-process.ts'
import { FolderStore } from '../../fixtures/folder-store.ts'
import { ManualClock, randomBytes } from '../../fixtures/manual-clock.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { startEngine } from '../../fixtures/start-engine.ts'

test('two writers and a reader at once: both commit, the reader gets a whole snapshot or is told that two are equal, and all restore', async () => {
  const source = new ProtectedSource()
  const vault = join(source.root, 'vault')
  const at = (name: string): string => join(source.root, name)
  mkdirSync(join(source.directory, 'd'))
  for (let index = 0; index < 40; index++)
    writeFileSync(join(source.directory, 'd', `small-${index}`), `small file ${index}`)
  for (let index = 0; index < 3; index++)
    writeFileSync(join(source.directory, `large-${index}`), randomBytes(6 * 1024 * 1024, index))
  const writer = (cache: string): EngineTask => ({
    operation: 'backup',
    store: vault,
    directory: source.directory,
    cacheDirectory: at(cache),
    delayMs: 20,
  })
  expect(await startEngine(writer('first')).outcome).toMatchObject({ complete: true })
  const expected = describeDirectory(source.directory)
  for (let round = 0; round < 2; round++) {
    const reader = startEngine({
      operation: 'restore',
      store: vault,
      directory: at(`read-${round}`),
      cacheDirectory: '',
      delayMs: 20,
    })
    const writers = ['first', `other-${round}`].map((cache) => startEngine(writer(cache)).outcome)
    for (const written of await Promise.all(writers))
      expect(written).toMatchObject({ complete: true, problems: [] })
    const read = await reader.outcome
    if (read !== null && 'error' in read) expect(read.error).toBe('ambiguous')
    else expect(describeDirectory(at(`read-${round}`))).toEqual(expected)
  }
  const store = new FolderStore(vault)
  const environment = { store, clock: new ManualClock(), random: Math.random }
  const refs = await listSnapshots(store, 'files')
  expect(refs).toHaveLength(5)
  for (const ref of refs) {
    const snapshot = await loadSnapshot(store, ref)
    const { objects, files } = await verify({ ...environment, snapshot, readData: true })
    expect([objects, files]).toEqual([[], []])
    const target = at(`restored-${ref.id}`)
    await (await prepareRestore({ ...environment, snapshot, target, paths: [], workers: 1 })).run()
    expect(describeDirectory(target)).toEqual(expected)
  }
}, 120_000)
