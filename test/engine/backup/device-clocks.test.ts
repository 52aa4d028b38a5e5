import * as fs from 'node:fs'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { DeviceClocks } from '../../../engine/backup/device-clocks.ts'

vi.mock(import('node:fs'), { spy: true })

const [ext4, nfs] = [0xef53, 0x6969]
const fat = 0x4d44
const secondNs = 1_000_000_000n
const anywhere = Buffer.from('/x')

afterEach(() => void vi.mocked(fs.statfsSync).mockReset())

function clocks(source: number, cache: number, newest: Record<string, string> = {}): DeviceClocks {
  vi.mocked(fs.statfsSync).mockImplementation(
    (path) => ({ type: String(path) === '/cache' ? cache : source }) as never,
  )
  return new DeviceClocks(
    { directory: Buffer.from('/cache'), device: 1n, startedNs: 1000n * secondNs },
    newest,
  )
}

function entry(dev: bigint, ctimeSeconds: number): Parameters<DeviceClocks['see']>[0] {
  return { stats: { dev, ctimeNs: BigInt(ctimeSeconds) * secondNs }, absolute: anywhere }
}

/** The minimum age of a settled file. Ticks of FAT and of unknown file systems take two seconds. */
function tickOf(type: number): bigint {
  return (type === ext4 ? 1020n : 2020n) * 1_000_000n
}

test.each([ext4, fat, nfs])(
  'a file of a file system of type %i is settled after more than its tick',
  (type) => {
    const started = 1000n * secondNs
    expect(clocks(type, type).settledNs(entry(1n, 1))).toBe(started - tickOf(type))
  },
)

describe('the time that a file system has reached', () => {
  test.each<[string, number, number, bigint]>([
    ['the same one as the cache', nfs, nfs, 1n],
    ['a local one beside a local cache', ext4, ext4, 2n],
  ])('is that of the cache for %s', (_, source, cache, device) => {
    const { startedNs, reachedNs } = clocks(source, cache).see(entry(device, 990))
    expect([startedNs, reachedNs]).toEqual([1000n * secondNs, 1000n * secondNs])
  })

  test.each<[string, number, number]>([
    ['a file server', nfs, ext4],
    ['a local one, if the cache lies on a file server', ext4, nfs],
    ['an unknown one', 0x65735546, ext4],
  ])('is the newest change that it has shown for %s', (_, source, cache) => {
    const all = clocks(source, cache)
    const reached = [500, 700, 600].map((seconds) => all.see(entry(2n, seconds)).reachedNs / secondNs)
    expect(reached).toEqual([500n, 700n, 700n])
    expect(all.settledNs(entry(2n, 650))).toBe(700n * secondNs - tickOf(source))
    expect(all.newestChanges).toEqual({ 2: String(700n * secondNs) })
  })

  test('begins with the newest change of the backup before', () => {
    const all = clocks(nfs, ext4, { 2: String(800n * secondNs) })
    expect(all.see(entry(2n, 500))).toMatchObject({ startedNs: 800n * secondNs })
  })
})
