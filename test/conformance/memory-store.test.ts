// The reference that other tests trust must itself do what a store does.
import { MemoryStore } from '../fixtures/memory-store.ts'
import { describeObjectStore } from './object-store.ts'

describeObjectStore('the store in memory', () => {
  const store = new MemoryStore()
  return Promise.resolve({
    store,
    retention: store.retention,
    prefix: 'conformance/',
    versionsOfOneKey: 2_500,
    overwrite: (key: string, body: Uint8Array) =>
      Promise.resolve(store.add(key, Buffer.from(body)).versionId),
    hide: (key: string) =>
      Promise.resolve(store.add(key, Buffer.alloc(0), { isDeleteMarker: true }).versionId),
    putInParts: (key: string) =>
      Promise.resolve(store.add(key, Buffer.alloc(1), { isMultipart: true }).versionId),
    passSeconds: (seconds: number) => void (store.nowMs += seconds * 1_000),
    close: () => undefined,
  })
})
