import { describe, expect, test } from 'vitest'
import { StoredCredentials } from '../../../../lab/sandbox/identity/credentials.ts'
import type { Principal } from '../../../../lab/sandbox/identity/principal.ts'
import { openDatabase } from '../../../../lab/sandbox/store/database.ts'
import { makeDirectory, vaultAccount } from '../world.ts'

const session: Principal = {
  kind: 'role-session',
  accountId: vaultAccount,
  arn: `arn:aws:sts::${vaultAccount}:assumed-role/r/s`,
}

describe('credentials', () => {
  test("of an account's root are made once, without a token or an expiry", () => {
    const registry = new StoredCredentials(openDatabase(makeDirectory()))
    const root = registry.rootOf(vaultAccount)
    expect(root).toMatchObject({
      accessKeyId: expect.stringMatching(/^AKIA[A-Z2-7]{16}$/) as string,
      sessionToken: null,
      expiresMs: null,
    })
    expect(registry.rootOf(vaultAccount)).toEqual(root)
    expect(registry.find(root.accessKeyId)?.principal).toEqual({
      kind: 'root',
      accountId: vaultAccount,
      arn: `arn:aws:iam::${vaultAccount}:root`,
    })
  })

  test('of sessions have a token and an expiry, and are all different', () => {
    const registry = new StoredCredentials(openDatabase(makeDirectory()))
    const issued = Array.from({ length: 50 }, () => registry.issue(session, 5000))
    expect(issued[0]).toMatchObject({
      accessKeyId: expect.stringMatching(/^ASIA/) as string,
      expiresMs: 5000,
    })
    expect(
      new Set(
        issued.flatMap((session) => [session.accessKeyId, session.secretAccessKey, session.sessionToken]),
      ).size,
    ).toBe(150)
    expect(registry.find('ASIAAAAAAAAAAAAAAAAA')).toBeNull()
  })

  test('keep the principal of the time of issue', () => {
    const registry = new StoredCredentials(openDatabase(makeDirectory()))
    const changing = { ...session }
    const { accessKeyId } = registry.issue(changing, 5000)
    changing.arn = 'arn:aws:iam::999999999999:root'
    expect(registry.find(accessKeyId)?.principal.arn).toBe(session.arn)
  })

  test('survive in the database for another registry', () => {
    const directory = makeDirectory()
    const { accessKeyId } = new StoredCredentials(openDatabase(directory)).issue(session, 5000)
    expect(new StoredCredentials(openDatabase(directory)).find(accessKeyId)?.principal).toEqual(session)
  })
})
