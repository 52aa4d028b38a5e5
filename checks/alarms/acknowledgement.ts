// The record with which a person of on-call confirms that a test alarm has arrived: one object in the vault, locked as
// every other one there. Its time is the store's. Its content is hostile: the role of a person can write any.
//
//   acknowledgements/<ULID>.json
import { z } from 'zod'
import { sha256Hex } from '../../core/digest.ts'
import { isHoldfastError, objectFailures } from '../../core/errors.ts'
import type { ObjectStore, ObjectVersion } from '../../core/store/object-store.ts'
import { acknowledgementsPrefix, isUlid } from '../../core/store/vault-keys.ts'
import { findingLine } from '../finding-text.ts'

const maxBytes = 4096
/** Newest first, so many are read to find one that is usable. */
const maxRead = 16

const schema = z.strictObject({
  kind: z.literal('acknowledgement'),
  formatVersion: z.literal(1),
  /** The id in the alarm's text: who sends the record has read the text. */
  alarm: z.string().regex(/^[A-Za-z0-9-]{8,64}$/),
  person: findingLine.nullable(),
})

export type Acknowledgement = z.infer<typeof schema>

export interface StoredAcknowledgement extends Acknowledgement {
  /** The server's time of the record. */
  timeMs: number
}

/** True for a text that can be the id of an alarm. */
export function isAlarmId(text: string): boolean {
  return schema.shape.alarm.safeParse(text).success
}

export function acknowledgementKey(id: string): string {
  return `${acknowledgementsPrefix}${id}.json`
}

/** @returns the record's ULID; null for any other key. */
export function parseAcknowledgementKey(key: string): string | null {
  const id = new RegExp(`^${acknowledgementsPrefix}([^/]+)\\.json$`).exec(key)?.[1] ?? ''
  return isUlid(id) ? id : null
}

/** @returns the key. @throws as the store. */
export async function writeAcknowledgement(
  store: Pick<ObjectStore, 'putIfAbsent'>,
  id: string,
  record: Pick<Acknowledgement, 'alarm' | 'person'>,
): Promise<string> {
  const key = acknowledgementKey(id)
  const body = Buffer.from(
    `${JSON.stringify(schema.parse({ kind: 'acknowledgement', formatVersion: 1, ...record }))}\n`,
  )
  await store.putIfAbsent(key, body, sha256Hex(body))
  return key
}

/** The newest usable record; null if there is none. @throws as the store. */
export async function newestAcknowledgement(
  store: Pick<ObjectStore, 'listVersions' | 'getRange'>,
): Promise<StoredAcknowledgement | null> {
  let newest: ObjectVersion[] = []
  for await (const version of store.listVersions(acknowledgementsPrefix)) {
    if (version.isDeleteMarker || version.isMultipart || version.bytes > maxBytes) continue
    if (parseAcknowledgementKey(version.key) === null) continue
    newest.push(version)
    if (newest.length > 2 * maxRead) newest = newest.sort(byTime).slice(0, maxRead)
  }
  for (const version of newest.sort(byTime).slice(0, maxRead)) {
    const record = await readRecord(store, version)
    if (record !== null) return { ...record, timeMs: version.lastModifiedMs }
  }
  return null
}

function byTime(a: ObjectVersion, b: ObjectVersion): number {
  return b.lastModifiedMs - a.lastModifiedMs
}

async function readRecord(
  store: Pick<ObjectStore, 'getRange'>,
  version: ObjectVersion,
): Promise<Acknowledgement | null> {
  try {
    const bytes = await store.getRange(version, 0, version.bytes)
    return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null
    if (!isHoldfastError(error, ...objectFailures)) throw error
    return null
  }
}
