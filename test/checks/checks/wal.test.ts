import { beforeEach, describe, expect, test } from 'vitest'
import { wal } from '../../../checks/checks/wal.ts'
import { StateDirectory } from '../../../checks/source-state.ts'
import type { BaseBackup } from '../../../core/snapshot/base-backup.ts'
import { lsnHex, lsnText } from '../../../core/wal/lsn.ts'
import { walPartKey } from '../../../core/wal/wal-keys.ts'
import { handmadeBase } from '../../fixtures/handmade-base.ts'
import type { HandmadePart, HandmadeWal } from '../../fixtures/handmade-wal.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'
import { NotarizedWal } from '../../fixtures/notarized-wal.ts'
import { TimedMemoryStore } from '../../fixtures/notarized-source.ts'
import { CheckedSource, hourMs } from './source-checks.ts'

const segment = 0x100_0000n
const minuteMs = 60_000

class CheckedCluster extends CheckedSource {
  readonly log: HandmadeWal
  readonly notary: NotarizedWal
  /** Where the next part begins. */
  end = 2n * segment

  constructor() {
    const store = new TimedMemoryStore()
    super(store)
    this.notary = new NotarizedWal(store, 'files')
    this.log = this.notary.log
    this.checks = [wal]
  }

  async archive(count: number, part: Partial<HandmadePart> = {}): Promise<void> {
    for (let index = 0; index < count; index++) {
      this.pass(minuteMs)
      await this.log.add({ start: this.end, end: this.end + 4096n, ...part })
      this.end += 4096n
    }
  }

  /** A base that begins at the end of the log, and the part that it needs. */
  async base(changes: Partial<BaseBackup> = {}): Promise<void> {
    const start = this.end
    await this.archive(1)
    await this.backUp(4, {
      sourceKind: 'postgres',
      postgres: handmadeBase({
        startLsn: lsnHex(start),
        stopLsn: lsnHex(start + 64n),
        backupLabel: handmadeBase().backupLabel.replace('0/2000028', lsnText(start)),
        ...changes,
      }),
    })
  }
}

let cluster: CheckedCluster
beforeEach(async () => {
  cluster = new CheckedCluster()
  await cluster.base()
  await cluster.archive(3)
})

test('a log that reaches from the base to now passes, and is red when its end is older than the objective', async () => {
  expect((await cluster.run({ maxWalAgeMs: 5 * minuteMs })).red).toEqual({})
  cluster.pass(5 * minuteMs + 1000)
  const night = await cluster.run({ maxWalAgeMs: 5 * minuteMs })
  expect(night.red).toEqual({ wal: 'failed' })
  expect(night.findings('wal')).toEqual([
    expect.stringMatching(/^files: the WAL of files reaches 0\/2004000 of timeline 1, confirmed at .*5 m/),
  ])
  // Without an objective of its own, that of the snapshots counts.
  expect((await cluster.run()).red).toEqual({})
  cluster.pass(27 * hourMs)
  expect((await cluster.run()).red).toEqual({ wal: 'failed' })
})

test('an idle server that confirms that no WAL followed is not silent', async () => {
  cluster.pass(hourMs)
  await cluster.archive(1, { end: cluster.end, idleAtUs: 1n })
  expect((await cluster.run({ maxWalAgeMs: 5 * minuteMs })).red).toEqual({})
})

test('a gap is named, and a part that arrives late closes it', async () => {
  cluster.states = new StateDirectory(makeTemporaryDirectory(), 'memory://')
  const gap = cluster.end
  cluster.end += 4096n
  await cluster.archive(2)
  const night = await cluster.run()
  expect(night.red).toEqual({ wal: 'failed' })
  expect(night.findings('wal')[0]).toMatch(
    'WAL of timeline 1 is missing from 0/2004000 to 0/2005000: no later time can be reached from this base',
  )
  await cluster.log.add({ start: gap, end: gap + 4096n })
  expect((await cluster.run()).red).toEqual({})
})

test('a base without its own WAL is red, and so is a base from which the next one can not be reached', async () => {
  cluster.end = 3n * segment
  await cluster.base()
  const night = await cluster.run()
  expect(night.findings('wal')).toEqual([expect.stringMatching(/is missing from 0\/2004000 to 0\/3000000/)])
  const silent = new CheckedCluster()
  await silent.base({ stopLsn: lsnHex(silent.end + 8n * segment) })
  expect((await silent.run()).findings('wal')).toEqual([
    expect.stringMatching('the vault has no WAL past 0/2001000 of timeline 1'),
  ])
})

