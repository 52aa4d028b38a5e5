// The addresses of on-call, and the domains that they hang on.
import type { HoldfastConfig } from './config.ts'

export interface AlarmAddress {
  key: 'alarmEmails' | 'alarmWebhooks'
  address: string
  /** The domain of the mail, or the host of the URL. */
  host: string
}

export function alarmAddresses({
  alarmEmails,
  alarmWebhooks,
}: Pick<HoldfastConfig, 'alarmEmails' | 'alarmWebhooks'>): AlarmAddress[] {
  return [
    ...alarmEmails.map((address) => ({
      key: 'alarmEmails' as const,
      address,
      host: address.slice(address.lastIndexOf('@') + 1).toLowerCase(),
    })),
    ...alarmWebhooks.map((address) => ({
      key: 'alarmWebhooks' as const,
      address,
      host: new URL(address).hostname.toLowerCase(),
    })),
  ]
}

/** Whether the host is the domain or lies below it. */
export function isBelowDomain(host: string, domain: string): boolean {
  return host === domain.toLowerCase() || host.endsWith(`.${domain.toLowerCase()}`)
}
