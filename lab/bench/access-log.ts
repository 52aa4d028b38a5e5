// Counts requests by kind in the server's own access log, so that the counter is the same for every client.

/** Counts by S3's name of the operation, e.g. `PutObject`. */
export type Requests = Record<string, number>

// Bucket owner, bucket, [time], address, requester, request id, operation: as S3 server access logs have it.
const line = /^\S+ \S+ \[[^\]]*\] \S+ \S+ \S+ s3_(\w{1,64}) /gm

export function countRequests(log: string): Requests {
  const counts: Requests = {}
  for (const [, operation] of log.matchAll(line)) counts[operation!] = (counts[operation!] ?? 0) + 1
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)))
}

export function totalOf(requests: Requests): number {
  return Object.values(requests).reduce((sum, count) => sum + count, 0)
}
