import { describe, expect, test } from 'vitest'
import { PlannedEntries, PlannedFiles } from '../../../core/restore-plan/planned-entries.ts'

const plain = { mode: 0o644, uid: 1, gid: 2, mtimeNs: 3n, size: 4, sparse: false }

describe('planned entries', () => {
  test('keep what they were given, over many segments', () => {
    const files = new PlannedFiles()
    const fileOf = (number: number): Parameters<PlannedFiles['add']>[0] => ({
      path: Buffer.from(`d/${number}`),
      mode: number % 0o10000,
      uid: number,
      gid: 2 ** 32 - 1 - number,
      mtimeNs: BigInt(number) - 5000n,
      size: number * 2 ** 20,
      sparse: number % 3 === 0,
    })
    for (let number = 0; number < 10_000; number++) expect(files.add(fileOf(number))).toBe(number)
    expect(files.length).toBe(10_000)
    for (let number = 0; number < 10_000; number++) {
      const { path, size, sparse, ...metadata } = fileOf(number)
      expect([files.pathOf(number).equals(path), files.sizeOf(number), files.isSparse(number)]).toEqual([
        true,
        size,
        sparse,
      ])
      expect(files.metadataOf(number)).toEqual(metadata)
    }
  })

  test.each<[string, Partial<typeof plain>]>([
    ['a time before 1970', { mtimeNs: -1n }],
    ['the earliest time', { mtimeNs: -(2n ** 63n) }],
    ['the latest time', { mtimeNs: 2n ** 63n - 1n }],
    ['more than 4 GiB', { size: 2 ** 32 + 1 }],
    ['as many bytes as a file may have', { size: Number.MAX_SAFE_INTEGER }],
    ['the largest owner and group, and all bits', { uid: 2 ** 32 - 1, gid: 2 ** 32 - 1, mode: 0o7777 }],
  ])('keep %s', (_, extreme) => {
    const files = new PlannedFiles()
    const { size, sparse, ...metadata } = { ...plain, ...extreme }
    const directories = new PlannedEntries()
    const path = Buffer.from([0xff])
    for (const number of [
      files.add({ path, size, sparse, ...metadata }),
      directories.add({ path, ...metadata }),
    ])
      expect(number).toBe(0)
    expect([files.metadataOf(0), directories.metadataOf(0), files.sizeOf(0)]).toEqual([
      metadata,
      metadata,
      size,
    ])
    expect([files.pathOf(0), directories.pathOf(0)]).toEqual([path, path])
  })
})

describe('planned files', () => {
  const threeFiles = (): PlannedFiles => {
    const files = new PlannedFiles()
    for (const name of ['a', 'b', 'c']) files.add({ path: Buffer.from(name), ...plain })
    return files
  }

  test('count the pieces of each', () => {
    const files = threeFiles()
    for (const file of [1, 2, 1]) files.countExtent(file)
    expect([0, 1, 2].map((file) => files.extentCountOf(file))).toEqual([0, 2, 1])
  })

  test('are damaged by whichever name, for the first reason', () => {
    const files = threeFiles()
    files.link(1, 0)
    files.noteDamage(0, 'first')
    files.noteDamage(0, 'second')
    expect([0, 1, 2].map((file) => files.damageOf(file))).toEqual(['first', 'first', null])
  })
})
