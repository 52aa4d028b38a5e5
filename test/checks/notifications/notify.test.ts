import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ChannelSettings } from '../../../checks/notifications/channel-settings.ts'
import { emptyLedger, LedgerFile, maxEntries } from '../../../checks/notifications/ledger.ts'
import type { Ledger, LedgerEntry } from '../../../checks/notifications/ledger.ts'
import { noticesOf } from '../../../checks/notifications/notice.ts'
import type { Message } from '../../../checks/notifications/message.ts'
import { notify } from '../../../checks/notifications/notify.ts'
import type { ChannelResult } from '../../../checks/notifications/notify.ts'
import { checks } from '../../../checks/registry.ts'
import type { Report } from '../../../checks/reports/report.ts'
import { HoldfastError } from '../../../core/errors.ts'
import { sampleReports } from '../../../lab/report/sample-reports.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'

const hourMs = 3_600_000
const night = sampleReports().find(({ sources }) => sources.length > 0)!
const channel = (changes: Partial<ChannelSettings> = {}): ChannelSettings =>
  ({
    kind: 'webhook',
    urlVariable: 'U',
    minSeverity: 'warning',
    repeatAfter: 24 * hourMs,
    ...changes,
  }) as ChannelSettings

type Status = 'passed' | 'failed' | 'unknown'
/** A night in which checks of rental-db have these statuses; all others pass. */
function nightWith(statuses: Readonly<Record<string, Status>>, subjects = ['key']): Report {
  const report = structuredClone(night)
  for (const { source, outcomes } of report.sources)
    for (const outcome of outcomes) {
      const status = source === 'rental-db' ? (statuses[outcome.check] ?? 'passed') : 'passed'
      const findings =
        status === 'passed' ? [] : subjects.map((subject) => ({ status, subject, detail: 'lost' }))
      Object.assign(outcome, { status, findings, findingCount: findings.length })
    }
  return report
}

/** A receiver, with the ledger of a machine. */
class Receiver {
  nowMs = Date.UTC(2026, 3, 1)
  readonly received: string[] = []
  failure: HoldfastError | null = null
  channels: Record<string, ChannelSettings> = { pager: channel() }
  ledger: Ledger = new LedgerFile(makeFolder(), 'v')

  async after(report: Report): Promise<ChannelResult[]> {
    this.received.length = 0
    return notify({
      channels: this.channels,
      origin: 'v',
      notices: noticesOf(report, checks),
      ledger: this.ledger,
      nowMs: this.nowMs,
      signal: new AbortController().signal,
      send: (_, message, { name }) => {
        if (this.failure !== null && name === 'pager') return Promise.reject(this.failure)
        this.received.push(...linesOf(message).map((line) => (name === 'pager' ? line : `${name} ${line}`)))
        return Promise.resolve()
      },
    })
  }
}

function linesOf({ opened, reminded, recovered }: Message): string[] {
  return Object.entries({ opened, reminded, recovered }).flatMap(([kind, names]) =>
    names.map(({ source, check, subject }) => `${kind} ${source} ${check} ${subject}`),
  )
}

