// The channels that hear of findings, as the settings file names them. The file has no secret: the URL of a webhook is
// one, and comes from a file of its own or from a variable.
import { readFileSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { z } from 'zod'
import { HoldfastError } from '../../core/errors.ts'
import { duration } from '../duration-field.ts'
import { severities } from '../outcome.ts'

const maxSecretBytes = 8192

const common = {
  /** `critical`: the channel hears of no warnings. */
  minSeverity: z.enum(severities).default('warning'),
  /** A finding that stays open is sent again after this time. */
  repeatAfter: duration.default(24 * 3_600_000),
}

const secretUrl = {
  urlFile: z.string().min(1).max(4096).optional(),
  urlVariable: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,100}$/, 'is not the name of a variable')
    .optional(),
}
const hasOneUrl = (fields: { urlFile?: string | undefined; urlVariable?: string | undefined }): boolean =>
  (fields.urlFile === undefined) !== (fields.urlVariable === undefined)
const oneUrl = { error: 'must have either urlFile or urlVariable' }

const webhook = z
  .strictObject({ kind: z.literal('webhook'), ...secretUrl, ...common })
  .refine(hasOneUrl, oneUrl)
const slack = z.strictObject({ kind: z.literal('slack'), ...secretUrl, ...common }).refine(hasOneUrl, oneUrl)
const sns = z.strictObject({
  kind: z.literal('sns'),
  topicArn: z
    .string()
    .regex(/^arn:aws[a-z-]*:sns:[a-z0-9-]{1,40}:\d{12}:[A-Za-z0-9_-]{1,256}$/, 'is not the ARN of a topic'),
  ...common,
})

export const channel = z.discriminatedUnion('kind', [webhook, slack, sns], {
  error: 'must have a kind: webhook, slack or sns',
})

export type ChannelSettings = z.infer<typeof channel>
export type HttpChannel = Extract<ChannelSettings, { kind: 'webhook' | 'slack' }>

/**
 * The URL of a channel. No error shows it.
 * @param name of the channel, for messages.
 * @throws `invalid-input` without a usable URL.
 */
export function readChannelUrl(
  { urlFile, urlVariable }: HttpChannel,
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): URL {
  return readSecretUrl({ urlFile, urlVariable }, environment, (detail) => refused(name, detail))
}

/**
 * A URL that is a secret, from a file or from a variable. No error shows it.
 * @throws what `refuse` makes of the reason, without a usable URL.
 */
export function readSecretUrl(
  { urlFile, urlVariable }: { urlFile?: string | undefined; urlVariable?: string | undefined },
  environment: Readonly<Record<string, string | undefined>>,
  refuse: (detail: string) => HoldfastError,
): URL {
  const text = urlFile === undefined ? environment[urlVariable!] : readSecret(urlFile, refuse)
  const origin = urlFile === undefined ? `the variable ${urlVariable!}` : `the file ${urlFile}`
  const url = URL.parse(text?.trim() ?? '')
  if (url === null) throw refuse(`${origin} has no URL`)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname)))
    throw refuse(`the URL of ${origin} must begin with https://`)
  return url
}

function readSecret(file: string, refuse: (detail: string) => HoldfastError): string {
  let stats: Stats
  try {
    stats = statSync(file)
    if (stats.isFile() && stats.size <= maxSecretBytes) return readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw refuse(`the file ${file} can't be read: ${code ?? 'unknown error'}`)
  }
  throw refuse(`the file ${file} ${stats.isFile() ? 'is too large for a URL' : 'is no regular file'}`)
}

/** A relay on this machine: the URL does not leave it without encryption. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

function refused(name: string, detail: string): HoldfastError {
  return new HoldfastError('invalid-input', `notifications.${name} is not usable: ${detail}`, {
    hint: 'docs/monitoring.md has an example of each channel',
  })
}
