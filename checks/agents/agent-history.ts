// The calls of each agent, day by day, and what of the last days is unusual: calls that it never made before, and a
// burst of denials. An agent that looks around, or that an attacker steers, does both.
import { timeText } from '../../core/time-text.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import { median } from '../behaviour/baseline.ts'
import { dayOf } from '../behaviour/daily-figures.ts'
import { FindingList } from '../outcome.ts'
import type { CheckOutcome } from '../outcome.ts'
import { countOf } from '../../core/count-text.ts'
import type { TrailEvent } from './trail-event.ts'

/** Until then an agent's calls are learned: two of each weekday. */
export const learningDays = 14
/** Fewer denials in an hour are no burst: agents try things. */
const burstFloor = 10
/** 1.4826 MAD are a standard deviation of normally distributed values. */
const spread = 6 * 1.4826
/** An attacker can make up any number of agents and calls. */
const maxAgents = 1000
const maxCallsPerAgent = 5000
const hourMs = 3_600_000

/** These change who administers the organization's services, with any caller. */
const delegationCalls: ReadonlySet<string> = new Set([
  'organizations:RegisterDelegatedAdministrator',
  'organizations:DeregisterDelegatedAdministrator',
  'organizations:EnableAWSServiceAccess',
  'organizations:PutResourcePolicy',
])

interface CallRecord {
  /** The last day before the judged ones on which the agent made the call; null for a new call. */
  lastDay: number | null
  /** In the judged days. */
  count: number
  denied: number
  firstMs: number
}

class AgentCalls {
  firstDay = Infinity
  readonly calls = new Map<string, CallRecord>()
  /** Denied calls by the hour since 1970. */
  readonly deniedByHour = new Map<number, number>()
  droppedCalls = 0
}

export interface JudgeOptions {
  /** Names of calls that an operator expects: `rds:DescribeDBInstances` of all agents, or `AGENT/rds:…` of one. */
  accepted: ReadonlySet<string>
}

export class AgentHistory {
  private readonly agents = new Map<string, AgentCalls>()
  private droppedAgents = 0
  private readonly delegations: TrailEvent[] = []
  private delegationCount = 0
  private readonly firstJudgedDay: number
  events = 0

  /** @param nowMs by the store's clock. The day of `nowMs` and the one before are judged. */
  constructor(nowMs: number) {
    this.firstJudgedDay = dayOf(nowMs) - 1
  }

  add(event: TrailEvent): void {
    this.events++
    if (delegationCalls.has(event.call) && !event.isDenied && dayOf(event.timeMs) >= this.firstJudgedDay) {
      this.delegationCount++
      if (this.delegations.length < maxAgents) this.delegations.push(event)
    }
    if (event.agent === null) return
    const agent = this.agentOf(event.agent)
    if (agent !== null) this.addCall(agent, event)
  }

  judge({ accepted }: JudgeOptions): CheckOutcome {
    const findings = new FindingList()
    for (const [name, agent] of this.agents) {
      if (agent.firstDay > this.firstJudgedDay - learningDays) continue
      for (const [call, record] of agent.calls)
        if (record.lastDay === null && !accepted.has(call) && !accepted.has(`${name}/${call}`))
          findings.failed(name, newCallText(call, record))
      const burst = this.burstOf(agent)
      if (burst !== null) findings.failed(name, burst)
      if (agent.droppedCalls > 0)
        findings.failed(name, `${countOf(agent.droppedCalls, 'call')} of more kinds than any service has`)
    }
    if (this.droppedAgents > 0)
      findings.failed('agents', `${countOf(this.droppedAgents, 'event')} of more than ${maxAgents} agents`)
    for (const { call, timeMs } of this.delegations)
      if (!accepted.has(call))
        findings.failed(
          'delegated administrators',
          `${call} was called at ${timeText(timeMs)}: another account may administer a service of the organization`,
        )
    const learning = [...this.agents.values()].filter(
      ({ firstDay }) => firstDay > this.firstJudgedDay - learningDays,
    ).length
    return findings.outcome(
      `${countOf(this.agents.size, 'agent')} in ${countOf(this.events, 'event')}, of which ${learning} are learned for ${learningDays} days before they are compared`,
    )
  }

  private agentOf(name: string): AgentCalls | null {
    const agent = this.agents.get(name)
    if (agent !== undefined) return agent
    if (this.agents.size >= maxAgents) {
      this.droppedAgents++
      return null
    }
    const added = new AgentCalls()
    this.agents.set(name, added)
    return added
  }

  private addCall(agent: AgentCalls, { call, timeMs, isDenied }: TrailEvent): void {
    const day = dayOf(timeMs)
    agent.firstDay = Math.min(agent.firstDay, day)
    if (isDenied) {
      const hour = Math.floor(timeMs / hourMs)
      agent.deniedByHour.set(hour, (agent.deniedByHour.get(hour) ?? 0) + 1)
    }
    const record = agent.calls.get(call) ?? { lastDay: null, count: 0, denied: 0, firstMs: Infinity }
    if (!agent.calls.has(call) && agent.calls.size >= maxCallsPerAgent) return void agent.droppedCalls++
    agent.calls.set(call, record)
    if (day < this.firstJudgedDay) {
      record.lastDay = Math.max(record.lastDay ?? 0, day)
      return
    }
    record.count++
    if (isDenied) record.denied++
    record.firstMs = Math.min(record.firstMs, timeMs)
  }

  /** The hour of the judged days with the most denials, against the worst hour of each day before. */
  private burstOf({ deniedByHour, firstDay }: AgentCalls): string | null {
    const worst = new Map<number, number>()
    let burst = { hour: 0, count: 0 }
    for (const [hour, count] of deniedByHour) {
      const day = Math.floor((hour * hourMs) / dayMs)
      if (day < this.firstJudgedDay) worst.set(day, Math.max(count, worst.get(day) ?? 0))
      else if (count > burst.count) burst = { hour, count }
    }
    const days = Array.from({ length: this.firstJudgedDay - firstDay }, (_, index) => {
      return worst.get(firstDay + index) ?? 0
    })
    const middle = median(days)
    const deviation = median(days.map((count) => Math.abs(count - middle)))
    const limit = middle + Math.max(spread * deviation, burstFloor)
    return burst.count > limit
      ? `AWS denied ${burst.count} of its calls in the hour from ${timeText(burst.hour * hourMs)}; usual is at most ${Math.floor(limit)}`
      : null
  }
}

function newCallText(call: string, { count, denied, firstMs }: CallRecord): string {
  const denials = denied === 0 ? '' : `, of which AWS denied ${denied}`
  return `it never made the call ${call} before: ${countOf(count, 'time')} since ${timeText(firstMs)}${denials}`
}
