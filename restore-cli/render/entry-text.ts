// Entries of a snapshot as text and as records. Their names are hostile, and are shown escaped.
import type { EntryVersion } from '../../core/browse/tree-search.ts'
import { pathText } from '../../core/tree/path-text.ts'
import type { EntryType } from '../../core/tree/tree-entry.ts'
import { timeText } from '../../core/time-text.ts'
import { bytesText } from './figures.ts'
import { pathRecord } from './terminal-text.ts'

export type ShownEntry = EntryVersion['entry']

const letters: Readonly<Record<EntryType, string>> = {
  directory: 'd',
  file: '-',
  symlink: 'l',
  fifo: 'p',
  socket: 's',
  'character-device': 'c',
  'block-device': 'b',
}
const sizeWidth = '999 MB'.length
const timeWidth = '2026-04-24T10:15:00Z'.length

export const entryHead = `${'MODE'.padEnd(10)}  ${'SIZE'.padStart(sizeWidth)}  ${'MODIFIED'.padEnd(timeWidth)}  PATH\n`

export function entryRow(entry: ShownEntry): string {
  return `${modeText(entry)}  ${sizeText(entry).padStart(sizeWidth)}  ${modifiedText(entry)}  ${nameText(entry)}\n`
}

export function entryRecord(entry: ShownEntry): Record<string, unknown> {
  const { path, type, mode, uid, gid, mtimeNs, size, linkTarget } = entry
  const target =
    type === 'symlink' ? { target: pathText(linkTarget), targetBase64: linkTarget.toString('base64') } : {}
  return {
    ...pathRecord(path),
    kind: type,
    size,
    modified: timeText(modifiedMs(mtimeNs)),
    modifiedNs: String(mtimeNs),
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    ...target,
  }
}

/** A file's size; other entries have none. */
export function sizeText({ type, size }: ShownEntry): string {
  return type === 'file' ? bytesText(size) : '-'
}

/** In whole seconds, so that all times have one width. */
export function modifiedText({ mtimeNs }: ShownEntry): string {
  return timeText(Math.floor(modifiedMs(mtimeNs) / 1000) * 1000)
}

/** The path below the source's root, as `restore` takes it. */
export function nameText({ path, type, linkTarget }: ShownEntry): string {
  const name = pathText(path) || '.'
  if (type === 'symlink') return `${name} -> ${pathText(linkTarget)}`
  return type === 'directory' ? `${name}/` : name
}

function modifiedMs(mtimeNs: bigint): number {
  return Number(mtimeNs / 1_000_000n)
}

function modeText({ type, mode }: ShownEntry): string {
  const bits = [mode >> 6, mode >> 3, mode].map((part, index) => {
    const isSpecial = (mode & [0o4000, 0o2000, 0o1000][index]!) !== 0
    const special = index === 2 ? 't' : 's'
    const execute = (part & 1) !== 0 ? (isSpecial ? special : 'x') : isSpecial ? special.toUpperCase() : '-'
    return `${(part & 4) !== 0 ? 'r' : '-'}${(part & 2) !== 0 ? 'w' : '-'}${execute}`
  })
  return `${letters[type]}${bits.join('')}`
}