describe('a channel', () => {
  test('hears of a finding once, and once more when it is over', async () => {
    const receiver = new Receiver()
    const red = nightWith({ integrity: 'failed' })
    expect(await receiver.after(red)).toEqual([
      { channel: 'pager', opened: 1, reminded: 0, recovered: 0, failure: null },
    ])
    expect(receiver.received).toEqual(['opened rental-db integrity key'])
    expect(await receiver.after(red)).toEqual([])
    await receiver.after(nightWith({}))
    expect(receiver.received).toEqual(['recovered rental-db integrity key'])
    expect(await receiver.after(nightWith({}))).toEqual([])
    await receiver.after(red)
    expect(receiver.received).toEqual(['opened rental-db integrity key'])
  })

  test('hears of a second subject of the same check, and of each that is over', async () => {
    const receiver = new Receiver()
    await receiver.after(nightWith({ integrity: 'failed' }, ['a']))
    await receiver.after(nightWith({ integrity: 'failed' }, ['a', 'b']))
    expect(receiver.received).toEqual(['opened rental-db integrity b'])
    await receiver.after(nightWith({ integrity: 'failed' }, ['b']))
    expect(receiver.received).toEqual(['recovered rental-db integrity a'])
  })

  test('hears again of a finding that stays open, and after the clock was turned back', async () => {
    const receiver = new Receiver()
    const red = nightWith({ integrity: 'failed' })
    await receiver.after(red)
    receiver.nowMs += 23 * hourMs
    expect(await receiver.after(red)).toEqual([])
    receiver.nowMs += hourMs
    await receiver.after(red)
    expect(receiver.received).toEqual(['reminded rental-db integrity key'])
    receiver.nowMs -= 48 * hourMs
    await receiver.after(red)
    expect(receiver.received).toEqual(['reminded rental-db integrity key'])
  })

  test('is not told that a finding is over by a run that could not tell, or that did not ask', async () => {
    const receiver = new Receiver()
    await receiver.after(nightWith({ integrity: 'failed' }))
    await receiver.after(nightWith({ integrity: 'unknown' }, ['rental-db']))
    expect(receiver.received).toEqual(['opened rental-db integrity rental-db'])
    const partial = nightWith({})
    partial.sources[0]!.outcomes = partial.sources[0]!.outcomes.filter(({ check }) => check !== 'integrity')
    expect(await receiver.after(partial)).toEqual([])
    const cut = nightWith({ integrity: 'failed' }, ['another'])
    const outcome = cut.sources[0]!.outcomes.find(({ check }) => check === 'integrity')!
    outcome.findingCount = 31
    await receiver.after(cut)
    expect(receiver.received).toEqual(['opened rental-db integrity another'])
  })

  test('of critical findings alone hears of no warning', async () => {
    const receiver = new Receiver()
    receiver.channels = { pager: channel({ minSeverity: 'critical' }), mail: channel() }
    await receiver.after(nightWith({ tamper: 'failed', integrity: 'failed' }))
    expect(receiver.received.sort()).toEqual([
      'mail opened rental-db integrity key',
      'mail opened rental-db tamper key',
      'opened rental-db integrity key',
    ])
  })

  test('that fails is reported, hides no other channel, and gets the message with the next run', async () => {
    const receiver = new Receiver()
    receiver.channels = { pager: channel(), mail: channel() }
    receiver.failure = new HoldfastError('unreachable', 'no route')
    const red = nightWith({ integrity: 'failed' })
    const results = await receiver.after(red)
    expect(results.map(({ channel: name, failure }) => [name, failure?.message ?? null])).toEqual([
      ['pager', 'no route'],
      ['mail', null],
    ])
    expect(receiver.received).toEqual(['mail opened rental-db integrity key'])
    receiver.failure = null
    await receiver.after(red)
    expect(receiver.received).toEqual(['opened rental-db integrity key'])
  })

  test('hears again after the ledger was lost or corrupted, rather than never', async () => {
    const receiver = new Receiver()
    const folder = makeFolder()
    receiver.ledger = new LedgerFile(folder, 'v')
    const red = nightWith({ integrity: 'failed' })
    await receiver.after(red)
    const [file] = readdirSync(folder)
    for (const text of [
      'rubbish',
      '{"kind":"notification-ledger","formatVersion":1,"channels":{"pager":[{}]}}',
    ]) {
      writeFileSync(join(folder, file!), text)
      await receiver.after(red)
      expect(receiver.received).toEqual(['opened rental-db integrity key'])
    }
    receiver.ledger = emptyLedger
    await receiver.after(red)
    expect(receiver.received).toEqual(['opened rental-db integrity key'])
  })

  test('hears of a drill that did not pass', async () => {
    const receiver = new Receiver()
    const drilled = structuredClone(sampleReports().find(({ drills }) => drills !== undefined)!)
    Object.assign(drilled.drills![0]!, {
      status: 'failed',
      findings: [{ status: 'failed', subject: 'postgres', detail: 'no reply' }],
      findingCount: 1,
    })
    await receiver.after(drilled)
    expect(receiver.received).toEqual(['opened rental-db drill-newest postgres'])
  })
})

test('a flood of findings does not fill the disk', () => {
  const ledger = new LedgerFile(makeFolder(), 'v')
  const entries = Array.from({ length: maxEntries + 10 }, (_, index): LedgerEntry => ({
    id: index.toString(16).padStart(32, '0'),
    source: 's',
    check: 'c',
    severity: 'warning',
    subject: 's',
    sentMs: index,
  }))
  ledger.write({ pager: entries })
  const [first, ...entriesAfter] = ledger.read()['pager']!
  expect([first!.sentMs, entriesAfter.length]).toEqual([10, maxEntries - 1])
})

test('an interruption ends the messages, and is no failure of a channel', async () => {
  const interruption = new AbortController()
  const reason = new HoldfastError('interrupted', 'stopped')
  const outcome = notify({
    channels: { pager: channel() },
    origin: 'v',
    notices: noticesOf(nightWith({ lock: 'failed' }), checks),
    ledger: emptyLedger,
    nowMs: 1,
    signal: interruption.signal,
    send: (_, __, { signal }) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      ),
  })
  interruption.abort(reason)
  await expect(outcome).rejects.toBe(reason)
})
