// docs/catalogue.md, drawn from the judgements.
import { losses } from '../../../guardrails/catalogue/judgement-rows.ts'
import { examinedServices, expandTier } from '../../../guardrails/catalogue/judgements.ts'
import { judgeKnown, knownActionsOf } from '../../../guardrails/catalogue/known-names.ts'

const columns: readonly [title: string, matches: (verdict: string) => boolean][] = [
  ['Tier 1', (verdict) => verdict.startsWith('1 ')],
  ['Tier 2', (verdict) => verdict.startsWith('2 ')],
  ['Exempt', (verdict) => verdict === 'exempt'],
  ['Reads', (verdict) => verdict === 'read'],
]

const thousands = new Intl.NumberFormat('en')

export function cataloguePage(): string {
  const verdicts = examinedServices.flatMap(verdictsOf)
  return `# Which actions of AWS are destructive?

After this page you know how each action of ${examinedServices.length} AWS services is judged, and how many there are of each kind.

[judgements.json](../guardrails/catalogue/judgements.json) has one row per group of actions: the loss, AWS's own safeguard, the condition keys, the
tier, or the reason for an exemption. [known-actions.json](../guardrails/catalogue/known-actions.json) shows the judgement of each action by name.
A test compares both with AWS's service reference. An action that no row judges fails it, and so does a new action that a wide pattern would judge unseen.
This page is written by \`vitest run --project unit test/guardrails/catalogue -u\`.

- **Tier 1**: no agent's task needs the action.
- **Tier 2**: the action overwrites or executes. A task may need it.
- **Exempt**: the action writes and destroys nothing. The row gives the reason.
- **Reads**: the action only reads.

## How many actions are there of each kind?

| Judgement | Actions | Patterns |
| --- | ---: | ---: |
| Tier 1 | ${count(verdicts, columns[0]![1])} | ${thousands.format(patternsOf(1))} |
| Tier 2 | ${count(verdicts, columns[1]![1])} | ${thousands.format(patternsOf(2))} |
| Exempt | ${count(verdicts, columns[2]![1])} | |
| Reads | ${count(verdicts, columns[3]![1])} | |
| All | ${thousands.format(verdicts.length)} | |

| Loss | Tier 1 | Tier 2 |
| --- | ---: | ---: |
${losses.map((loss) => `| ${loss} | ${count(verdicts, (verdict) => verdict === `1 ${loss}`)} | ${count(verdicts, (verdict) => verdict === `2 ${loss}`)} |`).join('\n')}

## Which services are examined?

| Service | ${columns.map(([title]) => title).join(' | ')} |
| --- | ${columns.map(() => '---:').join(' | ')} |
${examinedServices.map((service) => `| \`${service}\` | ${columns.map(([, matches]) => count(verdictsOf(service), matches)).join(' | ')} |`).join('\n')}
`
}

function count(verdicts: readonly string[], matches: (verdict: string) => boolean): string {
  return thousands.format(verdicts.filter(matches).length)
}

function patternsOf(tier: 1 | 2): number {
  return examinedServices.flatMap((service) => expandTier(service, tier)).length
}

/** The judgement of each action of the service: `1 data`, `exempt`. */
function verdictsOf(service: string): string[] {
  return knownActionsOf(service).map((action) => {
    const judgement = judgeKnown(action)
    return judgement.verdict === 'destructive' ? `${judgement.tier} ${judgement.loss}` : judgement.verdict
  })
}
