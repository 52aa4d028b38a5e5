// The signer on AWS KMS: the private key never leaves KMS. It is an asymmetric key on P-256 that signs and verifies.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
import { createPublicKey, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { z } from 'zod'
import { sha256 } from '../core/digest.ts'
import { HoldfastError } from '../core/errors.ts'
import { keyIdOf } from '../core/signature.ts'
import type { Signer } from '../core/signature.ts'
import { JsonServices } from './json-services.ts'
import type { ServiceSettings } from './service-settings.ts'

const algorithm = 'ECDSA_SHA_256'
const publicKeyReply = z.object({ PublicKey: z.string(), SigningAlgorithms: z.array(z.string()) })
const signReply = z.object({ Signature: z.string().max(256) })

export class KmsSigner implements Signer {
  readonly keyId: string
  /** PEM, for the toolkit: it verifies what this signer signs. */
  readonly publicKeyPem: string
  private readonly services: JsonServices
  private readonly region: string
  private readonly keyName: string
  private readonly publicKey: KeyObject

  private constructor(
    services: JsonServices,
    { region, keyName }: { region: string; keyName: string },
    publicKey: KeyObject,
  ) {
    this.services = services
    this.region = region
    this.keyName = keyName
    this.publicKey = publicKey
    this.keyId = keyIdOf(publicKey)
    this.publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  }

  /**
   * @param keyName id, ARN or alias (`alias/…`) of the key.
   * @throws `denied`, `not-found`, `invalid-input` for a key of another kind, `unreachable`.
   */
  static async open(settings: ServiceSettings & { region: string }, keyName: string): Promise<KmsSigner> {
    const services = new JsonServices(settings)
    const { region } = settings
    const reply = publicKeyReply.safeParse(await askKms(services, region, 'GetPublicKey', { KeyId: keyName }))
    if (!reply.success) throw unreadable()
    const publicKey = parsePublicKey(reply.data.PublicKey)
    const isOnP256 = publicKey?.asymmetricKeyDetails?.namedCurve === 'prime256v1'
    if (publicKey === null || !isOnP256 || !reply.data.SigningAlgorithms.includes(algorithm))
      throw new HoldfastError('invalid-input', `the key ${keyName} doesn't sign with ${algorithm}`, {
        hint: 'use the key of the vault layer, or one of the kind ECC_NIST_P256 for SIGN_VERIFY',
      })
    return new KmsSigner(services, { region, keyName }, publicKey)
  }

  /** A signature that the public key doesn't verify is refused here: no reader would accept it. */
  async sign(message: Uint8Array): Promise<Uint8Array> {
    const reply = signReply.safeParse(
      await askKms(this.services, this.region, 'Sign', {
        KeyId: this.keyName,
        Message: sha256(message).toString('base64'),
        MessageType: 'DIGEST',
        SigningAlgorithm: algorithm,
      }),
    )
    if (!reply.success) throw unreadable()
    const signature = Buffer.from(reply.data.Signature, 'base64')
    if (verify('sha256', message, this.publicKey, signature)) return signature
    throw new HoldfastError('vault-unsafe', `the key ${this.keyName} signs with another key than it shows`, {
      hint: 'check the endpoint, and whether the alias of the key changed while the command ran',
    })
  }
}

function askKms(
  services: JsonServices,
  region: string,
  operation: 'GetPublicKey' | 'Sign',
  body: Record<string, unknown>,
): Promise<unknown> {
  return services.ask(operation === 'Sign' ? 'signing with the key' : 'reading the public key', {
    service: 'kms',
    region,
    method: 'POST',
    path: '/',
    target: { name: `TrentService.${operation}`, version: '1.1' },
    body,
  })
}

function parsePublicKey(base64: string): KeyObject | null {
  try {
    return createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' })
  } catch {
    return null
  }
}

function unreadable(): HoldfastError {
  return new HoldfastError('unreachable', "the response of KMS can't be read", {
    hint: 'check that the endpoint belongs to AWS',
    retryable: true,
  })
}
