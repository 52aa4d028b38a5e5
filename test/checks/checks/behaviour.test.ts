import { beforeEach, expect, test } from 'vitest'
import { changeRate, entropy, flood, reportedDays, shrinkage } from '../../../checks/checks/behaviour.ts'
import { StateDirectory } from '../../../checks/source-state.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { packKey } from '../../../core/store/vault-keys.ts'
import { ulid } from 'ulid'
import { handmadeGeneration } from '../../fixtures/handmade-vault.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'
import { HabitualSource, cipherOf, textOf } from '../behaviour/habitual-source.ts'
import type { Night } from './source-checks.ts'

let source: HabitualSource

beforeEach(async () => {
  source = new HabitualSource()
  source.checks = [shrinkage, changeRate, entropy, flood]
  await source.usualDays(17)
})

/** A day on which `act` happens before the backup. */
async function nextDay(act: () => void): Promise<Night> {
  source.pass(dayMs)
  act()
  await source.commit()
  return source.run()
}

function remove(share: number): void {
  for (const name of [...source.files.keys()].slice(0, share * source.files.size)) source.files.delete(name)
}

test('usual days pass, and say how many were compared', async () => {
  const { red, source: report } = await source.run()
  expect(red).toEqual({})
  const [summary] = report.outcomes.map(({ summary: text }) => text)
  expect(summary).toBe('2 days of files compared with the days before')
})

test('mass deletion is red', async () => {
  const night = await nextDay(() => remove(0.2))
  expect(night.red).toEqual({ shrinkage: 'failed', 'change-rate': 'failed' })
  const { id } = night.source.mark!
  expect(night.findings('shrinkage')).toEqual([
    `${id}: the files that are gone, as a share of all: 20.0 % on 2026-04-19; usual is at most 2.5 %`,
    `${id}: the bytes that are gone, as a share of all: 20.0 % on 2026-04-19; usual is at most 8.0 %`,
  ])
})

test('truncation, where the files stay, is red', async () => {
  const night = await nextDay(() => {
    for (const name of [...source.files.keys()].slice(0, 40)) source.files.set(name, Buffer.alloc(0))
  })
  expect(night.red).toEqual({ shrinkage: 'failed', 'change-rate': 'failed' })
  expect(night.findings('shrinkage')).toEqual([expect.stringMatching(/bytes that are gone.*20\.0 %/)])
})

test('rules that leave out entries which no rule left out before are red', async () => {
  source.pass(dayMs)
  source.change(1, textOf)
  await source.commit({ leftOut: [{ rule: '*.jpg', count: 30 }] })
  const night = await source.run()
  expect(night.findings('shrinkage')).toEqual([expect.stringMatching(/rules leave out.*15\.0 %/)])
})

test('a snapshot with the usual files and one repeated content is red, because it needs next to nothing', async () => {
  const night = await nextDay(() => {
    for (const name of source.files.keys()) source.files.set(name, textOf('the same'))
  })
  expect(night.findings('shrinkage')).toEqual([
    expect.stringMatching(/stored bytes that the snapshot needs less/),
  ])
})

test('encrypted files are red, and as many other files that change are no case of entropy', async () => {
  const encrypted = await nextDay(() => source.change(30, cipherOf))
  expect(encrypted.red).toEqual({ 'change-rate': 'failed', entropy: 'failed' })
  expect(encrypted.findings('entropy')).toEqual([expect.stringMatching(/does not shrink.*15\.0 %/)])
  source = new HabitualSource()
  source.checks = [shrinkage, changeRate, entropy, flood]
  await source.usualDays(17)
  expect((await nextDay(() => source.change(30, textOf))).red).toEqual({ 'change-rate': 'failed' })
})

test('content that is uploaded again into a new generation is not new', async () => {
  const night = await nextDay(() => {
    source.change(1, textOf)
    source.forgetPacks()
  })
  expect(night.red).toEqual({})
})

test('growth is no rewriting', async () => {
  const night = await nextDay(() => {
    for (let file = 300; file < 340; file++) source.files.set(`file-${file}`, textOf(`${file}`))
  })
  expect(night.red).toEqual({})
})

test('a flood of objects that no snapshot names is red', async () => {
  const night = await nextDay(() => {
    const body = Buffer.from('x')
    for (let object = 0; object < 1200; object++)
      source.memory.add(
        packKey('files', handmadeGeneration, ulid(source.memory.nowMs), 'ab'.repeat(32)),
        body,
      )
  })
  expect(night.red).toEqual({ flood: 'failed' })
  expect(night.findings('flood')).toEqual([
    expect.stringMatching(/the objects that were uploaded: 1,20\d on 2026-04-19; usual is at most 1,00\d$/),
  ])
})

test('an odd day stays red for a week, and ends at once when an operator accepts its snapshot', async () => {
  const { source: report } = await nextDay(() => remove(0.3))
  await source.usualDays(reportedDays - 1)
  expect((await source.run()).red).toEqual({ shrinkage: 'failed', 'change-rate': 'failed' })
  expect((await source.run({ accepted: new Set([report.mark!.id]) })).red).toEqual({})
  await source.usualDays(1)
  expect((await source.run()).red).toEqual({})
})

test('with a state, and without the earlier manifests in the vault, the verdict is the same', async () => {
  source.states = new StateDirectory(makeFolder(), 'vault')
  await source.run()
  const getRange = source.memory.getRange.bind(source.memory)
  const read = new Set<string>()
  source.memory.getRange = (ref, ...range) => {
    read.add(ref.key)
    return getRange(ref, ...range)
  }
  const night = await nextDay(() => source.change(30, cipherOf))
  expect(night.red).toEqual({ 'change-rate': 'failed', entropy: 'failed' })
  // One new manifest and one new pack.
  expect([...read].filter((key) => key.startsWith('sources/'))).toHaveLength(2)
  source.states = null
  expect((await source.run()).findings('entropy')).toEqual(night.findings('entropy'))
})

test('manifests that outlive their guaranteed retention are not read and measured a second time', async () => {
  source.states = new StateDirectory(makeFolder(), 'vault')
  await source.usualDays(18)
  expect((await source.run({ guaranteedDays: 30 })).red).toEqual({})
  await source.usualDays(1)
  const before = source.memory.requests.get
  expect((await source.run({ guaranteedDays: 30, readDays: 0 })).red).toEqual({})
  expect(source.memory.requests.get - before).toBe(2)
})

test('a new pack that is lost leaves the content unknown, and the figures of the manifest are compared', async () => {
  source.pass(dayMs)
  remove(0.2)
  source.change(1, textOf)
  await source.commit()
  const newest = source.memory.versions.findLast(({ key }) => key.includes('/packs/'))!
  source.memory.versions = source.memory.versions.filter((version) => version !== newest)
  const night = await source.run()
  expect(night.red).toEqual({ shrinkage: 'failed', 'change-rate': 'unknown', entropy: 'unknown' })
  expect(night.findings('entropy')).toEqual([
    expect.stringMatching(/unknown, because its packs can't be read/),
  ])
})

test('a source with a short history is not compared, and the check says so', async () => {
  source = new HabitualSource()
  source.checks = [shrinkage]
  await source.usualDays(5)
  const night = await nextDay(() => remove(0.3))
  expect(night.red).toEqual({})
  expect(night.source.outcomes[0]!.summary).toBe(
    'files has 6 days with snapshots: this check learns for 14 days before it compares',
  )
})
