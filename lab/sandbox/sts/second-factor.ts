// MFA devices that a test or a drill registers. AssumeRole takes them as SerialNumber and TokenCode.

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Principal } from '../identity/principal.ts'
import { AwsError } from '../protocol/aws-error.ts'
import { optionalText } from './form.ts'
import type { Form } from './form.ts'

export interface MfaDevice {
  /** ARN of the virtual device, or a hardware serial. */
  serial: string
  /**
   * The holder of the device. On AWS this is an IAM user. The sandbox has no users, so a person's role stands
   * for the user: its ARN, or the ARN of one of its sessions.
   */
  holderArn: string
  /** Shared secret of RFC 6238: SHA-1, six digits, 30 seconds. */
  secret: Buffer
}

/** The code that a device shows at `nowMs`. */
export function oneTimeCode(secret: Buffer, nowMs: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(nowMs / 30_000)))
  const digest = createHmac('sha1', secret).update(counter).digest()
  const offset = (digest[19] ?? 0) & 0xf
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

/** Checks the codes of a set of devices. A code is valid once, in its own period and in the next one. */
export class SecondFactors {
  private readonly devices: readonly MfaDevice[]
  private readonly used = new Set<string>()

  constructor(devices: readonly MfaDevice[]) {
    this.devices = devices
  }

  /** True if the caller proved a second factor, false if it sent none. Throws AccessDenied for a wrong one. */
  check(form: Form, caller: Principal, nowMs: number): boolean {
    const serial = optionalText(form, 'SerialNumber', {
      min: 9,
      max: 256,
      pattern: /^[\w+=/:,.@-]*$/,
      printed: '[\\w+=/:,.@-]*',
    })
    const code = optionalText(form, 'TokenCode', { min: 6, max: 6, pattern: /^\d*$/, printed: '[\\d]*' })
    if (serial === null && code === null) return false
    if (serial === null || code === null)
      throw refuse('must provide both MFA serial number and one time pass code')
    const holders = [caller.arn, caller.session?.roleArn]
    const device = this.devices.find(
      (device) => device.serial === serial && holders.includes(device.holderArn),
    )
    if (device === undefined)
      throw refuse(
        'unable to validate MFA code. Please verify your MFA serial number is valid and associated with this user.',
      )
    const period = [nowMs, nowMs - 30_000].find((ms) =>
      timingSafeEqual(Buffer.from(oneTimeCode(device.secret, ms)), Buffer.from(code)),
    )
    const use = `${serial} ${period === undefined ? '' : Math.floor(period / 30_000)}`
    if (period === undefined || this.used.has(use)) throw refuse('with invalid MFA one time pass code.')
    this.used.add(use)
    return true
  }
}

function refuse(why: string): AwsError {
  return new AwsError(
    403,
    'AccessDenied',
    `MultiFactorAuthentication failed${why.startsWith('with') ? '' : ','} ${why}`,
  )
}
