// The S3 service: finds the operation of a request, serves it, and renders errors.

import { join } from 'node:path'
import { AwsError } from '../protocol/aws-error.ts'
import type { Service, ServiceHost, ServiceReply, ServiceRequest } from '../protocol/service.ts'
import { renderXml } from '../protocol/xml.ts'
import { ObjectFiles } from '../store/object-files.ts'
import { createDeclaredBuckets } from './buckets/declared-buckets.ts'
import { S3Call } from './call.ts'
import { Catalog } from './catalog/catalog.ts'
import { findOperation } from './operations.ts'

export function createS3Service(host: ServiceHost): Service {
  const catalog = new Catalog(host.database)
  const files = new ObjectFiles(join(host.directory, 'objects'))
  const named = catalog.namedFiles()
  files.sweep((id) => named.has(id))
  createDeclaredBuckets(catalog, host.declaration.buckets, host.clock.nowMs())
  const stores = { host, catalog, files }
  return {
    name: 's3',
    handle: async (request: ServiceRequest): Promise<ServiceReply> => {
      const call = new S3Call(request, stores)
      const operation = findOperation(call)
      try {
        return { ...(await operation.serve(call)), operation: operation.name }
      } catch (error) {
        if (error instanceof AwsError) return { ...renderError(error, request), operation: operation.name }
        throw error
      }
    },
    renderError,
  }
}

function renderError(error: AwsError, request: Pick<ServiceRequest, 'id' | 'method' | 'path'>): ServiceReply {
  const headers = { 'content-type': 'application/xml', ...error.headers }
  const common = { status: error.status, errorCode: error.code }
  // The reply to a HEAD request has no body, so a client sees only the status.
  if (request.method === 'HEAD' || error.status === 304) return { ...common, headers }
  const body = renderXml('Error', null, [
    ['Code', error.code],
    ['Message', error.message],
    ...Object.entries(error.fields),
    ['RequestId', request.id],
    ['HostId', Buffer.from(`holdfast-sandbox-${request.id}`).toString('base64')],
  ])
  return { ...common, headers, body }
}
