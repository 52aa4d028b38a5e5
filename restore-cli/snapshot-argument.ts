// A snapshot as an argument: its id, a time, or `latest`.
import { HoldfastError } from '../core/errors.ts'
import type { SnapshotRequest } from '../core/snapshot/snapshot-choice.ts'
import { isUlid } from '../core/store/vault-keys.ts'

export const snapshotArgumentHelp =
  'its id, a time with a zone (the newest state at or before it), or `latest`'

/** @throws `invalid-input`; the choice of the snapshot checks the time. */
export function parseSnapshotArgument(text: string, source: string | undefined): SnapshotRequest {
  const request = source === undefined ? {} : { source }
  if (text === 'latest') return request
  if (isUlid(text.toUpperCase())) return { ...request, snapshot: text }
  if (/^\d{4}-/.test(text)) return { ...request, pointInTime: text }
  throw new HoldfastError('invalid-input', `${JSON.stringify(text.slice(0, 60))} names no snapshot`, {
    hint: `name a snapshot by ${snapshotArgumentHelp}; \`holdfast snapshots\` lists the ids`,
  })
}
