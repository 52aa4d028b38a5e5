// Faults that change a request before the service gets it, so that the service returns the wrong data:
// another range, the whole object, or a page that ends early.

import type { ServiceRequest } from '../protocol/service.ts'
import type { FaultKind } from './faults.ts'

/** Null if the fault doesn't apply to this request. */
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

/** The range one byte earlier, or without its last byte; null if the request has no such range. */
function otherRange(header: string): string | null {
  const [, first = '', last = ''] = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(header) ?? []
  if (last === '' || (Number(first) === 0 && Number(last) === 0)) return null
  return `bytes=${Math.max(0, Number(first) - 1)}-${Number(last) - 1}`
}

function isListing(query: string): boolean {
  return /(?:^|&)(?:versions(?:=|&|$)|list-type=2(?:&|$))/.test(query)
}

/** S3 may return fewer entries than the request allows, and report that more follow. */
function shortPage(query: string): string {
  const parameters = query.split('&').filter((part) => !part.startsWith('max-keys='))
  return [...parameters, 'max-keys=1'].join('&')
}
