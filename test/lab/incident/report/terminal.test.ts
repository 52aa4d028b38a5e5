import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { Terminal } from '../../../../lab/incident/report/terminal.ts'

function record(isTTY: boolean) {
  let text = ''
  const stream = new Writable({
    decodeStrings: false,
    write: (part: string, _encoding, callback) => {
      text += part
      callback()
    },
  })
  return {
    terminal: new Terminal(Object.assign(stream, { isTTY, columns: 60 }) as unknown as NodeJS.WriteStream),
    read: () => text,
  }
}

const entry = {
  step: 'wipe' as const,
  at: '2026-04-24T10:15:00.000Z',
  elapsedMs: 1_500,
  text: 'file \u001b[2J\u202ename',
}

test('a pipe gets plain lines, without progress and without control characters', () => {
  const { terminal, read } = record(false)
  terminal.progress('half way')
  terminal.note(entry)
  expect(read()).toBe('  04-24 10:15   +1.5s  file \\x1b[2J\\xe2\\x80\\xaename\n')
})

test('a terminal gets a last line of progress, cut to its width and wiped before the next', () => {
  const { terminal, read } = record(true)
  terminal.progress('x'.repeat(500))
  terminal.note(entry)
  expect(read()).toContain('x'.repeat(54))
  expect(read()).not.toContain('x'.repeat(55))
  expect(read()).toContain('\r\u001b[2K')
})

test('a claim that fell shows why, five reasons at most, and how many more there are', () => {
  const { terminal, read } = record(false)
  const findings = Array.from({ length: 20 }, (_, index) => `reason ${index}`)
  terminal.claim({
    name: 'versions-survive',
    sentence: '',
    status: 'fell',
    evidence: '7 versions',
    findings,
    findingCount: 31,
  })
  expect(read().split('\n').slice(0, -1)).toEqual([
    expect.stringMatching(/FELL +versions-survive +7 versions/),
    ...findings.slice(0, 5).map((text) => `        ${text}`),
    '        and 26 more, in the report',
  ])
})
