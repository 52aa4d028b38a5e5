import { describe, expect, test } from 'vitest'
import { isHoldfastError } from '../../core/errors.ts'
import { assertNamesSnapshot, parseShard } from '../../restore-cli/shard-flag.ts'

function refusalOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (isHoldfastError(error, 'invalid-input')) return error.message
    throw error
  }
  throw new Error('it was taken')
}

const batch = { AWS_BATCH_JOB_ARRAY_INDEX: '2', AWS_BATCH_JOB_ARRAY_SIZE: '8' }
const kubernetes = { JOB_COMPLETION_INDEX: '2' }
const slurm = {
  SLURM_ARRAY_TASK_ID: '3',
  SLURM_ARRAY_TASK_MIN: '1',
  SLURM_ARRAY_TASK_MAX: '8',
  SLURM_ARRAY_TASK_COUNT: '8',
}

test.each([
  ['3/8', {}],
  // An explicit shard asks no environment.
  ['3/8', { ...batch, AWS_BATCH_JOB_ARRAY_INDEX: '7' }],
  ['auto', batch],
  ['auto/8', batch],
  ['auto/8', kubernetes],
  ['auto', slurm],
  // Shard 3 alone is repeated: `sbatch --array=3`.
  ['auto/8', { ...slurm, SLURM_ARRAY_TASK_MIN: '3', SLURM_ARRAY_TASK_MAX: '3', SLURM_ARRAY_TASK_COUNT: '1' }],
])('%s in %o is shard 3 of 8', (text, environment) => {
  expect(parseShard(text, environment)).toEqual({ index: 3, count: 8 })
})

describe('refused is', () => {
  test.each([
    ['0/8', {}, '0 is not 1 to 8'],
    ['9/8', {}, '9 is not 1 to 8'],
    ['1/0', {}, '0 shards are not 1 to 1000'],
    ['1/1001', {}, '1001 shards are not 1 to 1000'],
    ['3', {}, 'is no shard'],
    ['-1/8', {}, 'is no shard'],
    ['3/8/9', {}, 'is no shard'],
    ['3/8 ', {}, 'is no shard'],
    ['', {}, 'is no shard'],
    ['auto', {}, 'needs one of AWS_BATCH_JOB_ARRAY_INDEX, JOB_COMPLETION_INDEX, SLURM_ARRAY_TASK_ID'],
    ['auto', { ...batch, ...kubernetes }, 'several variables number this task'],
    ['auto', kubernetes, 'nothing says how many there are'],
    ['auto', { ...slurm, SLURM_ARRAY_TASK_MIN: '3', SLURM_ARRAY_TASK_COUNT: '1' }, 'nothing says how many'],
    ['auto/4', batch, 'is of 8 tasks, and --shard auto/4 of 4 shards'],
    ['auto', { ...batch, AWS_BATCH_JOB_ARRAY_INDEX: '8' }, '9 is not 1 to 8'],
    ['auto/8', { SLURM_ARRAY_TASK_ID: '0' }, '0 is not 1 to 8'],
    ['auto/8', { JOB_COMPLETION_INDEX: 'x; rm -r /' }, 'JOB_COMPLETION_INDEX is "x; rm -r /", no number'],
  ])('%j in %o', (text, environment, reason) => {
    expect(refusalOf(() => parseShard(text, environment))).toContain(reason)
  })

  test('a shard without the name of a snapshot', () => {
    expect(refusalOf(() => assertNamesSnapshot({}, '--finish'))).toBe('--finish needs --snapshot')
    assertNamesSnapshot({ snapshot: '01KR5PJ0ZBFTW9W5W4FKB1NGJZ' }, '--finish')
  })
})
