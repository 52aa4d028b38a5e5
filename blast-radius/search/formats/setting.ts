/** A name with its value, as a file's grammar has them. */
export interface Setting {
  /** Names from the outermost one. */
  path: readonly string[]
  /** As the program that reads the file gets it: without quotes and escapes. */
  value: string
  /** Where the value stands in the text, quotes not included. */
  start: number
  end: number
  /** The value was in base64: what it holds is to be searched, too. */
  isDecoded?: true
}
