// The replies of S3's operations.

import { renderXml } from '../protocol/xml.ts'
import type { XmlElement } from '../protocol/xml.ts'
import type { ServiceReply } from '../protocol/service.ts'

/** A document of S3, as it goes over the wire. */
export function renderDocument(root: string, content: XmlElement[] | string): string {
  return renderXml(root, 'http://s3.amazonaws.com/doc/2006-03-01/', content)
}

/** 200, with a document whose root element is `root`. */
export function xmlReply(
  root: string,
  content: XmlElement[] | string,
  headers: Record<string, string> = {},
): ServiceReply {
  return documentReply(renderDocument(root, content), headers)
}

/** 200, with a document that is already XML. */
export function documentReply(body: string, headers: Record<string, string> = {}): ServiceReply {
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body }
}

export function emptyReply(status: number, headers: Record<string, string> = {}): ServiceReply {
  return { status, headers }
}
