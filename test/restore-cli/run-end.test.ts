import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isEndAwaited, tellOfEnd } from '../../restore-cli/run-end.ts'
import { makeFolder, runCommand } from './command-line.ts'

const secret = 'a-secret-of-this-test'
const requests: { path: string; body: unknown }[] = []
let respond: (response: ServerResponse) => void
const server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (chunk: string) => (body += chunk))
  request.on('end', () => {
    requests.push({ path: request.url!, body: JSON.parse(body) })
    respond(response)
  })
})
const folder = makeFolder()
let url: string

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ping/${secret}`
})
afterAll(() => new Promise((resolve) => server.close(resolve).closeAllConnections()))
beforeEach(() => {
  requests.length = 0
  respond = (response) => response.end('ok')
})

/** The warnings of the end of a run of `backup`. */
async function warningsOf(status: number, environment: Record<string, string>): Promise<string[]> {
  const warnings: string[] = []
  const end = { command: 'backup', status, durationMs: 1500 }
  await tellOfEnd(end, { PATH: process.env['PATH'], ...environment }, (text) => warnings.push(text))
  return warnings
}

function hookOf(name: string, script: string): string {
  const file = join(folder, name)
  writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return file
}

describe('the ping', () => {
  test('of a success goes to the URL, of any other status to /fail below it', async () => {
    expect(await warningsOf(0, { HOLDFAST_PING_URL: url })).toEqual([])
    expect(await warningsOf(3, { HOLDFAST_PING_URL: `${url}/?rid=1` })).toEqual([])
    expect(requests).toEqual([
      { path: `/ping/${secret}`, body: { command: 'backup', status: 0, seconds: 1.5 } },
      { path: `/ping/${secret}/fail?rid=1`, body: { command: 'backup', status: 3, seconds: 1.5 } },
    ])
  })

  test('takes its URL from a file, which wins', async () => {
    const file = join(folder, 'url')
    writeFileSync(file, `${url}\n`)
    const environment = { HOLDFAST_PING_URL_FILE: file, HOLDFAST_PING_URL: 'https://elsewhere.example/' }
    expect(await warningsOf(0, environment)).toEqual([])
    expect(requests).toHaveLength(1)
  })

  test.each([
    ['refused', (response: ServerResponse) => response.writeHead(403).end(secret), 'HTTP status 403'],
    ['sent elsewhere', (response: ServerResponse) => response.writeHead(302).end(secret), 'HTTP status 302'],
  ])('that is %s is one warning, without the secret', async (_, answer, reason) => {
    respond = answer
    const warnings = await warningsOf(0, { HOLDFAST_PING_URL: url })
    expect(warnings).toEqual([expect.stringContaining(reason)])
    expect(warnings[0]).not.toContain(secret)
  })

  test.each([`http://hooks.example/${secret}`, `no URL ${secret}`, `file:///${secret}`])(
    'to %s is not sent',
    async (text) => {
      const warnings = await warningsOf(0, { HOLDFAST_PING_URL: text })
      expect(warnings).toHaveLength(1)
      expect(warnings[0]).not.toContain(secret)
    },
  )
})

describe('the hook', () => {
  test('gets the end of the run, and no credential', async () => {
    const report = join(folder, 'report')
    const hook = hookOf('writes', `env >${report}; echo to a stream; echo "args: $*" >>${report}`)
    expect(await warningsOf(3, { HOLDFAST_HOOK: hook, AWS_SECRET_ACCESS_KEY: secret, HOME: '/h' })).toEqual(
      [],
    )
    const text = readFileSync(report, 'utf8')
    for (const line of ['COMMAND=backup', 'STATUS=3', 'SECONDS=2'])
      expect(text).toContain(`HOLDFAST_RUN_${line}\n`)
    expect(text).toContain('args: \n')
    expect(text).not.toContain(secret)
  })

  test.each([
    ['that fails', () => hookOf('fails', 'exit 7'), 'ended with 7'],
    ['that is not there', () => join(folder, 'nowhere'), "can't be started: ENOENT"],
    ['that is a shell command', () => 'curl x; rm y', 'must be an absolute path'],
  ])('%s is one warning', async (_, hook, reason) => {
    expect(await warningsOf(0, { HOLDFAST_HOOK: hook() })).toEqual([expect.stringContaining(reason)])
  })
})

describe('a run', () => {
  test('of a scheduled command tells of its end, and keeps its status', async () => {
    respond = (response) => response.writeHead(403).end()
    const outcome = await runCommand(['verify', '--json'], { env: { HOLDFAST_PING_URL: url } })
    expect(outcome.status).toBe(2)
    expect(requests).toMatchObject([{ path: `/ping/${secret}/fail`, body: { status: 2 } }])
    const types = outcome.stderr
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type)
    expect(types).toEqual(['error', 'warning'])
  })

  test.each([
    ['ls', [], { HOLDFAST_PING_URL: 'x' }],
    ['backup', ['--help'], { HOLDFAST_PING_URL: 'x' }],
    ['backup', [], { HOLDFAST_PING_URL: '' }],
    [undefined, [], { HOLDFAST_HOOK: '/x' }],
  ])('of %s with %j and %j tells of none', (command, args, environment) => {
    expect(isEndAwaited(command, args, environment)).toBe(false)
  })
})
