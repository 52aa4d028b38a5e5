import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { BaseManifest } from '../../../engine/postgres/base-manifest.ts'
import type { ArrivedFile } from '../../../engine/postgres/base-manifest.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

function fileLine(name: string, content: string): string {
  const path = /^[ -~]*$/.test(name)
    ? `"Path": ${JSON.stringify(name)}`
    : `"Encoded-Path": "${Buffer.from(name, 'latin1').toString('hex')}"`
  return `{ ${path}, "Size": ${content.length}, "Last-Modified": "2026-11-30 20:00:00 GMT", "Checksum-Algorithm": "SHA256", "Checksum": "${sha256(content)}" }`
}

/** As PostgreSQL 18 writes it. */
function manifestOf(files: Readonly<Record<string, string>>): string {
  const lines = Object.entries(files).map(([name, content]) => fileLine(name, content))
  const covered = `{ "PostgreSQL-Backup-Manifest-Version": 2,\n"System-Identifier": 7578222226669696123,\n"Files": [\n${lines.join(',\n')}\n],\n"WAL-Ranges": [\n{ "Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/2000120" }\n],\n`
  return `${covered}"Manifest-Checksum": "${sha256(covered)}"}\n`
}

function arrivedOf(files: Readonly<Record<string, string>>): Map<string, ArrivedFile> {
  return new Map(
    Object.entries(files).map(([name, content]) => [
      name,
      { bytes: content.length, sha256: sha256(content) },
    ]),
  )
}

function check(text: string, arrived: Map<string, ArrivedFile>, portionBytes = 7): void {
  const manifest = new BaseManifest(arrived)
  const bytes = Buffer.from(text)
  for (let start = 0; start < bytes.length; start += portionBytes)
    manifest.write(bytes.subarray(start, start + portionBytes))
  manifest.finish()
}

const files = { PG_VERSION: '18\n', 'base/1/1259': 'x'.repeat(100), 'n\xe9': 'y', 'a "quoted" {name}': 'z' }

test.each([1, 7, 4096])('a manifest in portions of %d bytes confirms each file', (portionBytes) => {
  const arrived = arrivedOf(files)
  check(manifestOf(files), arrived, portionBytes)
  expect(arrived.size).toBe(0)
})

test.each([
  ['arrived with another byte', { ...files, PG_VERSION: '17\n' }, 'other bytes'],
  ['arrived cut off', { ...files, PG_VERSION: '18' }, 'arrived with 2 bytes, not 3'],
  ['did not arrive', { PG_VERSION: '18\n' }, 'it did not arrive'],
  ['is in no manifest', { ...files, more: '' }, 'does not name it'],
])('a file that %s is refused', (_, arrived, message) => {
  expect(() => check(manifestOf(files), arrivedOf(arrived))).toThrow(message)
})

test.each([
  [
    'a changed byte outside of the files',
    (text: string) => text.replace('"Timeline": 1', '"Timeline": 2'),
    'checksum',
  ],
  ['a changed time of a file', (text: string) => text.replace('20:00:00', '20:00:01'), 'checksum'],
  ['a missing file', (text: string) => text.replace(/^\{ "Path": "base.*\n/m, ''), 'checksum'],
  ['a missing end', (text: string) => text.slice(0, -1), 'cut off'],
  ['no end at all', (text: string) => text.slice(0, text.indexOf('"Manifest-Checksum"')), "can't be read"],
  ['another checksum', (text: string) => text.replaceAll('SHA256', 'CRC32C'), 'described in another way'],
  ['nothing', () => '', 'cut off'],
])('a manifest with %s is refused', (_, change, message) => {
  const arrived = arrivedOf(files)
  expect(() => check(change(manifestOf(files)), arrived)).toThrow(message)
})

test('a line without end is refused before it takes the memory', () => {
  const manifest = new BaseManifest(new Map())
  expect(() => manifest.write(Buffer.alloc(100_000, 'x'))).toThrow('a line is too long')
})
