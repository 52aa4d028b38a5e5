import { createHash, generateKeyPairSync, verify } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { JsonServices } from '../../../../aws/json-services.ts'
import { KmsSigner } from '../../../../aws/kms-signer.ts'
import { signDigest } from '../../../../lab/sandbox/kms/sign-digest.ts'
import { declareCloud, region, startWorld, vaultAccount } from '../world.ts'

const arn = (name: string) => `arn:aws:kms:${region}:${vaultAccount}:key/${name}`
const cloud = {
  ...declareCloud([]),
  keys: [
    { accountId: vaultAccount, arn: arn('signs'), policy: null, signs: true, aliases: ['alias/notary'] },
    { accountId: vaultAccount, arn: arn('encrypts'), policy: null },
  ],
}
const sandbox = await startWorld({ declaration: cloud })
const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(vaultAccount)
const settings = {
  region,
  endpoint: sandbox.endpoint,
  credentials: () => Promise.resolve({ accessKeyId, secretAccessKey }),
}

function ask(operation: string, body: Record<string, unknown>): Promise<unknown> {
  return new JsonServices(settings).ask(operation, {
    service: 'kms',
    region,
    method: 'POST',
    path: '/',
    target: { name: `TrentService.${operation}`, version: '1.1' },
    body,
  })
}

describe('a signature of a digest', () => {
  test('is one that node verifies, for any digest', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    for (let index = 0; index < 200; index++) {
      const message = Buffer.from(`message ${index}`)
      const digest = createHash('sha256').update(message).digest()
      const signature = signDigest(privateKey, digest)
      expect(verify('sha256', message, publicKey, signature)).toBe(true)
      expect(verify('sha256', Buffer.from('another'), publicKey, signature)).toBe(false)
    }
  })
})

describe('KMS', () => {
  test('signs with a declared key, by its id, its ARN and its alias, and each time with the same key', async () => {
    const signers = await Promise.all(
      ['signs', arn('signs'), 'alias/notary', arn('signs').replace('key/signs', 'alias/notary')].map((name) =>
        KmsSigner.open(settings, name),
      ),
    )
    expect(new Set(signers.map(({ keyId }) => keyId)).size).toBe(1)
    for (const signer of signers) {
      const signature = await signer.sign(Buffer.from('a statement'))
      expect(verify('sha256', Buffer.from('a statement'), signer.publicKeyPem, signature)).toBe(true)
    }
  })

  test('signs a short message whole too', async () => {
    const signer = await KmsSigner.open(settings, 'signs')
    const { Signature } = (await ask('Sign', {
      KeyId: 'signs',
      Message: Buffer.from('hello').toString('base64'),
      MessageType: 'RAW',
      SigningAlgorithm: 'ECDSA_SHA_256',
    })) as { Signature: string }
    const signature = Buffer.from(Signature, 'base64')
    expect(verify('sha256', Buffer.from('hello'), signer.publicKeyPem, signature)).toBe(true)
  })

  test('refuses a key for encryption, an unknown key, another algorithm, and what it does not emulate', async () => {
    await expect(KmsSigner.open(settings, 'encrypts')).rejects.toMatchObject({ code: 'invalid-input' })
    await expect(KmsSigner.open(settings, 'alias/absent')).rejects.toMatchObject({ code: 'not-found' })
    await expect(
      ask('Sign', { KeyId: 'signs', Message: '', SigningAlgorithm: 'RSASSA_PSS_SHA_256' }),
    ).rejects.toThrow('RSASSA_PSS_SHA_256 is not supported')
    await expect(ask('Decrypt', {})).rejects.toThrow('Decrypt failed')
  })
})
