// Counts the traits that make source text hard to read: long lines, long functions, long signatures, large classes,
// comments that begin without a subject, pronouns without an actor, names that are pronouns or participles.
import ts from 'typescript'

/** The contribution of one file. Counts, except where a list names the locations. */
export interface Measures {
  lines: number
  wideLines: number
  /** Prettier wraps code, and no comment. */
  wideComments: string[]
  comments: number
  commentWords: number
  bareOpeners: string[]
  pronouns: string[]
  variables: number
  vagueNames: string[]
  longFunctions: string[]
  longSignatures: string[]
  largeClasses: string[]
}

const maxColumns = 120
const maxFunctionLines = 70
const maxParameters = 4
const maxFields = 10

const bareOpener = /^(?:what|who|whom|whose|of|by|which|so|that)\b/i
const pronoun = /\b(?:nobody|whoever|whatever|whichever|somebody|whomever)\b/gi
const vagueName =
  /^(?:what|who|which|each|every|all|any|other|others|one|own|mine|found|known|asked|told|said|made|given|taken|seen|left|gone|kept|done|wanted|needed|there|here|it|them|these|those|such|same|more|less|most|least|rest)$/i

/** @param file as it is shown in a location, `path:line`. */
export function measure(file: string, text: string): Measures {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const lines = text.split('\n')
  const at = (node: ts.Node): string =>
    `${file}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`
  const result: Measures = {
    lines: lines.length,
    wideLines: lines.filter((line) => line.length > maxColumns).length,
    wideComments: lines.flatMap((line, index) =>
      line.length > maxColumns && /^\s*(?:\/\/|\/?\*)/.test(line) ? [`${file}:${index + 1}`] : [],
    ),
    comments: 0,
    commentWords: 0,
    bareOpeners: [],
    pronouns: [],
    variables: 0,
    vagueNames: [],
    longFunctions: [],
    longSignatures: [],
    largeClasses: [],
  }
  for (const { line, words } of commentsOf(source, text)) {
    result.comments++
    result.commentWords += words.split(/\s+/).length
    if (bareOpener.test(words)) result.bareOpeners.push(`${file}:${line} ${words.slice(0, 60)}`)
    for (const match of words.matchAll(pronoun)) result.pronouns.push(`${file}:${line} ${match[0]}`)
  }
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isBindingElement(node)) {
      if (ts.isIdentifier(node.name)) {
        result.variables++
        if (vagueName.test(node.name.text)) result.vagueNames.push(`${at(node)} ${node.name.text}`)
      }
    }
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const first = source.getLineAndCharacterOfPosition(node.getStart(source)).line
      const last = source.getLineAndCharacterOfPosition(node.getEnd()).line
      if (last - first + 1 > maxFunctionLines) result.longFunctions.push(`${at(node)} ${last - first + 1}`)
    }
    if (ts.isFunctionLike(node) && node.parameters.length > maxParameters) {
      result.longSignatures.push(`${at(node)} ${node.parameters.length}`)
    }
    if (ts.isClassDeclaration(node)) {
      const fields = countFields(node)
      if (fields > maxFields) result.largeClasses.push(`${at(node)} ${node.name?.text} ${fields}`)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return result
}

function countFields(node: ts.ClassDeclaration): number {
  const declared = node.members.filter((member) => ts.isPropertyDeclaration(member) && !isStatic(member))
  const constructors = node.members.filter((member) => ts.isConstructorDeclaration(member))
  const inParameters = constructors.flatMap(({ parameters }) =>
    parameters.filter((parameter) => ts.isParameterPropertyDeclaration(parameter, parameter.parent)),
  )
  return declared.length + inParameters.length
}

function isStatic(member: ts.ClassElement): boolean {
  return (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Static) !== 0
}

interface Comment {
  line: number
  /** Without the marks of a comment and of a docstring's tags. */
  words: string
}

/** Consecutive `//` lines are one comment. A comment without letters, or a directive, is none. */
export function commentsOf(source: ts.SourceFile, text: string): Comment[] {
  const ranges = new Map<number, ts.CommentRange>()
  const visit = (node: ts.Node): void => {
    const leading = ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []
    const trailing = ts.getTrailingCommentRanges(text, node.getEnd()) ?? []
    for (const range of [...leading, ...trailing]) ranges.set(range.pos, range)
    // Tokens too: a comment can stand before a closing brace.
    for (const child of node.getChildren(source)) visit(child)
  }
  visit(source)
  const sorted = [...ranges.values()].sort((a, b) => a.pos - b.pos)
  const comments: Comment[] = []
  let previous: ts.CommentRange | undefined
  for (const range of sorted) {
    const raw = text.slice(range.pos, range.end)
    const words = raw
      .replace(/^\/\*+|\*+\/$|^\/\/+/g, '')
      .replace(/^\s*\*\s?/gm, '')
      .trim()
    const line = source.getLineAndCharacterOfPosition(range.pos).line + 1
    const isContinued =
      previous !== undefined &&
      raw.startsWith('//') &&
      text.slice(previous.pos, previous.end).startsWith('//') &&
      /^\r?\n[ \t]*$/.test(text.slice(previous.end, range.pos))
    if (isContinued) comments.at(-1)!.words += ` ${words}`
    else comments.push({ line, words })
    previous = range
  }
  return comments.filter(({ words }) => /[a-z]/i.test(words) && !/^(?:eslint-|@ts-|prettier-)/.test(words))
}
