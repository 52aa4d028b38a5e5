import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isHoldfastError } from '../../core/errors.ts'
import { openEnvelope, signEnvelope, TrustedKeys } from '../../core/signature.ts'
import { propertyRuns } from '../fixtures/property-runs.ts'
import { refusalOf } from '../fixtures/refusal.ts'
import { TestSigner } from '../fixtures/test-signer.ts'

const signer = new TestSigner()
const payload = Buffer.from('{"kind":"receipt"}')
const payloadType = 'application/x-test'
const envelope = await signEnvelope(signer, payloadType, payload)
const request = { payloadType, keys: signer.keys, subject: 'the statement' }

/** The envelope with changed fields. */
function changed(change: (fields: Record<string, unknown>) => void): Buffer {
  const fields = JSON.parse(envelope.toString()) as Record<string, unknown>
  change(fields)
  return Buffer.from(JSON.stringify(fields))
}

function invalidInput(parse: () => unknown): string {
  try {
    parse()
  } catch (error) {
    if (isHoldfastError(error, 'invalid-input')) return error.message
    throw error
  }
  throw new Error('it was accepted')
}

describe('a signed statement', () => {
  test('opens with the key that signed it, and names that key', () => {
    expect(openEnvelope(envelope, request)).toEqual({ payload, keyId: signer.keyId })
  })

  test('opens without keys, and then no key vouches for it', () => {
    expect(openEnvelope(envelope, { ...request, keys: null })).toEqual({ payload, keyId: null })
  })

  test('opens with one of several keys', () => {
    const keys = TrustedKeys.parse(new TestSigner().pem + signer.pem, 'test')
    expect(keys.ids).toHaveLength(2)
    expect(openEnvelope(envelope, { ...request, keys }).keyId).toBe(signer.keyId)
  })

  test('is refused with another key, also under the name of the trusted one', async () => {
    const stranger = new TestSigner()
    const forged = await signEnvelope(stranger, payloadType, payload)
    const renamed = await signEnvelope(
      { keyId: signer.keyId, sign: (message) => stranger.sign(message) },
      payloadType,
      payload,
    )
    for (const bytes of [forged, renamed])
      expect(refusalOf(() => openEnvelope(bytes, request))?.message).toContain('no trusted key')
  })

  test('is refused with another payload or another type, because the signature covers both', () => {
    const otherPayload = changed((fields) => (fields['payload'] = Buffer.from('{}').toString('base64')))
    expect(refusalOf(() => openEnvelope(otherPayload, request))?.message).toContain('no trusted key')
    const otherType = changed((fields) => (fields['payloadType'] = 'application/x-other'))
    expect(refusalOf(() => openEnvelope(otherType, request))?.message).toContain('another type')
    const renamed = { ...request, payloadType: 'application/x-other' }
    expect(refusalOf(() => openEnvelope(otherType, renamed))?.message).toContain('no trusted key')
  })

  test.each([
    ['no signature', (fields: Record<string, unknown>) => (fields['signatures'] = [])],
    ['an extra field', (fields: Record<string, unknown>) => (fields['extra'] = 1)],
    ['a payload that is not base64', (fields: Record<string, unknown>) => (fields['payload'] = 'ä')],
  ])('is refused with %s', (_, change) => {
    expect(refusalOf(() => openEnvelope(changed(change), request))?.code).toBe('damaged')
  })

  test('of any bytes is refused, and never a defect', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(refusalOf(() => openEnvelope(bytes, request))?.code).toBe('damaged')
      }),
      { numRuns: propertyRuns },
    )
  })
})

describe('trusted keys', () => {
  test('take no private key, because none may lie beside a reader', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    expect(invalidInput(() => TrustedKeys.parse(pem + signer.pem, 'x.pem'))).toContain('a private key')
  })

  test('take only keys on P-256', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    expect(invalidInput(() => TrustedKeys.parse(pem, 'x.pem'))).toContain('not on P-256')
  })

  test('are refused if the text holds none', () => {
    expect(invalidInput(() => TrustedKeys.parse('no key', 'x.pem'))).toContain('no public key')
    const broken = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'
    expect(invalidInput(() => TrustedKeys.parse(broken, 'x.pem'))).toContain("can't be read")
  })
})
