/**
 * Yields the result of `read` for each item, in the order of the items, while up to `width()` of them are read at once.
 * The next item is taken only when there is room for it, so that `items` may end early.
 * @throws the first failure, in the order of the items. No read is under way after the end.
 */
export async function* readInOrder<Item, Result>(
  items: Iterable<Item>,
  width: () => number,
  read: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const pending: Promise<Result>[] = []
  const iterator = items[Symbol.iterator]()
  try {
    for (;;) {
      while (pending.length < width()) {
        const next = iterator.next()
        if (next.done === true) break
        const result = read(next.value)
        result.catch(() => {})
        pending.push(result)
      }
      const first = pending.shift()
      if (first === undefined) return
      yield await first
    }
  } finally {
    await Promise.allSettled(pending)
  }
}
