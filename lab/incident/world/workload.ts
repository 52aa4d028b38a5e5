// A day at the rental desks: rows and files change all the time, and a customer would notice the loss of each change.
import type pg from 'pg'
import type { Random } from '../../../core/clock.ts'
import { drawInteger, drawItem } from '../seeded-random.ts'
import type { WorldSize } from './size.ts'
import type { Upload, Uploads } from './uploads.ts'

export interface WorkloadCounts {
  inserted: number
  updated: number
  deleted: number
  filesAdded: number
  filesChanged: number
  filesRemoved: number
}

export function countNothing(): WorkloadCounts {
  return { inserted: 0, updated: 0, deleted: 0, filesAdded: 0, filesChanged: 0, filesRemoved: 0 }
}

export interface Round {
  readonly uploads: Uploads
  readonly random: Random
  readonly size: WorldSize
  readonly nowMs: number
}

/** One round: a transaction of inserts, updates and deletes, and changes to some files. Adds to `counts`. */
export async function runRound(
  client: pg.Client,
  { uploads, random, size, nowMs }: Round,
  counts: WorkloadCounts,
): Promise<void> {
  await client.query('BEGIN')
  for (let index = drawInteger(random, 3, 9); index > 0; index--) {
    await insertBooking(client, random, size, nowMs)
    counts.inserted += 2
  }
  const updated = await client.query(
    `UPDATE bookings SET status = $1, notes = notes || jsonb_build_object('touched', $2::text)
     WHERE id IN (SELECT id FROM bookings ORDER BY hashint8(id # $3::bigint) LIMIT $4)`,
    [
      drawItem(random, ['open', 'returned', 'disputed']),
      String(random()),
      drawInteger(random, 1, 1e9),
      drawInteger(random, 2, 12),
    ],
  )
  const driven = await client.query('UPDATE vehicles SET odometer_km = odometer_km + $1 WHERE id % 97 = $2', [
    drawInteger(random, 1, 500),
    drawInteger(random, 0, 96),
  ])
  const deleted = await client.query(
    'DELETE FROM payments WHERE id IN (SELECT id FROM payments ORDER BY hashint8(id # $1::bigint) LIMIT $2)',
    [drawInteger(random, 1, 1e9), drawInteger(random, 1, 4)],
  )
  const { written, removed } = changeFiles(uploads, random, nowMs, counts)
  await recordUploads(client, written, nowMs)
  const forgotten = await client.query('DELETE FROM documents WHERE path = $1', [removed.name])
  await client.query('COMMIT')
  counts.inserted += written.length
  counts.updated += (updated.rowCount ?? 0) + (driven.rowCount ?? 0)
  counts.deleted += (deleted.rowCount ?? 0) + (forgotten.rowCount ?? 0)
}

export async function insertBooking(
  client: pg.Client,
  random: Random,
  size: WorldSize,
  nowMs: number,
): Promise<void> {
  await client.query(
    `WITH booking AS (
       INSERT INTO bookings (customer_id, vehicle_id, starts_on, ends_on, status)
       VALUES ($1, $2, to_timestamp($3)::date, to_timestamp($3)::date + $4::int, 'open') RETURNING id)
     INSERT INTO payments (booking_id, amount, paid_at) SELECT id, $5, to_timestamp($3) FROM booking`,
    [
      drawInteger(random, 1, size.customers),
      drawInteger(random, 1, size.vehicles),
      nowMs / 1000,
      drawInteger(random, 1, 14),
      (random() * 900).toFixed(2),
    ],
  )
}

/** Lists the files in the database, so that a restore can check that database and files belong together. */
export async function recordUploads(client: pg.Client, uploads: Upload[], nowMs: number): Promise<void> {
  await client.query(
    `INSERT INTO documents (path, bytes, added_at)
     SELECT path, bytes, to_timestamp($3) FROM unnest($1::text[], $2::int[]) AS written (path, bytes)
     ON CONFLICT (path) DO UPDATE SET bytes = excluded.bytes`,
    [uploads.map(({ name }) => name), uploads.map(({ bytes }) => bytes), nowMs / 1000],
  )
}

function changeFiles(uploads: Uploads, random: Random, nowMs: number, counts: WorkloadCounts) {
  // A set, because a file may be drawn twice and must be recorded once, in its last state.
  const written = new Set<Upload>()
  for (let index = drawInteger(random, 1, 3); index > 0; index--, counts.filesAdded++)
    written.add(uploads.add(nowMs))
  for (let index = drawInteger(random, 0, 2); index > 0; index--, counts.filesChanged++)
    written.add(uploads.change(nowMs))
  const removed = uploads.remove()
  counts.filesRemoved++
  return { written: [...written], removed }
}
