import { expect, test } from 'vitest'
import type { SimulatedDecision } from '../../aws/identity-service.ts'
import { decideInGroups, maxCalls } from '../../blast-radius/live-decisions.ts'
import { HoldfastError } from '../../core/errors.ts'

const decisionOn = (action: string): SimulatedDecision => ({
  action,
  resource: '*',
  allowed: false,
  deniedExpressly: false,
  missingContext: [],
  matchedPolicies: [],
  cutOffBy: null,
})
const actionsOf = (service: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${service}:Delete${index}`)

/** Each call's actions; IAM refuses a call with an action that it doesn't know. */
function iam(unknown: readonly string[] = []) {
  const calls: (readonly string[])[] = []
  const simulate = (group: readonly string[]): Promise<SimulatedDecision[]> => {
    calls.push(group)
    return group.some((action) => unknown.includes(action))
      ? Promise.reject(new HoldfastError('invalid-input', 'IAM does not accept the request'))
      : Promise.resolve(group.map(decisionOn))
  }
  return { calls, simulate }
}

test('a call is about one service and 25 actions at most, and every service is asked before one is asked again', async () => {
  const { calls, simulate } = iam()
  const actions = [...actionsOf('ec2', 30), ...actionsOf('s3', 2)]
  const decisions = await decideInGroups(actions, simulate)
  expect([...decisions.keys()].sort()).toEqual([...actions].sort())
  expect(calls.map((group) => [group[0], group.length])).toEqual([
    ['ec2:Delete0', 25],
    ['s3:Delete0', 2],
    ['ec2:Delete25', 5],
  ])
})

test('an action that IAM refuses costs no other action its decision', async () => {
  const { simulate } = iam(['ec2:Delete3'])
  const decisions = await decideInGroups(actionsOf('ec2', 25), simulate)
  expect(decisions.get('ec2:Delete3')).toBe('IAM refused the question')
  expect([...decisions.values()].filter((list) => typeof list !== 'string')).toHaveLength(24)
})

test('calls are bounded, and what was not asked says so', async () => {
  const { calls, simulate } = iam()
  const services = Array.from({ length: maxCalls + 5 }, (_, index) => `service${index}`)
  const decisions = await decideInGroups(
    services.flatMap((service) => actionsOf(service, 1)),
    simulate,
  )
  expect(calls).toHaveLength(maxCalls)
  expect(
    [...decisions.values()].filter((list) => list === `IAM was not asked, after ${maxCalls} calls`),
  ).toHaveLength(5)
})

test('any other error ends the reading', async () => {
  const failing = () => Promise.reject(new HoldfastError('denied', 'no'))
  await expect(decideInGroups(['ec2:DeleteVolume'], failing)).rejects.toMatchObject({ code: 'denied' })
})
