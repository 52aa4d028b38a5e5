// Signed statements of the vault's account: receipts and reports. A statement is a DSSE envelope
// (https://github.com/secure-systems-lab/dsse), so that an auditor can verify it without Holdfast:
//
//   envelope := JSON { payloadType, payload (base64), signatures: [{ keyid, sig (base64) }] }
//   signed   := "DSSEv1" SP length of payloadType SP payloadType SP length of the payload SP payload
//
// A signature is ECDSA over P-256 with SHA-256, in DER. `keyid` is the SHA-256 of the public key's DER.
import { createPublicKey, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { z } from 'zod'
import { sha256Hex } from './digest.ts'
import { HoldfastError } from './errors.ts'
import { maxEnvelopeSignatures } from './limits.ts'

/** The port to a private key that no process holds: a service signs with it. */
export interface Signer {
  /** SHA-256 of the public key in DER (SubjectPublicKeyInfo), lower-case hex. */
  readonly keyId: string
  /** ECDSA over P-256 with SHA-256 of `message`, in DER. @throws `denied`, `unreachable`, … */
  sign(message: Uint8Array): Promise<Uint8Array>
}

const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, 'not base64')

const envelopeSchema = z.strictObject({
  payloadType: z.string().max(256),
  payload: base64,
  signatures: z
    .array(z.strictObject({ keyid: z.string().regex(/^[0-9a-f]{64}$/), sig: base64.max(256) }))
    .min(1)
    .max(maxEnvelopeSignatures),
})

export async function signEnvelope(signer: Signer, payloadType: string, payload: Buffer): Promise<Buffer> {
  const signature = await signer.sign(signedBytes(payloadType, payload))
  const envelope = {
    payloadType,
    payload: payload.toString('base64'),
    signatures: [{ keyid: signer.keyId, sig: Buffer.from(signature).toString('base64') }],
  }
  return Buffer.from(`${JSON.stringify(envelope)}\n`)
}

export interface OpenedEnvelope {
  payload: Buffer
  /** The trusted key that signed it; null if no keys were given, so that no signature was checked. */
  keyId: string | null
}

/**
 * @param subject names the object in an error: `the receipt 01K…`.
 * @param keys null: the payload is returned unchecked, and may be shown, but decides nothing.
 * @throws `damaged` for another shape or type, or if no trusted key has signed it.
 */
export function openEnvelope(
  bytes: Uint8Array,
  { payloadType, keys, subject }: { payloadType: string; keys: TrustedKeys | null; subject: string },
): OpenedEnvelope {
  const parsed = envelopeSchema.safeParse(parseJson(bytes))
  if (!parsed.success) throw refused(subject, 'it is no signed statement')
  if (parsed.data.payloadType !== payloadType) throw refused(subject, 'it is a statement of another type')
  const payload = Buffer.from(parsed.data.payload, 'base64')
  if (keys === null) return { payload, keyId: null }
  const message = signedBytes(payloadType, payload)
  const signature = parsed.data.signatures.find(({ keyid, sig }) =>
    keys.hasSigned(keyid, message, Buffer.from(sig, 'base64')),
  )
  if (signature === undefined) throw refused(subject, 'no trusted key has signed it')
  return { payload, keyId: signature.keyid }
}

/** The public keys whose signatures a reader accepts. */
export class TrustedKeys {
  private readonly keys: ReadonlyMap<string, KeyObject>

  private constructor(keys: ReadonlyMap<string, KeyObject>) {
    this.keys = keys
  }

  /**
   * @param pem one or more public keys on P-256.
   * @throws `invalid-input` for another text, or for a private key.
   */
  static parse(pem: string, name: string): TrustedKeys {
    if (/PRIVATE KEY/.test(pem)) throw unusable(name, 'it holds a private key')
    const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[^-]{1,4096}-----END PUBLIC KEY-----/g) ?? []
    if (blocks.length === 0) throw unusable(name, 'it holds no public key in PEM')
    return new TrustedKeys(
      new Map(
        blocks.map((block) => {
          const key = parseKey(block, name)
          return [keyIdOf(key), key]
        }),
      ),
    )
  }

  get ids(): string[] {
    return [...this.keys.keys()]
  }

  hasSigned(keyId: string, message: Uint8Array, signature: Uint8Array): boolean {
    const key = this.keys.get(keyId)
    return key !== undefined && verify('sha256', message, key, signature)
  }
}

export function keyIdOf(key: KeyObject): string {
  return sha256Hex(key.export({ type: 'spki', format: 'der' }))
}

function parseKey(pem: string, name: string): KeyObject {
  let key: KeyObject
  try {
    key = createPublicKey(pem)
  } catch (error) {
    throw unusable(name, "it holds a public key that can't be read", error)
  }
  if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key
  throw unusable(name, 'it holds a public key that is not on P-256')
}

function signedBytes(payloadType: string, payload: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `),
    payload,
  ])
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}

function refused(subject: string, detail: string): HoldfastError {
  return new HoldfastError('damaged', `${subject} can't be trusted: ${detail}`, {
    hint: 'only the roles of the vault can write and sign it: look in the audit trail for who wrote it',
  })
}

function unusable(name: string, detail: string, cause?: unknown): HoldfastError {
  return new HoldfastError('invalid-input', `the public key ${name} is not usable: ${detail}`, {
    hint: "pass the file `notary.pem` of the toolkit, or the vault layer's configuration with --config",
    cause,
  })
}
