// For `npm run sandbox`: an issuer for each declared provider, and a token for each role that trusts a
// provider.
import type { CloudDeclaration } from '../declaration.ts'
import { startIssuer } from './issuer.ts'
import type { LocalIssuer } from './issuer.ts'

const lifetimeSeconds = 24 * 3600

export interface RoleTokens {
  /** ARN of a role to a token that its trust policy accepts. */
  tokens: ReadonlyMap<string, string>
  findIssuer: (providerUrl: string) => string | null
  stop(): Promise<void>
}

interface Statement {
  Effect?: string
  Principal?: { Federated?: string | string[] }
  Condition?: { StringEquals?: Record<string, string | string[]> }
}

export async function mintRoleTokens(
  { oidcProviders, roles }: CloudDeclaration,
  nowMs: () => number,
): Promise<RoleTokens> {
  const issuers = new Map<string, LocalIssuer>()
  for (const { url } of oidcProviders)
    issuers.set(url, await startIssuer({ issuer: `https://${url}`, nowMs }))
  const tokens = new Map<string, string>()
  for (const role of roles) {
    for (const { Effect, Principal, Condition } of [
      role.trust['Statement'] as Statement | Statement[],
    ].flat()) {
      const provider = oidcProviders.find(
        ({ arn }) => Effect === 'Allow' && [Principal?.Federated ?? []].flat().includes(arn),
      )
      if (provider === undefined) continue
      const claim = (name: string): string =>
        [Condition?.StringEquals?.[`${provider.url}:${name}`] ?? ''].flat()[0] ?? ''
      tokens.set(
        role.arn,
        await issuers.get(provider.url)!.mint({ sub: claim('sub'), aud: claim('aud') }, { lifetimeSeconds }),
      )
    }
  }
  return {
    tokens,
    findIssuer: (providerUrl) => issuers.get(providerUrl.replace(/^https:\/\//, ''))?.baseUrl ?? null,
    stop: async () => void (await Promise.all([...issuers.values()].map((issuer) => issuer.stop()))),
  }
}
