import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anyCharacter } from '../fixtures/any-character.ts'
import { SessionService } from '../../aws/session-service.ts'
import { HoldfastError } from '../../core/errors.ts'
import { slowPropertyRuns } from '../fixtures/property-runs.ts'
import { startScriptedServer } from './scripted-server.ts'
import type { ScriptedServer } from './scripted-server.ts'

let server: ScriptedServer
let sts: SessionService
let nextResponse = { status: 200, body: '' }

beforeAll(async () => {
  server = await startScriptedServer((_, response) =>
    response.writeHead(nextResponse.status, { 'content-type': 'text/xml' }).end(nextResponse.body),
  )
  sts = new SessionService({
    endpoint: server.endpoint,
    credentials: () => Promise.resolve({ accessKeyId: 'AKID', secretAccessKey: 's' }),
  })
})
afterAll(() => {
  sts.close()
  return server.stop()
})

const escape = (text: string): string =>
  text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`)
const element = (name: string, inside: string): string => `<${name}>${inside}</${name}>`
const request = { roleArn: 'arn:aws:iam::111122223333:role/r', sessionName: 'me', durationSeconds: 900 }

function assumed(parts: Record<string, string>): string {
  const { Arn, ...credentials } = parts
  const inside =
    element(
      'Credentials',
      Object.entries(credentials)
        .map(([name, value]) => element(name, escape(value)))
        .join(''),
    ) +
    (Arn === undefined
      ? ''
      : element('AssumedRoleUser', element('Arn', escape(Arn)) + element('AssumedRoleId', 'A:me')))
  return `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${element('AssumeRoleResult', inside)}</AssumeRoleResponse>`
}

const whole = {
  AccessKeyId: 'ASIA',
  SecretAccessKey: 'a-secret-of-this-test',
  SessionToken: 't',
  Expiration: '2026-04-24T13:37:00Z',
  Arn: 'arn:aws:sts::111122223333:assumed-role/r/me',
}

describe('a session', () => {
  test('has the values that STS sent', async () => {
    const printable = fc.string({ minLength: 1, maxLength: 40 }).filter((text) => text.trim() === text)
    const expiry = fc.date({ min: new Date('2026-01-01'), max: new Date('2099-01-01'), noInvalidDate: true })
    await fc.assert(
      fc.asyncProperty(
        printable,
        printable,
        printable,
        expiry,
        async (AccessKeyId, SecretAccessKey, SessionToken, expires) => {
          nextResponse = {
            status: 200,
            body: assumed({
              ...whole,
              AccessKeyId,
              SecretAccessKey,
              SessionToken,
              Expiration: expires.toISOString(),
            }),
          }
          expect(await sts.assumeRole(request)).toEqual({
            accessKeyId: AccessKeyId,
            secretAccessKey: SecretAccessKey,
            sessionToken: SessionToken,
            expiresMs: expires.getTime(),
            arn: whole.Arn,
          })
        },
      ),
      { numRuns: slowPropertyRuns },
    )
  })

  test.each(Object.keys(whole))('without its %s is none', async (missing) => {
    nextResponse = {
      status: 200,
      body: assumed(Object.fromEntries(Object.entries(whole).filter(([name]) => name !== missing))),
    }
    await expect(sts.assumeRole(request)).rejects.toMatchObject({
      name: 'HoldfastError',
      code: 'unreachable',
    })
  })

  test.each(['tomorrow', '', '2026-13-45T99:00:00Z'])(
    'with the expiry %j is an error',
    async (Expiration) => {
      nextResponse = { status: 200, body: assumed({ ...whole, Expiration }) }
      await expect(sts.assumeRole(request)).rejects.toMatchObject({ name: 'HoldfastError' })
    },
  )
})

test('any response is read or is a HoldfastError, which shows no secret of it', async () => {
  const body = fc.oneof(
    fc.string(),
    fc.string({ unit: anyCharacter }),
    fc.nat(600).map((at) => assumed(whole).slice(0, at)),
    fc.json(),
    fc.constantFrom(
      '<a/>',
      '<ErrorResponse/>',
      '<ErrorResponse><Error><Code>X</Code></Error></ErrorResponse>',
    ),
  )
  // Not those that the SDK asks again for, after a wait.
  await fc.assert(
    fc.asyncProperty(body, fc.constantFrom(200, 204, 400, 403, 404), async (text, status) => {
      nextResponse = { status, body: text }
      for (const ask of [() => sts.assumeRole(request), () => sts.whoAmI()]) {
        await ask().catch((error: unknown) => {
          expect(error).toBeInstanceOf(HoldfastError)
          expect((error as HoldfastError).message).not.toContain('a-secret')
        })
      }
    }),
    { numRuns: slowPropertyRuns },
  )
})
