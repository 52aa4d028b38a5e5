import { expect, test } from 'vitest'
import { noticesOfProblem, noticesOfRun } from '../../../checks/watch/watch-notices.ts'

const check = { command: ['check', '--bucket', 'b', '--checks', 'checks.yaml'] }

test.each([
  [check, 0, []],
  [check, 14, []],
  [check, 3, []],
  [check, 6, ['it ended with status 6']],
  [check, null, ['it took too long, or could not start']],
  [{ command: ['check', '--bucket', 'b'] }, 14, ['it ended with status 14']],
  [{ command: ['check', '--checks=checks.yaml'] }, 14, []],
  [{ command: ['notary'] }, 14, ['it ended with status 14']],
])('%j that ends with %j opens %j', (job, status, details) => {
  expect(noticesOfRun({ job: 'nightly', status }, job).open.map(({ detail }) => detail)).toEqual(details)
})

test('a problem is over with the next success of its job, and not with that of another', () => {
  const [notice] = noticesOfProblem({ kind: 'missed', job: 'nightly', detail: 'late' }).open
  expect(notice).toMatchObject({ source: 'watch', check: 'nightly', subject: 'missed', detail: 'late' })
  expect(noticesOfRun({ job: 'nightly', status: 0 }, check).isOver(notice!)).toBe(true)
  expect(noticesOfRun({ job: 'another', status: 0 }, check).isOver(notice!)).toBe(false)
  expect(noticesOfRun({ job: 'nightly', status: 6 }, check).isOver(notice!)).toBe(false)
})
