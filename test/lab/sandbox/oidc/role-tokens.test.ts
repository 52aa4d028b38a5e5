import { AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { expect, test } from 'vitest'
import { createAuthorizer } from '../../../../lab/sandbox/authorization/authorizer.ts'
import { loadDeclaration } from '../../../../lab/sandbox/loader/loader.ts'
import { mintRoleTokens } from '../../../../lab/sandbox/oidc/role-tokens.ts'
import { createStsService } from '../../../../lab/sandbox/sts/service.ts'
import { region, startWorld } from '../world.ts'

test('a role for a workload outside AWS comes with a token that assumes it, and no other role', async () => {
  const declaration = await loadDeclaration()
  const identities = await mintRoleTokens(declaration, Date.now)
  const sandbox = await startWorld({
    declaration,
    authorizer: (live) => createAuthorizer(declaration, live),
    services: [createStsService({ findIssuer: identities.findIssuer })],
  })
  const [[site, token] = ['', '']] = identities.tokens
  expect(site).toMatch(/holdfast-writer-site$/)
  const sts = new STSClient({
    region,
    endpoint: sandbox.endpoint,
    credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
  })
  const assume = (RoleArn: string, WebIdentityToken: string) =>
    sts.send(new AssumeRoleWithWebIdentityCommand({ RoleArn, RoleSessionName: 'task', WebIdentityToken }))
  expect((await assume(site, token)).AssumedRoleUser?.Arn).toContain('holdfast-writer-site/task')
  await expect(assume(site.replace('site', 'uploads'), token)).rejects.toMatchObject({ name: 'AccessDenied' })
  await expect(assume(site, `${token.slice(0, -8)}AAAAAAAA`)).rejects.toMatchObject({
    name: 'InvalidIdentityTokenException',
  })
  sts.destroy()
  await identities.stop()
})
