// Requests and bytes of each stretch of the drill, counted by the sandbox and not by the client under test.
import type { RequestRecord } from '../sandbox/gateway/exchange.ts'

export interface Traffic {
  /** Count by operation; `other` for an operation without a name. */
  requests: Record<string, number>
  receivedBytes: number
  sentBytes: number
}

export class TrafficMeter {
  private current: Traffic = { requests: {}, receivedBytes: 0, sentBytes: 0 }

  count(record: Pick<RequestRecord, 'operation' | 'receivedBytes' | 'sentBytes'>): void {
    const operation = record.operation ?? 'other'
    this.current.requests[operation] = (this.current.requests[operation] ?? 0) + 1
    this.current.receivedBytes += record.receivedBytes
    this.current.sentBytes += record.sentBytes
  }

  /** The traffic since the last call. */
  take(): Traffic {
    const counted = this.current
    this.current = { requests: {}, receivedBytes: 0, sentBytes: 0 }
    return counted
  }
}

export function sumRequests({ requests }: Traffic): number {
  return Object.values(requests).reduce((sum, count) => sum + count, 0)
}
