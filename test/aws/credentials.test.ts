import type { ServerResponse } from 'node:http'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { RenewedCredentials, resolveCredentials } from '../../aws/credentials.ts'
import type { SessionCredentials } from '../../aws/credential-chain.ts'
import type { CredentialSettings, RoleToAssume } from '../../aws/credentials.ts'
import { sendXml, startScriptedServer } from './scripted-server.ts'
import type { Script, ScriptedServer } from './scripted-server.ts'

const roleArn = 'arn:aws:iam::111122223333:role/holdfast/writer-db'
const minuteMs = 60_000
let server: ScriptedServer | undefined

afterEach(() => server?.stop())

async function serve(
  script: Script,
  role: Partial<RoleToAssume> = {},
  settings: Partial<CredentialSettings> = {},
): Promise<RenewedCredentials> {
  server = await startScriptedServer(script)
  return resolveCredentials({
    region: () => Promise.resolve('eu-central-1'),
    stsEndpoint: server.endpoint,
    base: () => Promise.resolve({ accessKeyId: 'AKIDBASE', secretAccessKey: 's' }),
    role: { roleArn, ...role },
    ...settings,
  })
}

const grant: Script = (_request, response, index) =>
  sendXml(
    response,
    `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
  <AccessKeyId>ASIA${index}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>2026-04-24T10:15:00Z</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>`,
  )

/** STS wraps its errors otherwise than S3. */
function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'text/xml' })
  response.end(
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>User: x is not authorized</Message></Error></ErrorResponse>`,
  )
}

function form(index = 0): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(server!.requests[index]!.body.toString()))
}

describe('a role', () => {
  test('is assumed for 15 minutes, with the requested source identity', async () => {
    const credentials = await serve(grant, {
      sourceIdentity: 'maria@example.com',
      sessionName: 'holdfast-restore',
    })
    expect((await credentials.get()).accessKeyId).toBe('ASIA0')
    expect(form()).toMatchObject({
      Action: 'AssumeRole',
      RoleArn: roleArn,
      DurationSeconds: '900',
      SourceIdentity: 'maria@example.com',
      RoleSessionName: 'holdfast-restore',
    })
    expect(server!.requests[0]!.headers.authorization).toContain('AKIDBASE')
  })

  test('is assumed once for all concurrent callers', async () => {
    const credentials = await serve(grant)
    await Promise.all([credentials.get(), credentials.get(), credentials.get()])
    await credentials.get()
    expect(server!.requests).toHaveLength(1)
  })

  test('is assumed with the external id that its trust policy requires', async () => {
    await (await serve(grant, { externalId: 'holdfast/rental-db' })).get()
    expect(form()).toMatchObject({ ExternalId: 'holdfast/rental-db' })
  })

  test('is assumed with the identity token of the workload, and never from itself', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'holdfast-token-')), 'token')
    writeFileSync(file, 'a.web.token')
    const web: Script = (_request, response, index) =>
      sendXml(
        response,
        `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
      <AccessKeyId>ASIA${index}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2026-04-24T10:15:00Z</Expiration>
    </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
      )
    for (const environment of [
      { AWS_WEB_IDENTITY_TOKEN_FILE: file },
      { AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_ARN: roleArn },
    ]) {
      const credentials = await serve(web, {}, { environment })
      expect((await credentials.get()).accessKeyId).toBe('ASIA0')
      expect(form()).toMatchObject({
        Action: 'AssumeRoleWithWebIdentity',
        WebIdentityToken: 'a.web.token',
        RoleArn: roleArn,
        DurationSeconds: '900',
      })
      await server!.stop()
    }
    const tokenServer = await serve(
      grant,
      {},
      { environment: { AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_ARN: `${roleArn}-other` } },
    )
    await tokenServer.get()
    expect(form()).toMatchObject({ Action: 'AssumeRole' })
    rmSync(dirname(file), { recursive: true })
  })

  test('that requires a second factor is assumed with the code from the user, for one hour', async () => {
    const serials: string[] = []
    const mfaSerial = 'arn:aws:iam::111122223333:mfa/maria'
    const credentials = await serve(
      grant,
      { mfaSerial },
      {
        readMfaCode: (serial) => {
          serials.push(serial)
          return Promise.resolve('123456')
        },
      },
    )
    await credentials.get()
    expect(serials).toEqual([mfaSerial])
    expect(form()).toMatchObject({ SerialNumber: mfaSerial, TokenCode: '123456', DurationSeconds: '3600' })
  })

  test.each([
    [403, 'AccessDenied', 'denied'],
    [403, 'ExpiredToken', 'credentials'],
    [403, 'InvalidClientTokenId', 'credentials'],
  ])('that STS refuses with %d %s is `%s`, and the message names the role', async (status, name, code) => {
    const credentials = await serve((_request, response) => refuse(response, status, name))
    await expect(credentials.get()).rejects.toMatchObject({
      code,
      message: expect.stringContaining(roleArn) as string,
    })
  })

  test.each([
    [{ roleArn: 'arn:aws:iam::1:role/x' }],
    [{ roleArn: `${roleArn}\n` }],
    [{ roleArn: 'arn:aws:iam::111122223333:user/x' }],
    [{ durationSeconds: 899 }],
    [{ durationSeconds: 3601 }],
    [{ durationSeconds: 900.5 }],
    [{ durationSeconds: Number.NaN }],
    [{ sourceIdentity: 'a b' }],
    [{ sourceIdentity: 'a' }],
    [{ sessionName: 'a\nb' }],
  ])('%j is refused before any request', async (role) => {
    await expect(serve(grant, role)).rejects.toMatchObject({ code: 'invalid-input' })
    expect(server!.requests).toHaveLength(0)
  })
})

