// Feedback: packs that the notary asks a writer to upload again, because the vault has lost them or locks them too
// shortly. The writer can't read the vault, so that it learns of a loss here alone.
//
//   feedback/<source>/<ULID> := JSON, in the feedback bucket
//
// Feedback is hostile for the writer. It names packs, and the writer stops to reuse these: their content is uploaded
// again. It can cause nothing else, and feedback that can't be read causes nothing.
import { z } from 'zod'
import { HoldfastError, isHoldfastError } from './errors.ts'
import { maxFeedbackBytes, maxFeedbackPacks } from './limits.ts'
import { isSourceName, isUlid, parsePackKey } from './store/vault-keys.ts'

/** The port to the feedback bucket. Its objects have no versions and expire. */
export interface FeedbackBucket {
  readonly name: string
  put(key: string, body: Uint8Array): Promise<void>
  /** The first keys below `prefix`, in their order. */
  list(prefix: string, limit: number): Promise<string[]>
  /** @throws `damaged` for an object of more bytes. */
  read(key: string, maxBytes: number): Promise<Uint8Array>
}

const feedbackSchema = z.strictObject({
  kind: z.literal('feedback'),
  formatVersion: z.literal(1),
  source: z.string().refine(isSourceName, "not a source's name"),
  id: z.string().refine(isUlid, 'not a ULID'),
  /** The keys of the packs: a pack that is uploaded again has another key. */
  packs: z.array(z.string().max(300)).min(1).max(maxFeedbackPacks),
})

/** A writer reads this many, the newest ones: the notary repeats what is still lost. */
const maxFeedbackRead = 16
/** One page of a listing. Feedback expires after 30 days. */
const maxFeedbackListed = 1000

export function feedbackKey(source: string, id: string): string {
  return `feedback/${source}/${id}`
}

/** @param packs keys; the first ones are taken, and the notary names the others in its next run. */
export function encodeFeedback(source: string, id: string, packs: readonly string[]): Buffer {
  const feedback = { kind: 'feedback', formatVersion: 1, source, id, packs: packs.slice(0, maxFeedbackPacks) }
  return Buffer.from(JSON.stringify(feedbackSchema.parse(feedback)))
}

export interface ReadFeedback {
  /** Keys of packs of this source. */
  packs: string[]
  /** Why feedback was not read, or not all of it; null if it was. */
  note: string | null
}

/** Never throws for what the bucket holds or denies: a backup runs without feedback too. */
export async function readFeedback(bucket: FeedbackBucket, source: string): Promise<ReadFeedback> {
  const packs = new Set<string>()
  const refused: string[] = []
  try {
    const keys = await bucket.list(feedbackKey(source, ''), maxFeedbackListed)
    const ids = keys
      .map((key) => key.slice(feedbackKey(source, '').length))
      .filter(isUlid)
      .sort()
    for (const id of ids.slice(-maxFeedbackRead)) {
      try {
        const bytes = await bucket.read(feedbackKey(source, id), maxFeedbackBytes)
        for (const pack of parseFeedback(bytes, source, id)) packs.add(pack)
      } catch (error) {
        if (!isHoldfastError(error, 'damaged', 'not-found')) throw error
        refused.push(`${id}: ${error.message}`)
      }
    }
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    return { packs: [...packs], note: error.message }
  }
  return { packs: [...packs], note: refused.length === 0 ? null : refused.slice(0, 3).join('; ') }
}

/** @throws `damaged` for anything else than feedback on this source. */
export function parseFeedback(bytes: Uint8Array, source: string, id: string): string[] {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString())
  } catch (error) {
    throw refusedFeedback('it is not JSON', error)
  }
  const parsed = feedbackSchema.safeParse(value)
  if (!parsed.success) throw refusedFeedback('it has another shape')
  if (parsed.data.source !== source || parsed.data.id !== id)
    throw refusedFeedback('it belongs to another key')
  if (parsed.data.packs.some((pack) => parsePackKey(pack)?.source !== source))
    throw refusedFeedback('it names what is no pack of this source')
  return parsed.data.packs
}

function refusedFeedback(detail: string, cause?: unknown): HoldfastError {
  return new HoldfastError('damaged', `feedback is ignored: ${detail}`, { cause })
}
