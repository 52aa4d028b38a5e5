// Counts the requests sent, by kind, for reports and cost. Every attempt counts.

type RequestKind = 'put' | 'get' | 'head' | 'list' | 'other'
export type RequestCounts = Readonly<Record<RequestKind, number>>

const kindOfCommand = new Map<string, RequestKind>([
  ['PutObjectCommand', 'put'],
  ['GetObjectCommand', 'get'],
  ['HeadObjectCommand', 'head'],
  ['ListObjectVersionsCommand', 'list'],
])

export class RequestCounter {
  private readonly counts: Record<RequestKind, number> = { put: 0, get: 0, head: 0, list: 0, other: 0 }

  count(commandName: string | undefined): void {
    this.counts[kindOfCommand.get(commandName ?? '') ?? 'other']++
  }

  snapshot(): RequestCounts {
    return { ...this.counts }
  }
}
