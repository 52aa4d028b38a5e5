// The nodes that were read last, up to a number of bytes: neighbouring snapshots share most of their nodes.
const maxNodeCacheBytes = 16 * 1024 * 1024

export class NodeCache {
  private readonly nodes = new Map<string, Buffer>()
  private bytes = 0

  has(digest: Buffer): boolean {
    return this.nodes.has(digest.toString('latin1'))
  }

  get(digest: Buffer): Buffer | undefined {
    const name = digest.toString('latin1')
    const node = this.nodes.get(name)
    if (node === undefined) return undefined
    // The first of the map is the one that was used longest ago.
    this.nodes.delete(name)
    this.nodes.set(name, node)
    return node
  }

  set(digest: Buffer, node: Buffer): void {
    const name = digest.toString('latin1')
    if (this.nodes.has(name)) return
    // A copy, because the node may be a part of a larger buffer.
    this.nodes.set(name, Buffer.from(node))
    this.bytes += node.length
    for (const [oldest, { length }] of this.nodes) {
      if (this.bytes <= maxNodeCacheBytes) return
      this.nodes.delete(oldest)
      this.bytes -= length
    }
  }
}
