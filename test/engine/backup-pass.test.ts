import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { sortKeyOf } from '../../engine/file-records.ts'
import { RememberedFiles } from '../../engine/remembered-files.ts'
import { partBytes } from '../../engine/source-reader.ts'
import { WorkerPool } from '../../engine/worker-pool.ts'
import { age, write } from '../fixtures/backup-steps.ts'
import { ProtectedSource } from '../fixtures/protected-source.ts'

afterEach(() => void vi.restoreAllMocks())

test('a file that the cache could not be asked for is not remembered as empty by what still comes in after the failure', async ({ onTestFinished }) => {
  const source = new ProtectedSource({ onFinished: onTestFinished })
  // So large that it is sent to be read at once: that is under way when the cache is asked for `c`.
  write(source, 'a', '')
  truncateSync(join(source.directory, 'a'), partBytes + 1)
  write(source, 'b', 'read')
  write(source, 'c', 'not read')
  await age()
  vi.spyOn(RememberedFiles.prototype, 'recall').mockImplementation((key) => {
    if (key.equals(sortKeyOf(Buffer.from('c')))) throw new Error('the cache can not be read')
    return null
  })
  const put = vi.spyOn(RememberedFiles.prototype, 'put')
  // As with threads, whose answers are on their way while they are stopped.
  vi.spyOn(WorkerPool.prototype, 'stop').mockImplementation(async () => {
    for (let turn = 0; turn < 1_000 && put.mock.calls.length < 2; turn++) await nextTurn()
  })
  await expect(source.backup({ workers: 0 })).rejects.toThrow('the cache can not be read')
  expect(put.mock.calls.map(([, , { lengths }]) => lengths.reduce((sum, bytes) => sum + bytes, 0))).toEqual([partBytes + 1, 4])
})
