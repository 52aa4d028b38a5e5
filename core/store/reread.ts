// Bytes can be spoiled on the way without being damaged where they lie: what doesn't check is fetched again before
// anybody calls it damaged.
import { isHoldfastError } from '../errors.ts'

const fetches = 3

/** @param read fetches and checks; it is called again when what it fetched doesn't check. */
export async function rereadDamaged<Result>(read: () => Promise<Result>): Promise<Result> {
  for (let fetch = 1; ; fetch++) {
    try {
      return await read()
    } catch (error) {
      if (fetch === fetches || !isHoldfastError(error, 'damaged', 'unsupported-format')) throw error
    }
  }
}
