import { chmodSync, chownSync, existsSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sessionFile } from '../../../restore-cli/session-file.ts'
import { sendXml, startScriptedServer } from '../../aws/scripted-server.ts'
import type { ScriptedServer } from '../../aws/scripted-server.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'
import { runCommand } from '../command-line.ts'
import type { Outcome } from '../command-line.ts'

const roleArn = 'arn:aws:iam::111122223333:role/holdfast-restorer'
let server: ScriptedServer
let env: Record<string, string>

/** STS opens a session; the store has no snapshot to show. */
beforeEach(async () => {
  server = await startScriptedServer((request, response) => {
    if (!request.body.toString().includes('Action=AssumeRole'))
      return sendXml(response, '<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>')
    return sendXml(
      response,
      `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
  <AccessKeyId>ASIASESSION</AccessKeyId><SecretAccessKey>hidden-secret</SecretAccessKey><SessionToken>hidden-token</SessionToken><Expiration>2026-04-24T10:15:00Z</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>`,
    )
  })
  env = {
    HOME: makeTemporaryDirectory(),
    XDG_RUNTIME_DIR: makeTemporaryDirectory(),
    AWS_REGION: 'eu-central-1',
    AWS_ENDPOINT_URL: server.endpoint,
    AWS_ACCESS_KEY_ID: 'AKIDBASE',
    AWS_SECRET_ACCESS_KEY: 'base-secret',
  }
})
afterEach(() => server.stop())

const holdfast = (...args: string[]): Promise<Outcome> =>
  runCommand([...args, '--bucket', 'my-vault'], { env })

function signers(): string[] {
  return server.requests.map(({ headers }) => /Credential=([A-Z]+)/.exec(String(headers.authorization))![1]!)
}

test('a session that login opened is used by the next commands, and ended by logout', async () => {
  const login = await holdfast('login', '--role-arn', roleArn)
  expect(login).toMatchObject({ status: 0, stderr: '' })
  expect(login.stdout).toMatch(
    /^Signed in as arn:aws:iam::111122223333:role\/holdfast-restorer for 1 h, until /,
  )
  expect(login.stdout).not.toMatch(/hidden/)
  expect(existsSync(sessionFile(env))).toBe(true)
  expect(new URLSearchParams(server.requests[0]!.body.toString()).get('DurationSeconds')).toBe('3600')
  for (let index = 0; index < 2; index++)
    expect((await holdfast('snapshots', '--role-arn', roleArn, '--source', 'rental')).status).toBe(5)
  expect(signers()).toEqual(['AKIDBASE', 'ASIASESSION', 'ASIASESSION'])
  expect(await runCommand(['logout'], { env })).toMatchObject({ status: 0, stdout: 'Signed out.\n' })
  expect(await runCommand(['logout'], { env })).toMatchObject({ stdout: 'There was no session.\n' })
  await holdfast('snapshots', '--role-arn', roleArn, '--source', 'rental')
  expect(signers().slice(3)).toEqual(['AKIDBASE', 'ASIASESSION'])
})

test('a session of another role, or for another person, is not used', async () => {
  await holdfast('login', '--role-arn', roleArn, '--source-identity', 'maria')
  await holdfast('snapshots', '--role-arn', `${roleArn}-2`, '--source', 'rental')
  await holdfast('snapshots', '--role-arn', roleArn, '--source', 'rental', '--source-identity', 'paul')
  expect(signers()).toEqual(['AKIDBASE', 'AKIDBASE', 'ASIASESSION', 'AKIDBASE', 'ASIASESSION'])
})

test('a session that others may read is refused, and a second factor needs a terminal', async () => {
  await holdfast('login', '--role-arn', roleArn)
  chmodSync(sessionFile(env), 0o644)
  const refused = await holdfast('snapshots', '--role-arn', roleArn, '--source', 'rental')
  expect(refused.status).toBe(7)
  expect(refused.stderr).toContain('other users may read or write it')
  const factor = await holdfast('login', '--role-arn', roleArn, '--mfa-serial', 'arn:aws:iam::1:mfa/m')
  expect(factor.status).toBe(7)
  expect(factor.stderr).toContain('second factor')
  expect(await holdfast('login')).toMatchObject({ status: 2 })
})

test.runIf(process.getuid?.() === 0)(
  'a session file of another user is refused, with a sentence',
  async () => {
    await holdfast('login', '--role-arn', roleArn)
    chownSync(sessionFile(env), 65_534, 65_534)
    const refused = await holdfast('snapshots', '--role-arn', roleArn, '--source', 'rental')
    expect(refused).toMatchObject({ status: 7, stdout: '' })
    expect(refused.stderr).toMatch(
      /^holdfast: the session in \S+ is not used: it belongs to another user\nhint: remove the file, and open a session with `holdfast login`\n$/,
    )
  },
)

test('a refused code is a matter of the second factor, and not of the role', async () => {
  await server.stop()
  // STS wraps its errors otherwise than S3.
  server = await startScriptedServer((_request, response) => {
    response.writeHead(403, { 'content-type': 'text/xml' })
    response.end(
      '<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>MultiFactorAuthentication failed with invalid MFA one time pass code.</Message></Error></ErrorResponse>',
    )
  })
  env['AWS_ENDPOINT_URL'] = server.endpoint
  const outcome = await holdfast('login', '--role-arn', roleArn)
  expect(outcome.status).toBe(7)
  expect(outcome.stderr).toContain('the second factor was not accepted')
  expect(outcome.stderr).not.toContain('--role-arn')
})
