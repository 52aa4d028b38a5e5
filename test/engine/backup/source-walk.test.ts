import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { OwnWalk, ThreadWalk } from '../../../engine/backup/source-walk.ts'
import { Selection } from '../../../engine/selection.ts'
import { isWalked, walk } from '../../../engine/walk.ts'
import type { Step } from '../../../engine/walk.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

function describeStep(step: Step): unknown {
  if (!isWalked(step)) return { ...step, path: step.path.toString() }
  const { entry, stats, absolute } = step
  return { entry, absolute: absolute.toString(), ino: stats.ino, ctimeNs: stats.ctimeNs, size: stats.size }
}

/** All steps, and the greatest number of batches that came without being taken. */
async function walkAll(
  directory: string,
  isByThread: boolean,
  selection = new Selection(),
): Promise<{ steps: unknown[]; maxReceived: number }> {
  const steps: unknown[] = []
  let [received, maxReceived] = [0, 0]
  let settle: { resolve: () => void; reject: (error: unknown) => void } | undefined
  const source = isByThread
    ? new ThreadWalk(directory, selection, {
        progress: () => {
          maxReceived = Math.max(maxReceived, ++received)
          settle?.resolve()
        },
        failure: (error) => settle?.reject(error),
      })
    : new OwnWalk(directory, selection)
  try {
    for (;;) {
      while (!source.hasNext)
        await new Promise<void>((resolve, reject) => void (settle = { resolve, reject }))
      const batch = source.next()
      if (batch === null) return { steps, maxReceived }
      received--
      steps.push(...Array.from(batch, describeStep))
      // A slow consumer.
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  } finally {
    await source.stop()
  }
}

describe.each([
  ['the caller', false, 0],
  ['a thread', true, 4],
])('%s', (_, isByThread, maxAhead) => {
  test('has the steps of the walk in order, and is only a few batches ahead', async () => {
    const root = makeTemporaryDirectory()
    mkdirSync(join(root, 'd'))
    symlinkSync('anywhere', join(root, 'd/link'))
    for (let index = 0; index < 3000; index++) writeFileSync(join(root, 'd', `f${index}`), '')
    writeFileSync(join(root, 'left.log'), '')
    const selection = new Selection({ patterns: ['*.log'] })
    const { steps, maxReceived } = await walkAll(root, isByThread, selection)
    expect(steps).toEqual(Array.from(walk(root, selection), describeStep))
    expect(steps).toHaveLength(3004)
    expect(maxReceived).toBeLessThanOrEqual(maxAhead)
  })

  test('fails with the error of the walk', async () => {
    const missing = join(makeTemporaryDirectory(), 'missing')
    await expect(walkAll(missing, isByThread)).rejects.toMatchObject({
      name: 'HoldfastError',
      code: 'not-found',
    })
    const file = join(makeTemporaryDirectory(), 'file')
    writeFileSync(file, '')
    await expect(walkAll(file, isByThread)).rejects.toMatchObject({ code: 'invalid-input' })
  })
})
