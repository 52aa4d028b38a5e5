// Requests and bytes as the sandbox counted them, per stretch of the drill: the client's own word is not asked.
import type { RequestRecord } from '../sandbox/gateway/exchange.ts'

export interface Traffic {
  /** By operation, `other` where the sandbox has no name for it. */
  requests: Record<string, number>
  receivedBytes: number
  sentBytes: number
}

export class TrafficMeter {
  #current: Traffic = { requests: {}, receivedBytes: 0, sentBytes: 0 }

  count(record: Pick<RequestRecord, 'operation' | 'receivedBytes' | 'sentBytes'>): void {
    const operation = record.operation ?? 'other'
    this.#current.requests[operation] = (this.#current.requests[operation] ?? 0) + 1
    this.#current.receivedBytes += record.receivedBytes
    this.#current.sentBytes += record.sentBytes
  }

  /** What was counted since the last call. */
  take(): Traffic {
    const counted = this.#current
    this.#current = { requests: {}, receivedBytes: 0, sentBytes: 0 }
    return counted
  }
}

export function sumRequests({ requests }: Traffic): number {
  return Object.values(requests).reduce((sum, count) => sum + count, 0)
}
