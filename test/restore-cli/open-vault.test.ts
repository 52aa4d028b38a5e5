import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { sendError, startScriptedServer } from '../aws/scripted-server.ts'
import { productionAccount, region, vaultAccount } from '../lab/sandbox/world.ts'
import { makeFolder } from './command-line.ts'
import { startSandboxedCommands } from './sandboxed-commands.ts'

const { environment, holdfast, home, sandbox, steady } = await startSandboxedCommands()

describe('a vault that refuses', () => {
  const args = ['snapshots', '--bucket', 'locked']

  test('has exit statuses that distinguish denied, unknown, absent and unreachable', async () => {
    const [denied, unknown, none, absent, unreachable] = await Promise.all([
      holdfast(args, { env: environment(productionAccount) }),
      holdfast(args, { env: { AWS_SECRET_ACCESS_KEY: 'wrong' } }),
      holdfast(args, {
        env: { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_EC2_METADATA_DISABLED: 'true' },
      }),
      holdfast(['snapshots', '--bucket', 'absent']),
      holdfast(args, { env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' } }),
    ])
    expect([denied, unknown, none, absent, unreachable].map(({ status }) => status)).toEqual([6, 7, 7, 5, 8])
    const messages = [denied, unknown, none, absent, unreachable].map(({ stderr }) => stderr)
    expect(messages.map(steady)).toMatchSnapshot()
    const secrets = [vaultAccount, productionAccount].map(
      (account) => sandbox.rootCredentials(account).secretAccessKey,
    )
    for (const text of messages) for (const secret of secrets) expect(text).not.toContain(secret)
  })

  test('as an untrustworthy store is reported without a stack trace', async () => {
    const server = await startScriptedServer((_request, response) =>
      sendError(response, 418, 'Teapot\u001b[31m', { message: '\u202Eno\u0007' }),
    )
    const outcome = await holdfast(args, { env: { AWS_ENDPOINT_URL: server.endpoint } })
    await server.stop()
    expect(outcome.status).toBe(1)
    expect(outcome.stderr).not.toMatch(/[\u001b\u0007\u202e]|^\s+at /mu)
  })

  test('ends at once with 130 after an interruption, even during a request', async () => {
    const server = await startScriptedServer(() => child?.kill('SIGINT'))
    let child: { kill(signal: 'SIGINT'): boolean } | undefined
    const outcome = await holdfast(args, {
      env: { AWS_ENDPOINT_URL: server.endpoint },
      onStart: (started) => (child = started),
    })
    await server.stop()
    expect(outcome).toMatchObject({ status: 130, stdout: '' })
    expect(outcome.stderr).toMatchSnapshot()
  })
})

describe('the configuration', () => {
  const role = 'arn:aws:iam::111111111111:role/holdfast/restorer'
  const stack = {
    formatVersion: 1,
    layer: 'vault',
    region,
    vaultBucket: 'locked',
    roles: { restorer: role, notary: role },
    writers: {},
    other: 'output',
  }

  test('names the vault', async () => {
    const file = join(home, 'vault.json')
    writeFileSync(file, JSON.stringify(stack))
    const args = ['--config', file, '--no-assume-role', '--source', 'rental', '--json']
    expect(await holdfast(['backup', makeFolder(), ...args])).toMatchObject({ status: 0, stderr: '' })
    const outcome = await holdfast(['snapshots', ...args])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(outcome.records()).toMatchObject([{ source: 'rental', complete: true }])
  })

  test('names the role to assume', async () => {
    const server = await startScriptedServer((_request, response) => sendError(response, 403, 'AccessDenied'))
    writeFileSync(join(home, 'vault.json'), JSON.stringify(stack))
    const outcome = await holdfast(['snapshots'], {
      env: { HOLDFAST_CONFIG: join(home, 'vault.json'), AWS_ENDPOINT_URL_STS: server.endpoint },
    })
    await server.stop()
    expect(outcome.status).toBe(6)
    expect(outcome.stderr).toContain(`assuming ${role} failed`)
  })
})
