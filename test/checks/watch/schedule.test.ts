import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { assertSchedule, cronTimetable } from '../../../checks/watch/schedule.ts'

const quiet = { onDue: () => {}, onMissed: () => {} }

test.each([
  ['soon', 'jobs.check.schedule is not usable'],
  ['0 25 * * *', 'jobs.check.schedule is not usable'],
  ['* *', 'jobs.check.schedule is not usable'],
  ['', 'jobs.check.schedule is not usable'],
])('%j is refused with the key', (schedule, message) => {
  expect(() => assertSchedule(schedule, 'jobs.check.schedule')).toThrow(message)
})

test('a schedule is in UTC, in whatever zone the machine is: no change of the clocks leaves out a night or repeats one', () => {
  const timetable = cronTimetable('30 2 * * *', quiet)
  expect(new Date(timetable.nextMs()).toISOString()).toMatch(/T02:30:00\.000Z$/)
  timetable.stop()
})

test('it runs at its times, until it is stopped', async () => {
  let count = 0
  const timetable = cronTimetable('* * * * * *', { ...quiet, onDue: () => void count++ })
  await sleep(2200)
  timetable.stop()
  const before = count
  expect(before).toBeGreaterThan(0)
  await sleep(1200)
  expect(count).toBe(before)
})
