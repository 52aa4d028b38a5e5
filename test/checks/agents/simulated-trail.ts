// An audit trail in a store of a test, as CloudTrail delivers it.
import { gzipSync } from 'node:zlib'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { MemoryStore } from '../../fixtures/memory-store.ts'

export const production = '444455556666'

export interface SimulatedEvent {
  timeMs: number
  call: string
  agent?: string | null
  errorCode?: string
}

export function eventOf({ timeMs, call, agent = 'deploy', errorCode }: SimulatedEvent): object {
  const [service, eventName] = call.split(':')
  const role = agent === null ? 'role/admin' : `role/holdfast-agents/holdfast-agent-${agent}`
  return {
    eventVersion: '1.11',
    eventTime: `${new Date(timeMs).toISOString().slice(0, 19)}Z`,
    eventSource: `${service}.amazonaws.com`,
    eventName,
    ...(errorCode === undefined ? {} : { errorCode }),
    userIdentity: {
      type: 'AssumedRole',
      arn: `arn:aws:sts::${production}:assumed-role/holdfast-agent-${agent}/session`,
      sessionContext: { sessionIssuer: { type: 'Role', arn: `arn:aws:iam::${production}:${role}` } },
    },
    requestParameters: { text: 'a "quoted" } { text with \\ and ] in it' },
  }
}

export class SimulatedTrail {
  readonly store = new MemoryStore()
  private files = 0

  private readonly prefix: string

  constructor(prefix = `AWSLogs/${production}/CloudTrail/eu-central-1/`) {
    this.prefix = prefix
  }

  get nowMs(): number {
    return this.store.nowMs
  }

  deliver(timeMs: number, body: Buffer): void {
    const folder = new Date(timeMs).toISOString().slice(0, 10).replaceAll('-', '/')
    this.store.add(`${this.prefix}${folder}/${production}_CloudTrail_${this.files++}.json.gz`, body)
  }

  add(events: readonly SimulatedEvent[]): void {
    const [first] = events
    if (first !== undefined)
      this.deliver(first.timeMs, gzipSync(JSON.stringify({ Records: events.map(eventOf) })))
  }

  /** The usual day of an agent: each call at each hour. */
  usualDays(count: number, calls: readonly string[], agent = 'deploy'): void {
    for (let day = count; day >= 0; day--)
      this.add(
        calls.map((call, index) => ({ timeMs: this.nowMs - day * dayMs - index * 60_000, call, agent })),
      )
  }
}