test('one byte under a key of the log feeds nothing, in no later run either', async () => {
  cluster.states = new StateDirectory(makeTemporaryDirectory(), 'memory://')
  cluster.pass(hourMs)
  const { systemId } = handmadeBase()
  const name = { source: 'files', systemId, timeline: 1, start: cluster.end, end: cluster.end + 4096n }
  cluster.memory.add(walPartKey({ ...name, id: '01KN35E000B6GR48QH7ECGPZ10' }), Buffer.from('x'))
  for (const _ of ['first', 'second']) {
    const night = await cluster.run({ maxWalAgeMs: 30 * minuteMs })
    expect(night.red).toEqual({ wal: 'failed' })
    expect(night.findings('wal').at(-1)).toMatch('reaches 0/2004000 of timeline 1')
    cluster.pass(8 * 24 * hourMs)
    cluster.memory.nowMs -= 8 * 24 * hourMs - 1000
  }
})

test('two parts of one range with other bytes contradict each other', async () => {
  await cluster.log.add({ start: cluster.end - 4096n, end: cluster.end, seed: 2 })
  expect((await cluster.run()).findings('wal')).toEqual([
    expect.stringMatching('another part of the same range has other bytes'),
  ])
})

test('two clusters under one source are named, and what an upgrade left is not', async () => {
  await cluster.archive(1, { systemId: '7578012345678900001' })
  expect((await cluster.run()).findings('wal')).toEqual([
    expect.stringMatching('another cluster, 7578012345678900001, writes its WAL under this source'),
  ])
  cluster.end = 2n * segment + 5n * 4096n
  await cluster.base()
  expect((await cluster.run()).red).toEqual({ wal: 'failed' })
})

test('after a failover the new timeline counts, and the old one is no gap', async () => {
  const fork = cluster.end
  await cluster.archive(2)
  await cluster.log.addHistory(2, `1\t${lsnText(fork)}\tno recovery target specified\n`)
  cluster.end = fork
  await cluster.archive(3, { timeline: 2 })
  const night = await cluster.run({ maxWalAgeMs: 2 * minuteMs })
  expect(night.red).toEqual({})
  expect(night.source.outcomes[0]!.summary).toMatch('reaches 0/2007000 of timeline 2')
})

test('a source of files needs no WAL', async () => {
  const files = new CheckedSource()
  files.checks = [wal]
  await files.nights(1)
  expect((await files.run()).red).toEqual({})
})

test('with a state, a run reads the headers of new parts alone', async () => {
  cluster.states = new StateDirectory(makeTemporaryDirectory(), 'memory://')
  await cluster.archive(60)
  cluster.pass(2 * minuteMs)
  await cluster.run()
  cluster.pass(hourMs)
  await cluster.archive(2)
  const before = cluster.memory.requests.get
  expect((await cluster.run({ maxWalAgeMs: 5 * minuteMs })).red).toEqual({})
  expect(cluster.memory.requests.get - before).toBe(2)
})

describe('with a notary', () => {
  beforeEach(() => {
    cluster.notaryKeys = cluster.notary.signer.keys
  })

  test('WAL without a receipt is red once the objective is over, and attested WAL is green', async () => {
    await cluster.notary.notarize()
    expect((await cluster.run()).red).toEqual({})
    await cluster.archive(2)
    expect((await cluster.run()).red).toEqual({})
    cluster.pass(25 * hourMs)
    expect((await cluster.run()).red).toEqual({})
    cluster.pass(2 * hourMs)
    await cluster.archive(1)
    const late = await cluster.run()
    expect(late.red).toEqual({ wal: 'failed' })
    expect(late.findings('wal')).toEqual([
      expect.stringMatching(/^files: the notary has attested no WAL since .*; the objective is 1 d 2 h/),
    ])
    await cluster.notary.notarize()
    expect((await cluster.run()).red).toEqual({})
  })

  test('a flagged part is red in each run until it is mended, or an operator ignores it', async () => {
    const part = cluster.memory.versions.at(-1)!
    const { lock } = part
    part.lock = { mode: 'GOVERNANCE', days: 40 }
    await cluster.notary.notarize()
    for (const _ of ['first', 'second'])
      expect((await cluster.run()).findings('wal')).toEqual([
        expect.stringMatching(`${part.key}: the notary flags it \\(other-lock\\): its lock is GOVERNANCE`),
      ])
    expect((await cluster.run({ ignored: new Set([part.key]) })).red).toEqual({})
    part.lock = lock
    await cluster.notary.notarize()
    expect((await cluster.run()).red).toEqual({})
  })

  test('a receipt that no trusted key has signed is red', async () => {
    await cluster.notary.notarize()
    const receipt = cluster.memory.versions.at(-1)!
    receipt.body = Buffer.from(receipt.body.toString().replace(/"sig":"..../, '"sig":"AAAA'))
    expect((await cluster.run()).findings('wal')).toEqual([
      expect.stringMatching("can't be trusted: no trusted key has signed it"),
    ])
  })
})
