import { PassThrough } from 'node:stream'
import { afterEach, expect, test, vi } from 'vitest'
import { showProgress } from '../../../restore-cli/render/progress.ts'

afterEach(() => void vi.unstubAllEnvs())

function watch(isTTY = false): {
  stream: PassThrough & { isTTY: boolean }
  clock: { nowMs: number }
  shown: () => string
} {
  const move = (): boolean => true
  const stream = Object.assign(new PassThrough(), {
    isTTY,
    columns: 80,
    cursorTo: move,
    moveCursor: move,
    clearLine: move,
  })
  return { stream, clock: { nowMs: 0 }, shown: () => String(stream.read() ?? '') }
}

test('in a log, progress is a line every few seconds', () => {
  const { stream, clock, shown } = watch()
  const progress = showProgress(stream, false, () => clock.nowMs)
  for (let index = 0; index < 110; index++) {
    clock.nowMs += 100
    progress.update(`step ${index}`, {})
  }
  progress.stop()
  expect(shown()).toBe('step 49\nstep 99\n')
})

test('with --json, it is a record', () => {
  const { stream, clock, shown } = watch()
  const progress = showProgress(stream, true, () => clock.nowMs)
  clock.nowMs = 6_000
  progress.update('words', { files: 7 })
  expect(shown()).toBe('{"type":"progress","files":7}\n')
})

test('on a terminal, it disappears when it is stopped', () => {
  vi.stubEnv('CI', undefined)
  vi.stubEnv('TERM', 'xterm')
  const { stream, clock, shown } = watch(true)
  const progress = showProgress(stream, false, () => clock.nowMs)
  clock.nowMs = 1_000
  progress.update('7 files', {})
  progress.stop()
  progress.stop()
  // The last thing that is sent takes the line away and shows the cursor.
  const sent = shown()
  expect(sent).toContain('7 files')
  expect(sent.lastIndexOf('\u001b[?25h')).toBeGreaterThan(sent.lastIndexOf('7 files'))
})
