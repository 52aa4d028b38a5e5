import { expect, test } from 'vitest'
import { mayHoldCredential } from '../../../blast-radius/search/keyword-hits.ts'
import { scanText } from '../../../blast-radius/search/scan.ts'
import { readInWindows } from '../../../blast-radius/search/text-windows.ts'
import { invent } from './planted.ts'

const token = (name: string): string => `${['gh', 'p_'].join('')}${invent(name, 36)}`

/** The line and the value of each finding, as the search of a file reports them. */
function findIn(content: string): [line: number, value: string][] {
  const findings: [number, string][] = []
  for (const { text, lineAt, start, end } of readInWindows(Buffer.from(content), mayHoldCredential)) {
    expect(text.length).toBeLessThan(128 * 1024)
    for (const located of scanText(text, { path: 'a.log', format: 'prose' }).credentials)
      if (located.start >= start && located.start < end)
        findings.push([lineAt(located.start), text.slice(located.start, located.end)])
  }
  return findings
}

test('a large text has each finding once, with its line, wherever a window ends', () => {
  const lines = Array.from({ length: 3000 }, (_, index) =>
    index % 3 === 0 ? `line ${index} é ${token(String(index))}` : 'x'.repeat(150),
  )
  const expected = lines.flatMap((line, index) =>
    index % 3 === 0 ? [[index + 1, line.slice(line.lastIndexOf(' ') + 1)]] : [],
  )
  expect(findIn(lines.join('\n'))).toEqual(expected)
})

test('a large text on one line has each finding once', () => {
  const tokens = Array.from({ length: 2000 }, (_, index) => token(String(index)))
  expect(findIn(tokens.join(` ${'x'.repeat(150)} `))).toEqual(tokens.map((value) => [1, value]))
})

test('a window without the words of a secret is not read', () => {
  expect([...readInWindows(Buffer.alloc(1_000_000, 'x\n'), mayHoldCredential)]).toEqual([])
})
