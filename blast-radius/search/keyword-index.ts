// An Aho-Corasick automaton: finds which of many words a text has, in one pass, without regard to case.
// Every byte costs one step, so that files without any word cost little more than reading them.

/**
 * Words and text are compared in these classes: letters without their case, digits, the signs that words
 * have.
 */
const classOther = 0

export class KeywordIndex {
  private readonly classes = new Uint8Array(256)
  private readonly classCount: number
  /**
   * Node times the count of classes, plus class, to the next node in the same form; its complement if a
   * word ends there.
   */
  private readonly transitions: Int32Array
  /** The words that end at each node; most nodes have none. */
  private readonly ends: (readonly number[] | undefined)[] = [undefined]

  /** @param words in lower case, of ASCII characters. */
  constructor(words: readonly string[]) {
    let count = 1
    for (const character of new Set(words.join(''))) {
      this.classes[character.charCodeAt(0)] = count
      this.classes[character.toUpperCase().charCodeAt(0)] = count
      count++
    }
    this.classCount = count
    const trie: Map<number, number>[] = [new Map<number, number>()]
    words.forEach((word, index) => this.insert(trie, word, index))
    this.transitions = new Int32Array(trie.length * count)
    this.link(trie)
    this.markEnds()
  }

  /** True if any word occurs; the end of the text need not be looked at then. */
  matchesBytes(bytes: Uint8Array): boolean {
    const { classes, transitions } = this
    let state = 0
    for (let index = 0; index < bytes.length; index++) {
      state = transitions[state + classes[bytes[index]!]!]!
      if (state < 0) return true
    }
    return false
  }

  /**
   * Calls `onHit` for every occurrence of every word, in the order of their ends. An object for each would
   * fill the heap.
   *
   * @param onHit gets the word's position in the list, and the index after its last character.
   */
  visit(text: string, onHit: (word: number, end: number) => void): void {
    const { classes, transitions } = this
    let state = 0
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      state = transitions[state + (code < 256 ? classes[code]! : classOther)]!
      if (state >= 0) continue
      state = ~state
      for (const word of this.ends[state / this.classCount]!) onHit(word, index + 1)
    }
  }

  private insert(trie: Map<number, number>[], word: string, index: number): void {
    let node = 0
    for (const character of word) {
      const class_ = this.classes[character.charCodeAt(0)]!
      let next = trie[node]!.get(class_)
      if (next === undefined) {
        next = trie.push(new Map()) - 1
        trie[node]!.set(class_, next)
        this.ends.push(undefined)
      }
      node = next
    }
    this.ends[node] = [...(this.ends[node] ?? []), index]
  }

  /** Breadth first: where no word goes on, the state goes on as its longest proper suffix does. */
  private link(trie: readonly Map<number, number>[]): void {
    const suffixes = new Int32Array(trie.length)
    const queue = [0]
    for (let position = 0; position < queue.length; position++) {
      const node = queue[position]!
      const suffix = suffixes[node]!
      const inherited = node === 0 ? undefined : this.ends[suffix]
      if (inherited !== undefined) this.ends[node] = [...(this.ends[node] ?? []), ...inherited]
      for (let class_ = 0; class_ < this.classCount; class_++) {
        const child = trie[node]!.get(class_)
        const fallback = node === 0 ? 0 : this.transitions[suffix * this.classCount + class_]!
        if (child !== undefined) {
          suffixes[child] = fallback / this.classCount
          queue.push(child)
        }
        this.transitions[node * this.classCount + class_] =
          child === undefined ? fallback : child * this.classCount
      }
    }
  }

  private markEnds(): void {
    for (let index = 0; index < this.transitions.length; index++) {
      const target = this.transitions[index]!
      if (this.ends[target / this.classCount] !== undefined) this.transitions[index] = ~target
    }
  }
}
