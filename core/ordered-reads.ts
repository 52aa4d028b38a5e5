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

/**
 * Calls `act` for each item, up to `width` at once. The items begin in order and end in any: a slow call holds up no
 * other one.
 * @throws a failure; no further item begins after it, and no call is under way after the end.
 */
export async function actAtOnce<Item>(
  items: Iterable<Item>,
  width: number,
  act: (item: Item) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]()
  let isFailed = false
  const work = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = isFailed ? noMore : iterator.next())
      try {
        await act(next.value)
      } catch (error) {
        isFailed = true
        throw error
      }
  }
  const outcomes = await Promise.allSettled(Array.from({ length: width }, work))
  const failure = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failure !== undefined) throw failure.reason
}

const noMore: IteratorReturnResult<undefined> = { done: true, value: undefined }
