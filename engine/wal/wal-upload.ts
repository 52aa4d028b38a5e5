// Puts parts of the write-ahead log and history files into the vault.
import { ulid } from 'ulid'
import { sha256Hex } from '../../core/digest.ts'
import { putUnderNewKey } from '../../core/store/upload.ts'
import type { UploadEnvironment } from '../../core/store/upload.ts'
import { prepareWalHistory } from '../../core/wal/wal-history.ts'
import { walHistoryKey, walPartKey } from '../../core/wal/wal-keys.ts'
import type { WalLine } from '../../core/wal/wal-keys.ts'
import { prepareWalPart } from '../../core/wal/wal-part.ts'
import type { WalPartFacts } from '../../core/wal/wal-part.ts'

/** An object that the vault has acknowledged. */
export interface UploadedWal {
  key: string
  versionId: string
  /** The size of the object. */
  storedBytes: number
  /** The `Date` of the store's reply. */
  serverTimeMs: number
}

/**
 * Resolves when the vault has the part.
 * @param part `bytes`: the log from `start` on, within one segment, and `maxWalPartBytes` at most; `sha256` of them, if
 * the caller has it.
 */
export async function uploadWalPart(
  environment: UploadEnvironment,
  line: WalLine,
  facts: WalPartFacts,
  { start, bytes, sha256 }: { start: bigint; bytes: Uint8Array; sha256?: string },
): Promise<UploadedWal> {
  const { source, systemId, timeline } = line
  const range = { source, systemId, timeline, start, end: start + BigInt(bytes.length) }
  const encode = await prepareWalPart(range, facts, bytes, sha256)
  return upload(environment, (id) => ({ key: walPartKey({ ...range, id }), body: encode(id) }))
}

/** Resolves when the vault has the history file. @throws `invalid-input` for a file that is none of this timeline. */
export async function uploadWalHistory(
  environment: UploadEnvironment,
  { source, systemId, timeline }: WalLine,
  bytes: Uint8Array,
): Promise<UploadedWal> {
  const line = { source, systemId, timeline }
  const encode = await prepareWalHistory(line, bytes)
  return upload(environment, (id) => ({ key: walHistoryKey({ ...line, id }), body: encode(id) }))
}

async function upload(
  environment: UploadEnvironment,
  attempt: (id: string) => { key: string; body: Uint8Array },
): Promise<UploadedWal> {
  const { clock, random } = environment
  const put = await putUnderNewKey(environment, () => {
    const { key, body } = attempt(ulid(clock.nowMs(), random))
    return { key, body, sha256: sha256Hex(body) }
  })
  const { key, versionId, serverTimeMs } = put
  return { key, versionId, serverTimeMs, storedBytes: put.body.length }
}
