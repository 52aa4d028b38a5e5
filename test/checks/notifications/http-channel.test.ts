import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { channel, readChannelUrl } from '../../../checks/notifications/channel-settings.ts'
import type { HttpChannel } from '../../../checks/notifications/channel-settings.ts'
import { makeAgents } from '../../../aws/http-agents.ts'
import { postJson } from '../../../checks/notifications/http-channel.ts'
import { parseSettings } from '../../../checks/settings.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'

const secret = 'T0000-a-secret-of-this-test'
const bodies: string[] = []
let respond: (response: ServerResponse, request: IncomingMessage) => void
const server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (chunk: string) => (body += chunk))
  request.on('end', () => {
    bodies.push(body)
    respond(response, request)
  })
})
let url: URL

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/services/${secret}`)
})
afterAll(() => new Promise((resolve) => server.close(resolve).closeAllConnections()))
beforeEach(() => {
  bodies.length = 0
  respond = (response) => response.end('ok')
})

const post = (signal = new AbortController().signal): Promise<void> =>
  postJson(
    url,
    { a: 1 },
    {
      ...{ name: 'pager', signal, agents: makeAgents({}) },
      timing: { random: () => 0, sleep: () => Promise.resolve() },
    },
  )

describe('a webhook', () => {
  test('gets the body once', async () => {
    await post()
    expect(bodies).toEqual(['{"a":1}'])
  })

  test('is reached through the proxy of the environment', async () => {
    let path: string | undefined
    respond = (response, request) => {
      path = request.url
      response.end()
    }
    const agents = makeAgents({ HTTP_PROXY: url.origin })
    const { signal } = new AbortController()
    await postJson(new URL('http://hooks.example/x'), { a: 2 }, { name: 'pager', signal, agents })
    expect(path).toBe('http://hooks.example/x')
    expect(bodies).toEqual(['{"a":2}'])
  })

  test('that is busy or broken is asked again', async () => {
    const statuses = [503, 429, 200]
    respond = (response) => response.writeHead(statuses.shift()!).end()
    await post()
    expect(bodies).toHaveLength(3)
  })

  test.each([
    ['that refuses is not asked again', 403, 1, 'denied'],
    ['that does not exist is not asked again', 404, 1, 'unreachable'],
    ['that sends elsewhere is not followed', 302, 1, 'unreachable'],
    ['that stays broken is given up', 500, 4, 'unreachable'],
  ])('%s, and no error has its secret', async (_, status, attempts, code) => {
    respond = (response) => response.writeHead(status, { location: `/${secret}` }).end(secret)
    const error: unknown = await post().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code, message: expect.stringContaining(`HTTP status ${status}`) as string })
    expect(bodies).toHaveLength(attempts)
    expect(inspect(error, { depth: 9 })).not.toContain(secret)
  })

  test('that cuts the connection is asked again', async () => {
    let failures = 2
    respond = (response, request) => (failures-- > 0 ? request.socket.destroy() : response.end())
    await post()
    expect(bodies).toHaveLength(3)
  })

  test('that never responds ends with the budget', async () => {
    respond = () => {}
    const budget = new AbortController()
    const outcome = post(budget.signal)
    budget.abort(new Error('the budget is spent'))
    await expect(outcome).rejects.toThrow('the budget is spent')
  })
})

describe('the URL of a channel', () => {
  const read = (fields: object, environment = {}): URL =>
    readChannelUrl(channel.parse({ kind: 'slack', ...fields }) as HttpChannel, 'pager', environment)
  const file = join(makeFolder(), 'url')

  test('comes from a variable, or from a file', () => {
    expect(read({ urlVariable: 'URL' }, { URL: 'https://hooks.example/x' }).href).toBe(
      'https://hooks.example/x',
    )
    writeFileSync(file, 'https://hooks.example/y\n')
    expect(read({ urlFile: file }).href).toBe('https://hooks.example/y')
  })

  test.each([
    [{ urlVariable: 'URL' }, {}, 'the variable URL has no URL'],
    [{ urlVariable: 'URL' }, { URL: `not a URL ${secret}` }, 'the variable URL has no URL'],
    [{ urlVariable: 'URL' }, { URL: `http://hooks.example/${secret}` }, 'must begin with https://'],
    [{ urlVariable: 'URL' }, { URL: `http://127.0.0.1.evil.example/${secret}` }, 'must begin with https://'],
    [{ urlVariable: 'URL' }, { URL: `file:///${secret}` }, 'must begin with https://'],
    [{ urlFile: '/nowhere/url' }, {}, "the file /nowhere/url can't be read: ENOENT"],
    [{ urlFile: '/dev/zero' }, {}, 'the file /dev/zero is no regular file'],
  ])('%j with %j is refused without showing it', (fields, environment, message) => {
    const error: unknown = (() => {
      try {
        return read(fields, environment)
      } catch (reason) {
        return reason
      }
    })()
    expect(error).toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining(message) as string,
    })
    expect(inspect(error)).not.toContain(secret)
  })

  test.each([
    ['{ kind: slack }', 'notifications.pager: must have either urlFile or urlVariable'],
    ['{ kind: slack, urlFile: a, urlVariable: B }', 'must have either'],
    ['{ kind: slack, urlVariable: "a b" }', 'notifications.pager.urlVariable: is not the name of a variable'],
    ['{ kind: slack, url: https://hooks.example/x }', 'notifications.pager'],
    ['{ kind: mail }', 'notifications.pager.kind: must have a kind: webhook, slack or sns'],
    [
      '{ kind: sns, topicArn: "arn:aws:s3:::bucket" }',
      'notifications.pager.topicArn: is not the ARN of a topic',
    ],
    [
      '{ kind: webhook, urlVariable: URL, repeatAfter: often }',
      'notifications.pager.repeatAfter: must be a time',
    ],
  ])('%s in the file is refused with the key', (text, message) => {
    const settings = `formatVersion: 1\nnotifications: { pager: ${text} }\n`
    expect(() => parseSettings(settings, 'checks.yaml')).toThrow(message)
  })
})
