// The rows that must be allowed: a guard that stops a duty is a guard that someone will take away.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { breakGlassActions, catalogue } from '../../guardrails/catalogue.ts'
import {
  bucketArn,
  duties,
  feedbackBucketName,
  toolkitBucketName,
  vaultBucketName,
} from '../../guardrails/names.ts'
import { locationOf, locationsOf } from '../../infra/config.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import { approvalMs, approvedSubject } from './principals.ts'
import type { Subject } from './principals.ts'
import type { ProofRow } from './proof-row.ts'
import { expandAction, namesIn, takesKey, targetsOf } from './targets.ts'

const text = z.union([z.string(), z.array(z.string())])
const duty = z.strictObject({
  who: z.string(),
  action: z.string(),
  on: z.string(),
  context: z.record(z.string(), text).default({}),
})
const table = z.array(duty).parse(JSON.parse(readFileSync(new URL('duties.json', import.meta.url), 'utf8')))

type Values = Record<string, string>

function fill(template: string, values: Values): string {
  return template.replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole)
}

/** Every row of the table, for every source, agent and duty that it speaks of. */
function fillTable(config: HoldfastConfig): z.infer<typeof duty>[] {
  const place = { accountId: config.vaultAccountId, region: config.region }
  const fixed: Values = {
    toolkit: bucketArn(toolkitBucketName(place)),
    region: config.region,
    production: config.productionAccountId,
    vaultAccount: config.vaultAccountId,
    retentionCapDays: String(config.retentionCapDays),
  }
  const lists: Record<string, readonly string[]> = {
    source: config.sources.map(({ name }) => name),
    agent: config.agents.map(({ name }) => name),
    duty: duties,
  }
  return table.flatMap((row) => {
    const used = Object.keys(lists).filter((key) => JSON.stringify(row).includes(`{${key}}`))
    const choices = used.reduce<Values[]>(
      (known, key) => known.flatMap((values) => lists[key]!.map((value) => ({ ...values, [key]: value }))),
      [{}],
    )
    // Of a source: where its backups lie. Of none: everywhere.
    return choices.flatMap((values) => {
      const source = config.sources.find(({ name }) => name === values['source'])
      return (source === undefined ? locationsOf(config) : [locationOf(config, source)]).map((at) => {
        const buckets = { vault: bucketArn(vaultBucketName(at)), feedback: bucketArn(feedbackBucketName(at)) }
        return JSON.parse(fill(JSON.stringify(row), { ...fixed, ...buckets, ...values })) as z.infer<
          typeof duty
        >
      })
    })
  })
}

export async function dutyRows(config: HoldfastConfig, cast: readonly Subject[]): Promise<ProofRow[]> {
  const rows = fillTable(config).flatMap((row): ProofRow[] => {
    // Where an approval is asked for, break-glass has duties once it is there.
    const subject =
      cast.find(({ name }) => row.who === 'break-glass' && name === approvedSubject) ??
      cast.find(({ name }) => name === row.who)
    if (subject === undefined) return []
    return [
      {
        group: 'duty',
        who: subject.name,
        principal: subject.principal,
        actions: [row.action],
        resource: row.on,
        context: row.context,
        resourceAccountId:
          row.on.split(':')[4] ||
          (row.on.startsWith('arn:aws:s3:::') ? config.vaultAccountId : subject.principal.accountId!),
        circumstance: '',
        expected: 'allowed',
      },
    ]
  })
  return [...rows, ...(await taskRows(config, cast))]
}

/** Of every agent: all that its task names and that destroys nothing, on what is its environment's and on what has no tag. */
async function taskRows(config: HoldfastConfig, cast: readonly Subject[]): Promise<ProofRow[]> {
  const destructive = new Set((await Promise.all(catalogue.map(({ action }) => expandAction(action)))).flat())
  const place = { accountId: config.vaultAccountId, region: config.region }
  const tagKey = `aws:ResourceTag/${config.environmentTag}`
  const rows: ProofRow[] = []
  for (const agent of config.agents) {
    const subject = cast.find(({ name }) => name === `agent ${agent.name}`)
    if (subject === undefined) continue
    for (const action of (await Promise.all(agent.may.map(expandAction))).flat()) {
      if (destructive.has(action)) continue
      const [target] = await targetsOf(
        action,
        config.productionAccountId,
        config.region,
        namesIn('production', place),
      )
      const environments = (await takesKey(action, target!.arn, tagKey)) ? [agent.environment, null] : [null]
      for (const environment of environments) {
        rows.push({
          group: 'duty',
          who: subject.name,
          principal: subject.principal,
          actions: [action],
          resource: target!.arn,
          resourceAccountId: config.productionAccountId,
          expected: 'allowed',
          context: environment === null ? {} : { [tagKey]: environment },
          circumstance: environment === null ? 'no tag' : 'its own environment',
        })
      }
    }
  }
  return rows
}

/** All that break-glass is for: without an approval, with one for somebody else, and after its time. */
export async function approvalRows(
  config: HoldfastConfig,
  cast: readonly Subject[],
  nowMs: number,
): Promise<ProofRow[]> {
  const [asked, approved] = ['break-glass', approvedSubject].map((who) =>
    cast.find(({ name }) => name === who),
  )
  if (asked === undefined || approved === undefined) return []
  const other = {
    ...approved.principal,
    session: { ...approved.principal.session!, sourceIdentity: 'someone-else' },
  }
  const late = { 'aws:CurrentTime': new Date(nowMs + approvalMs + 1000).toISOString() }
  const accountId = config.productionAccountId
  const rows: ProofRow[] = []
  for (const action of (await Promise.all(breakGlassActions().map(expandAction))).flat()) {
    const [target] = await targetsOf(
      action,
      accountId,
      config.region,
      namesIn('production', { accountId: config.vaultAccountId, region: config.region }),
    )
    const base = {
      group: 'approval',
      actions: [action],
      resource: target!.arn,
      resourceAccountId: accountId,
      expected: 'denied',
    } as const
    rows.push(
      {
        ...base,
        who: asked.name,
        principal: asked.principal,
        context: {},
        circumstance: 'without an approval',
      },
      {
        ...base,
        who: approved.name,
        principal: other,
        context: {},
        circumstance: 'approved for somebody else',
      },
      {
        ...base,
        who: approved.name,
        principal: approved.principal,
        context: late,
        circumstance: 'after its time',
      },
    )
  }
  return rows
}
