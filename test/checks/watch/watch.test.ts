import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { JournalFile } from '../../../checks/watch/journal.ts'
import type { DueEvents } from '../../../checks/watch/schedule.ts'
import { watch } from '../../../checks/watch/watch.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'

const startMs = Date.UTC(2026, 3, 1)
const job = { schedule: '0 2 * * *', command: ['check'], timeout: 1000 }

/** Two processes of a watch, one after the other, share it. */
class Machine {
  nowMs = startMs
  readonly folder = makeFolder()
  readonly runs: string[] = []
  readonly problems: string[] = []
  due: DueEvents[] = []
  /** Resolves the run under way. */
  finish: (status: number | null) => void = () => {}
  isSlow = false

  async during(use: () => Promise<void> | void): Promise<void> {
    const interruption = new AbortController()
    this.due = []
    const watching = watch({
      jobs: { check: job },
      journal: new JournalFile(this.folder),
      clock: { nowMs: () => this.nowMs },
      makeTimetable: (_, events) => {
        this.due.push(events)
        return { nextMs: () => Math.floor(this.nowMs / dayMs + 1) * dayMs, stop: () => {} }
      },
      runJob: (_, signal) =>
        new Promise((resolve) => {
          this.finish = resolve
          signal.addEventListener('abort', () => resolve(null))
          if (!this.isSlow) resolve(0)
        }),
      onRun: (run) => this.runs.push(`${run.job} ${run.reason} ${run.status}`),
      onProblem: ({ kind, job: name }) => this.problems.push(`${kind} ${name ?? ''}`.trim()),
      signal: interruption.signal,
    })
    await use()
    await sleep(5)
    interruption.abort()
    await watching
  }
}

test('a job runs when it is due, and not before', async () => {
  const machine = new Machine()
  await machine.during(() => {})
  expect(machine.runs).toEqual([])
  await machine.during(() => machine.due[0]!.onDue())
  expect([machine.runs, machine.problems]).toEqual([['check scheduled 0'], []])
})

test('a run that was missed while the watch was away is reported, and made up for once', async () => {
  const machine = new Machine()
  await machine.during(() => {})
  machine.nowMs += 3 * dayMs
  await machine.during(() => {})
  expect([machine.runs, machine.problems]).toEqual([['check missed 0'], ['missed check']])
  await machine.during(() => {})
  expect(machine.runs).toHaveLength(1)
})

test('a restart before the job is due runs nothing', async () => {
  const machine = new Machine()
  await machine.during(() => {})
  machine.nowMs += dayMs / 2
  await machine.during(() => {})
  expect([machine.runs, machine.problems]).toEqual([[], []])
})

test('a run that a restart interrupted is reported, and begun again', async () => {
  const machine = new Machine()
  machine.isSlow = true
  await machine.during(() => machine.due[0]!.onDue())
  expect(machine.runs).toEqual([])
  machine.isSlow = false
  await machine.during(() => {})
  expect([machine.runs, machine.problems]).toEqual([['check interrupted 0'], ['interrupted check']])
})

test('a machine that slept reports the missed run, and makes up for it', async () => {
  const machine = new Machine()
  await machine.during(() => machine.due[0]!.onMissed())
  expect([machine.runs, machine.problems]).toEqual([['check missed 0'], ['missed check']])
})

test('a job that is still under way is not started twice', async () => {
  const machine = new Machine()
  machine.isSlow = true
  await machine.during(async () => {
    machine.due[0]!.onDue()
    machine.due[0]!.onDue()
    machine.finish(14)
    await sleep(5)
  })
  expect([machine.runs, machine.problems]).toEqual([['check scheduled 14'], ['overlap check']])
})

test('a clock that was turned back is reported, and jobs go on by the new time', async () => {
  const machine = new Machine()
  await machine.during(() => {})
  machine.nowMs -= 2 * dayMs
  await machine.during(() => machine.due[0]!.onDue())
  expect([machine.runs, machine.problems]).toEqual([['check scheduled 0'], ['clock-turned-back']])
  machine.problems.length = 0
  await machine.during(() => {})
  expect(machine.problems).toEqual([])
})

test.each(['', 'rubbish', '{"kind":"watch-journal","formatVersion":2}', '[]', 'x'.repeat(2 ** 20 + 1)])(
  'a journal that can not be used is reported, and begun anew (%#)',
  async (text) => {
    const machine = new Machine()
    const file = join(machine.folder, 'watch.json')
    writeFileSync(file, text)
    await machine.during(() => machine.due[0]!.onDue())
    expect([machine.runs, machine.problems]).toEqual([['check scheduled 0'], ['journal-lost']])
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      kind: 'watch-journal',
      jobs: { check: { status: 0 } },
    })
  },
)

test('without room for the journal the jobs still run', async () => {
  const machine = new Machine()
  const journal = new JournalFile(machine.folder)
  expect(existsSync(join(machine.folder, 'watch.json'))).toBe(false)
  const problems: string[] = []
  const interruption = new AbortController()
  journal['file' as never] = join(machine.folder, 'gone', 'watch.json') as never
  const runs: number[] = []
  const watching = watch({
    jobs: { check: job },
    journal,
    clock: { nowMs: () => startMs },
    makeTimetable: (_, { onDue }) => {
      queueMicrotask(onDue)
      return { nextMs: () => startMs + dayMs, stop: () => {} }
    },
    runJob: () => Promise.resolve(0),
    onRun: ({ status }) => runs.push(status!),
    onProblem: ({ kind }) => problems.push(kind),
    signal: interruption.signal,
  })
  await sleep(5)
  interruption.abort()
  await watching
  expect(runs).toEqual([0])
  expect(new Set(problems)).toEqual(new Set(['journal-not-written']))
})
