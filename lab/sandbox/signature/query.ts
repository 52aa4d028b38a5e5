// Decodes a request's path and query strictly, so that the services read exactly the bytes that were signed.

import { AwsError } from '../protocol/aws-error.ts'

export interface QueryEntry {
  name: string
  value: string
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Percent-decodes to UTF-8. Throws InvalidURI for a broken escape or invalid UTF-8. */
export function decodePercent(text: string): string {
  if (!text.includes('%')) return text
  try {
    const bytes: Buffer[] = []
    for (let at = 0; at < text.length;) {
      const next = text.indexOf('%', at)
      if (next === -1) {
        bytes.push(Buffer.from(text.slice(at)))
        break
      }
      if (next > at) bytes.push(Buffer.from(text.slice(at, next)))
      const escape = text.slice(next + 1, next + 3)
      if (!/^[0-9A-Fa-f]{2}$/.test(escape)) throw new TypeError('broken escape')
      bytes.push(Buffer.from(escape, 'hex'))
      at = next + 3
    }
    return strictUtf8.decode(Buffer.concat(bytes))
  } catch (error) {
    throw new AwsError(400, 'InvalidURI', "Couldn't parse the specified URI.", { cause: error })
  }
}

/** Encodes as AWS does for a signature: escapes everything but A-Z a-z 0-9 - _ . ~. */
export function encodePercent(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The entries in the order of the query. A plus sign is a space, as in a form. */
export function parseQuery(query: string): QueryEntry[] {
  if (query === '') return []
  return query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const at = part.indexOf('=')
      const [name, value] = at === -1 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)]
      return {
        name: decodePercent(name.replaceAll('+', ' ')),
        value: decodePercent(value.replaceAll('+', ' ')),
      }
    })
}