describe('a session', () => {
  function session(
    lifetimeMs: number | null,
    fails: () => boolean = () => false,
  ): { credentials: RenewedCredentials; clock: { nowMs: number }; fetched: () => number } {
    const clock = { nowMs: Date.parse('2026-04-24T10:00:00Z') }
    let fetched = 0
    const fetch = (): Promise<SessionCredentials> =>
      fails()
        ? Promise.reject(new Error('the token service is down'))
        : Promise.resolve({ accessKeyId: `A${fetched++}`, secretAccessKey: 's' })
    return {
      credentials: new RenewedCredentials(fetch, lifetimeMs, () => clock.nowMs),
      clock,
      fetched: () => fetched,
    }
  }

  test('is renewed five minutes before it ends', async () => {
    const { credentials, clock } = session(15 * minuteMs)
    await credentials.get()
    clock.nowMs += 9 * minuteMs
    expect((await credentials.get()).accessKeyId).toBe('A0')
    clock.nowMs += 2 * minuteMs
    expect((await credentials.get()).accessKeyId).toBe('A1')
  })

  test("that can't be renewed is used until it ends, and not longer", async () => {
    let down = false
    const { credentials, clock } = session(15 * minuteMs, () => down)
    await credentials.get()
    down = true
    clock.nowMs += 11 * minuteMs
    expect((await credentials.get()).accessKeyId).toBe('A0')
    clock.nowMs += 5 * minuteMs
    await expect(credentials.get()).rejects.toThrow('down')
  })

  test('that a human must renew is used while no answer comes, and until it ends', async () => {
    const clock = { nowMs: 0 }
    let questions = 0
    const opened = {
      value: { accessKeyId: 'OPENED', secretAccessKey: 's' },
      openedMs: -10 * minuteMs,
      lifetimeMs: 60 * minuteMs,
    }
    const ask = (): Promise<SessionCredentials> => {
      questions++
      return new Promise(() => undefined)
    }
    const credentials = new RenewedCredentials(ask, 60 * minuteMs, () => clock.nowMs, {
      opened,
      asksHuman: true,
    })
    expect((await credentials.get()).accessKeyId).toBe('OPENED')
    expect([questions, credentials.remainingMs]).toEqual([0, 50 * minuteMs])
    clock.nowMs = 48 * minuteMs
    expect((await credentials.get()).accessKeyId).toBe('OPENED')
    expect((await credentials.get()).accessKeyId).toBe('OPENED')
    expect(questions).toBe(1)
  })

  test('is renewed after the clock was set back, because its age is unknown', async () => {
    const { credentials, clock, fetched } = session(15 * minuteMs)
    await credentials.get()
    clock.nowMs -= 24 * 60 * minuteMs
    await credentials.get()
    expect(fetched()).toBe(2)
  })

  test('that the server reports as expired is renewed at once', async () => {
    const { credentials } = session(60 * minuteMs)
    await credentials.get()
    expect(await credentials.renew()).toBe(true)
    expect((await credentials.get()).accessKeyId).toBe('A1')
  })

  test('whose renewal gives the same credentials does not count as renewed', async () => {
    const credentials = new RenewedCredentials(
      () => Promise.resolve({ accessKeyId: 'A', secretAccessKey: 's' }),
      0,
    )
    await credentials.get()
    expect(await credentials.renew()).toBe(false)
  })
})
