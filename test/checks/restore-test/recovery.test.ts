import { expect, test } from 'vitest'
import { emptyLog, readLogLine } from '../../../checks/restore-test/recovery.ts'

const recovered = [
  '2026-11-30 17:29:41.803 GMT [27103] LOG:  starting point-in-time recovery to 2026-11-30 17:29:40.123456+00',
  '2026-11-30 17:29:41.803 GMT [27103] LOG:  recovery stopping before commit of transaction 745, time 2026-11-30 17:29:40.2+00',
  '2026-11-30 17:29:41.803 GMT [27103] LOG:  redo done at 1A/5000148 system usage: CPU: user: 0.00 s',
  '2026-11-30 17:29:41.803 GMT [27103] LOG:  last completed transaction was at log time 2026-11-30 17:29:40.1+00',
  '2026-11-30 17:29:41.803 GMT [27103] LOG:  selected new timeline ID: 3',
  '2026-11-30 17:29:41.803 GMT [27103] LOG:  archive recovery complete',
]

function read(lines: readonly string[]) {
  const log = emptyLog()
  for (const line of lines) readLogLine(log, line)
  return log
}

test('the log of a recovery tells where it stopped, and that the server was promoted', () => {
  expect(read(recovered)).toEqual({
    redoDone: '1A/5000148',
    lastTransaction: '2026-11-30 17:29:40.1+00',
    stop: 'recovery stopping before commit of transaction 745, time 2026-11-30 17:29:40.2+00',
    timeline: '3',
    isComplete: true,
  })
})

test('a later line does not replace what the server logged first', () => {
  const log = read([...recovered, 'LOG:  redo done at 0/1 system usage', 'LOG:  selected new timeline ID: 9'])
  expect(log).toMatchObject({ redoDone: '1A/5000148', timeline: '3' })
})

test('a server that ends early is not promoted', () => {
  expect(read(recovered.slice(0, 4))).toMatchObject({ timeline: null, isComplete: false })
  expect(read(['NOTICE:  archive recovery complete, said a function'])).toEqual(emptyLog())
})
