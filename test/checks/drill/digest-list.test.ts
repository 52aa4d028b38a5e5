import { createHash } from 'node:crypto'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compareDigests, parseDigestList } from '../../../checks/drill/digest-list.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'

const signal = new AbortController().signal
const digest = (text: string): string => createHash('sha256').update(text).digest('hex')
const root = join(makeFolder(), 'root')
mkdirSync(join(root, 'below'), { recursive: true })
writeFileSync(join(root, 'one'), '1')
writeFileSync(join(root, 'below', 'two words'), '2')
writeFileSync(join(root, '..', 'outside'), '3')
symlinkSync('..', join(root, 'link'))

const compare = (...lines: string[]) =>
  compareDigests(root, parseDigestList(lines.join('\n'), 'list'), signal)

test('files as listed pass, in both forms of sha256sum', async () => {
  expect(await compare(`${digest('1')}  ./one`, `${digest('2')} *below/two words`, '')).toEqual({
    ok: true,
    detail: '2 files as listed',
  })
})

test.each([
  ['another content', `${digest('x')}  one`],
  ['a file that is missing', `${digest('1')}  none`],
  ['a directory', `${digest('1')}  below`],
  ['a file outside, behind a link', `${digest('3')}  link/outside`],
])('%s fails, and is named', async (_, line) => {
  const { ok, detail } = await compare(line, `${digest('1')}  ./one`.replace('./one', 'one '), '')
  expect(ok).toBe(false)
  expect(detail).toContain(line.slice(66))
})

test.each([
  ['', 'no digest'],
  ['x  one', 'line 1'],
  [`${digest('1')}  one\n${digest('1')}  /etc/passwd`, 'line 2'],
  [`${digest('1')}  ../outside`, 'line 1'],
])('the list %j is refused', (text, reason) => {
  expect(() => parseDigestList(text, 'list')).toThrow(reason)
})
