import { describe, expect, test } from 'vitest'
import { chooseSnapshot } from '../../../core/snapshot/snapshot-choice.ts'
import { largerBefore, loadBefore } from '../../../core/snapshot/shrinkage.ts'
import { unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { write } from '../../fixtures/backup-steps.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

/** A source with a snapshot for each number of files. */
async function backUp(...counts: number[]): Promise<{ source: ProtectedSource; ids: string[] }> {
  const source = new ProtectedSource()
  const ids: string[] = []
  let files = 0
  for (const count of counts) {
    while (files < count) write(source, `f${files++}`, 'content')
    while (files > count) unlinkSync(join(source.directory, `f${--files}`))
    source.store.nowMs += 60_000
    ids.push((await source.backup({ allowEmpty: true })).snapshot!.id)
  }
  return { source, ids }
}

describe('a snapshot much smaller than the one before it', () => {
  test.each<[number[], boolean]>([
    [[10, 0], true],
    [[10, 4], true],
    [[10, 5], false],
    [[10, 20], false],
    [[10], false],
    [[10, 2, 2], false],
  ])('of %j files: %s', async (counts, isSmall) => {
    const { source, ids } = await backUp(...counts)
    const store = Object.assign(source.store, { serverTimeMs: source.store.nowMs })
    const choice = await chooseSnapshot(store, { source: 'files' }, source.clock)
    const before = largerBefore(choice, await loadBefore(store, choice))
    expect(before?.id).toBe(isSmall ? ids.at(-2) : undefined)
  })

  test('is found although a damaged one lies between', async () => {
    const { source, ids } = await backUp(10, 10, 1)
    const store = Object.assign(source.store, { serverTimeMs: source.store.nowMs })
    store.versions.find(({ key }) => key.endsWith(ids[1]!))!.body[60]! ^= 1
    const choice = await chooseSnapshot(store, { source: 'files' }, source.clock)
    expect(largerBefore(choice, await loadBefore(store, choice))?.id).toBe(ids[0])
  })
})
