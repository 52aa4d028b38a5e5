import { describe, expect, it } from 'vitest'
import { loadDeclaration } from '../../sandbox/loader.ts'

describe('the cloud that the program declares', () => {
  it('has the vault bucket in the vault account, locked in COMPLIANCE for promise and generation', async () => {
    const cloud = await loadDeclaration()
    const vault = cloud.buckets.find((bucket) => bucket.name.startsWith('holdfast-vault-'))
    expect(vault).toMatchObject({
      accountId: '111111111111',
      versioning: 'Enabled',
      objectLock: { enabled: true, default: { mode: 'COMPLIANCE', days: 40 } },
      encryption: { algorithm: 'AES256', kmsKeyId: null },
    })
  })
})
