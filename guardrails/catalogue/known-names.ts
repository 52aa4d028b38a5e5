// The names of all actions of the examined services, from known-actions.json. A pattern can't tell whether an action
// exists.
import { judgeAction } from './judgements.ts'
import knownActions from './known-actions.json' with { type: 'json' }
import { patternIncludes } from './action-pattern.ts'
import type { ActionJudgement } from './judgements.ts'

const services: Readonly<Record<string, Readonly<Record<string, string>>>> = knownActions

/** All actions of the service, with its prefix; none for a service that wasn't examined. */
export function knownActionsOf(service: string): string[] {
  return Object.hasOwn(services, service)
    ? Object.keys(services[service]!).map((name) => `${service}:${name}`)
    : []
}

/** The known actions that the pattern matches, such as `ec2:Describe*`. */
export function matchActions(pattern: string): string[] {
  const service = pattern.slice(0, pattern.indexOf(':')).toLowerCase()
  return knownActionsOf(service).filter((action) => patternIncludes(pattern, action))
}

const judgements = new Map<string, ActionJudgement>()

/** As judgeAction, and quick for an action that is asked for again. */
export function judgeKnown(action: string): ActionJudgement {
  let judgement = judgements.get(action)
  if (judgement === undefined) {
    judgement = judgeAction(action)
    judgements.set(action, judgement)
  }
  return judgement
}

export function tierOf(action: string): 1 | 2 | null {
  const judgement = judgeKnown(action)
  return judgement.verdict === 'destructive' ? judgement.tier : null
}
