// A shell of the deployer that tells the engine to ignore every protection. AWS answers as the control policies do
// that the program declares: without a thaw it refuses, and with one it deletes.
import { describe, expect, it } from 'vitest'
import { deletionOf, refuseDeletion } from '../../../../lab/deployment/deletions.ts'
import { startEngineWorld, withNamespace } from '../../../../lab/deployment/engine-world.ts'
import { roleNamed } from '../../../../lab/incident/principals.ts'
import { createAuthorizer } from '../../../../lab/sandbox/authorization/authorizer.ts'
import { sessionOfRole } from '../../../../lab/sandbox/identity/role-principal.ts'
import { exampleConfig } from '../../../../lab/sandbox/loader/example-config.ts'
import { loadDeclaration } from '../../../../lab/sandbox/loader/loader.ts'

const settings = withNamespace({ ...exampleConfig, layer: 'vault' })
const everything = {
  Version: '2012-10-17',
  Statement: [{ Sid: 'Everything', Effect: 'Allow', Action: '*', Resource: '*' }],
}

/** Deploys the vault, destroys it by force, and returns the deletions that AWS knows as calls. */
async function destroyByForce(thawUntil: string) {
  const cloud = await loadDeclaration({ config: { thawUntil } })
  const role = roleNamed(cloud, exampleConfig.deployers[0]!.split('/').at(-1)!)
  role.policies.push({ name: 'AdministratorAccess', document: everything })
  const nowMs = Date.now()
  const authorizer = await createAuthorizer(cloud, { nowMs: () => nowMs })
  const principal = sessionOfRole(role, { sessionName: 'shell', nowMs })
  const world = await startEngineWorld({
    refuse: ({ kind, resource }) =>
      kind === 'delete' ? refuseDeletion(authorizer, principal, resource) : Promise.resolve(null),
  })
  try {
    const up = await world.stack('vault').run('up', settings, { skipPreview: true })
    expect(up.error).toBe('')
    const destroyed = await world
      .stack('vault')
      .run('destroy', settings, { skipPreview: true, ignoreProtect: true })
    const deletions = world.provider.calls
      .filter(({ kind, resource }) => kind === 'delete' && deletionOf(resource) !== null)
      .map(({ resource, refusal }) => ({ ...deletionOf(resource)!, refusal }))
    return { destroyed, deletions }
  } finally {
    world.stop()
  }
}

describe('`destroy --skip-preview --ignore-protect` by the deployer', () => {
  it('is refused by AWS for everything that the promise needs', async () => {
    const { destroyed, deletions } = await destroyByForce('')
    expect(destroyed.error).not.toBe('')
    // The engine stops at the first one.
    expect(deletions.length).toBeGreaterThan(0)
    expect(deletions.filter(({ refusal }) => refusal === null)).toEqual([])
    expect(destroyed.messages.map(({ text }) => text).join('\n')).toContain('AccessDenied')
  })

  it('deletes it while a thaw of the organization lasts, so the refusal is the freeze', async () => {
    const { deletions } = await destroyByForce(new Date(Date.now() + 3_600_000).toISOString())
    expect(deletions.filter(({ refusal }) => refusal === null).length).toBeGreaterThan(100)
  })
})
