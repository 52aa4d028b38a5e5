import { createHash } from 'node:crypto'
import { Header } from 'tar'
import { expect, test } from 'vitest'
import type { TreeEntry } from '../../../core/tree/tree-entry.ts'
import { BaseArchives } from '../../../engine/postgres/base-archives.ts'
import type { StreamSink } from '../../../engine/operations.ts'

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

class RecordedSink implements StreamSink {
  readonly entries: TreeEntry[] = []
  readonly contents = new Map<string, Buffer>()
  readonly isBehind = false

  begin(entry: TreeEntry): void {
    this.entries.push(entry)
  }

  write(bytes: Buffer): void {
    const path = this.entries.at(-1)!.path.toString()
    this.contents.set(path, Buffer.concat([this.contents.get(path) ?? Buffer.alloc(0), bytes]))
  }

  addProblem(): void {}

  async drain(): Promise<void> {}
}

interface SentFile {
  path: string
  content?: Buffer
  type?: 'File' | 'Directory' | 'SymbolicLink' | 'Link'
}

function archived({ path, content = Buffer.alloc(0), type = 'File' }: SentFile): Buffer {
  const header = new Header({
    path,
    type,
    size: content.length,
    mode: 0o600,
    mtime: new Date(1e12),
    ...(type.endsWith('Link') ? { linkpath: '/x' } : {}),
  })
  const block = Buffer.alloc(512)
  header.encode(block)
  return Buffer.concat([block, content, Buffer.alloc((512 - (content.length % 512)) % 512)])
}

const opened = (name: string, location = ''): Buffer => Buffer.from(`n${name}\0${location}\0`)
const data = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from('d'), bytes])

function manifestOf(files: readonly SentFile[], prefix = ''): string[] {
  return files
    .filter(({ type = 'File' }) => type === 'File')
    .map(
      ({ path, content = Buffer.alloc(0) }) =>
        `{ "Path": "${prefix}${path}", "Size": ${content.length}, "Checksum-Algorithm": "SHA256", "Checksum": "${sha256(content)}" }`,
    )
}

function manifestMessages(lines: readonly string[]): Buffer[] {
  const covered = `{ "PostgreSQL-Backup-Manifest-Version": 1,\n"Files": [\n${lines.join(',\n')}\n],\n`
  return [
    Buffer.from('m'),
    data(Buffer.from(`${covered}"Manifest-Checksum": "${sha256(Buffer.from(covered))}"}\n`)),
  ]
}

const label = Buffer.from('START WAL LOCATION: …\n')
const main: SentFile[] = [
  { path: 'backup_label', content: label },
  { path: 'base/', type: 'Directory' },
  { path: './pg_wal/archive_status/', type: 'Directory' },
  { path: 'base/1259', content: Buffer.alloc(200_000, 'x') },
  { path: 'global/pg_control', content: Buffer.alloc(8192, 'c') },
]
const moved: SentFile[] = [{ path: 'PG_18_1/5/16384', content: Buffer.alloc(8192, 't') }]

/** In messages of `bytes` bytes, as the server may cut them anywhere. */
function messagesOf(files: readonly SentFile[], bytes = 777): Buffer[] {
  const archive = Buffer.concat([...files.map(archived), Buffer.alloc(1024)])
  return Array.from({ length: Math.ceil(archive.length / bytes) }, (_, index) =>
    data(archive.subarray(index * bytes, (index + 1) * bytes)),
  )
}

function receive(messages: readonly Buffer[]): { archives: BaseArchives; sink: RecordedSink } {
  const sink = new RecordedSink()
  const archives = new BaseArchives(sink)
  for (const message of messages) {
    const once = Buffer.from(message)
    archives.receive(once)
    // As a connection does with its buffer.
    once.fill(0xff)
  }
  archives.finish()
  return { archives, sink }
}

const progress = Buffer.from('p12345678')
const whole = [
  opened('16385.tar', '/fast'),
  ...messagesOf(moved),
  progress,
  opened('base.tar'),
  ...messagesOf(main),
  ...manifestMessages([...manifestOf(moved, 'pg_tblspc/16385/'), ...manifestOf(main)]),
]

test('the archives of a base become one tree, with each tablespace in its place', () => {
  const { archives, sink } = receive(whole)
  expect(sink.entries.map(({ path, type }) => `${path.toString()} ${type}`)).toEqual([
    'pg_tblspc/16385/PG_18_1/5/16384 file',
    'backup_label file',
    'base directory',
    'pg_wal/archive_status directory',
    'base/1259 file',
    'global/pg_control file',
    ' directory',
    'pg_tblspc/16385 directory',
  ])
  expect(sink.contents.get('base/1259')).toEqual(main[3]!.content)
  expect(archives.textOf('backup_label')).toBe(label.toString())
  expect(archives.textOf('tablespace_map')).toBeNull()
  expect(archives.tablespaces).toEqual([{ oid: 16385, location: '/fast' }])
})

const withMain = (file: SentFile): Buffer[] => [opened('base.tar'), ...messagesOf([...main, file])]

test.each([
  ['without its manifest', 'is missing', whole.slice(0, -2)],
  ['with a cut manifest', 'cut off', whole.slice(0, -1)],
  [
    'without the data directory',
    'is missing',
    [opened('16385.tar'), ...messagesOf(moved), ...manifestMessages(manifestOf(moved, 'pg_tblspc/16385/'))],
  ],
  [
    'with an archive that is cut off',
    'Truncated',
    [opened('base.tar'), ...messagesOf(main).slice(0, 200), ...manifestMessages(manifestOf(main))],
  ],
  ['with a file above the root', 'impossible name', withMain({ path: '../etc/passwd' })],
  ['with an absolute file', 'impossible name', withMain({ path: '/etc/passwd' })],
  ['with a file twice', 'came twice', withMain(main[3]!)],
  ['with a hard link', 'type Link', withMain({ path: 'other', type: 'Link' })],
  ['with an archive of another name', 'another name', [opened('evil.tar')]],
  ['with an unknown message', 'unknown message', [Buffer.from('x')]],
  ['with content before an archive', 'before the first archive', messagesOf(main)],
])('a base %s is refused', (_, message, messages) => {
  expect(() => receive(messages)).toThrow(message)
})
