// How this process reaches AWS and other stores: through the proxy and with the certificates that the environment
// names. Node's agents know proxies; the SDK and Node's fetch read neither variable.
import { readFileSync } from 'node:fs'
import { Agent as HttpAgent } from 'node:http'
import type { AgentOptions as HttpAgentOptions } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { AgentOptions as HttpsAgentOptions } from 'node:https'
import { HoldfastError } from '../core/errors.ts'

export type Environment = Readonly<Record<string, string | undefined>>

interface Agents {
  httpAgent: HttpAgent
  httpsAgent: HttpsAgent
}

/** Options of agents for `http:` and `https:` endpoints. */
export interface AgentSettings {
  http: HttpAgentOptions
  https: HttpsAgentOptions
}

/** @throws `invalid-input` for a proxy or certificates that can't be used. */
export function agentSettings(environment: Environment): AgentSettings {
  const proxyEnv = proxiesOf(environment)
  const bundle = environment['AWS_CA_BUNDLE']
  return {
    http: { keepAlive: true, proxyEnv },
    https: { keepAlive: true, proxyEnv, ...(bundle ? { ca: readBundle(bundle) } : {}) },
  }
}

/** Agents for clients of small services, which need few connections. */
export function makeAgents(environment: Environment): Agents {
  const { http, https } = agentSettings(environment)
  return { httpAgent: new HttpAgent(http), httpsAgent: new HttpsAgent(https) }
}

/** The variables in lower case win, as in curl. */
function proxiesOf(environment: Environment): Record<string, string> {
  const proxies: Record<string, string> = {}
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY'] as const) {
    const value = environment[name.toLowerCase()] ?? environment[name]
    if (value) proxies[name] = proxyUrl(name, value)
  }
  const exceptions = environment['no_proxy'] ?? environment['NO_PROXY']
  if (exceptions) proxies['NO_PROXY'] = exceptions
  return proxies
}

/**
 * Node's agent would go around a proxy that it can't use. No error quotes the value, because it may hold a password.
 */
function proxyUrl(name: string, value: string): string {
  const url = value.includes('://') ? value : `http://${value}`
  if (URL.canParse(url) && ['http:', 'https:'].includes(new URL(url).protocol)) return url
  throw new HoldfastError('invalid-input', `${name} is not the URL of an HTTP proxy`, {
    hint: `set ${name}=http://host:port; SOCKS proxies can't be used`,
  })
}

/** As in the AWS CLI, the bundle replaces the authorities that Node trusts. */
function readBundle(file: string): string {
  let pem: string
  try {
    pem = readFileSync(file, 'utf8')
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    throw unusableBundle(`can't be read: ${reason}`)
  }
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem
  throw unusableBundle('has no certificate in PEM')
}

function unusableBundle(reason: string): HoldfastError {
  return new HoldfastError('invalid-input', `the file of AWS_CA_BUNDLE ${reason}`, {
    hint: 'set AWS_CA_BUNDLE to a file with the certificates of the authorities to trust, or unset it',
  })
}
