// Requests that a service is given other than they were sent, so that its answer is a wrong one: another range, the whole
// object, a page that ends early.

import type { ServiceRequest } from '../protocol/service.ts'
import type { FaultKind } from './faults.ts'

/** Null if this fault can't happen to this request. */
export function corruptRequest(request: ServiceRequest, fault: FaultKind | null): ServiceRequest | null {
  if (request.method !== 'GET') return null
  switch (fault) {
    case 'wrong-range':
      return withRange(request, otherRange(request.headers['range'] ?? ''))
    case 'whole-body':
      return withRange(request, request.headers['range'] === undefined ? null : '')
    case 'short-page':
      return isListing(request.query) ? { ...request, query: shortPage(request.query) } : null
    default:
      return null
  }
}

function withRange(request: ServiceRequest, range: string | null): ServiceRequest | null {
  return range === null ? null : { ...request, headers: { ...request.headers, range } }
}

/** One byte before what was asked for, or without its last byte; null if there is no such range. */
function otherRange(header: string): string | null {
  const [, first = '', last = ''] = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(header) ?? []
  if (last === '' || (Number(first) === 0 && Number(last) === 0)) return null
  return `bytes=${Math.max(0, Number(first) - 1)}-${Number(last) - 1}`
}

function isListing(query: string): boolean {
  return /(?:^|&)(?:versions(?:=|&|$)|list-type=2(?:&|$))/.test(query)
}

/** S3 may answer fewer entries than were asked for, and say that more follow. */
function shortPage(query: string): string {
  const parameters = query.split('&').filter((part) => !part.startsWith('max-keys='))
  return [...parameters, 'max-keys=1'].join('&')
}
