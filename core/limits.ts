// Every limit of the format, for writers and readers alike. A reader refuses more, because a hostile snapshot must
// not fill its memory. A writer refuses more before it commits, because a snapshot that is reported as complete must
// be restorable. So no reader may have a narrower limit of its own, and a value here may rise but never fall.
import { digestBytes } from './digest.ts'

const mib = 2 ** 20

/** No frame decodes to more, so that a reader knows how much memory it needs. */
export const maxFrameRawBytes = 4 * mib
/** No pack has more chunks, so that its footer stays small compared to its data. */
export const maxChunksPerPack = 32_768
export const maxFooterBytes = 4 + 64 + 8 + maxChunksPerPack * (13 + 4 + digestBytes)
export const maxPackBytes = 128 * mib

/** A length of two bytes in the columns of a restore. */
export const maxPathBytes = 65_535
/** A node is a chunk in a frame. */
export const maxNodeBytes = 4 * mib
/**
 * Limits the paths of a leaf, written out. Entries share prefixes, so that a few bytes could otherwise expand
 * to gigabytes.
 */
export const maxNodePathBytes = 16 * mib
export const maxTreeHeight = 8
/** A file has at most this many chunk lists, because an entry that names them must fit into a node. */
export const maxContentLists = 65_536

/**
 * The size of a tree. A restore keeps about 60 bytes for each entry and 14 for each extent, a chunk at an offset of a
 * file. It stores paths without the prefixes that they share, so that the sum of all paths is much more than their
 * memory.
 */
export const treeLimits = {
  entries: 2 ** 26,
  extents: 2 ** 26,
  pathBytes: 2 ** 33,
  /** Files with several names. A `Map` holds at most 2^24 entries. */
  linkGroups: 16_000_000,
} as const

export type TreeLimits = { readonly [Name in keyof typeof treeLimits]: number }

export const maxPacks = 200_000
export const maxIndexChunks = 65_536
/** Room for `maxPacks`. A reader holds at most this for one manifest. */
export const maxManifestJsonBytes = 80 * mib
export const maxManifestBytes = 32 * mib
/**
 * How far a manifest may shrink, beside the part with problems and rules. Each pack and each chunk of the index has a
 * hash, which doesn't shrink: an honest manifest is far below, and only a bomb is beyond.
 */
export const maxManifestRatio = 32
export const plainManifestBytes = 4 * mib
/** How many earlier attempts a manifest names. */
export const maxSuperseded = 64
/** Rules of `--exclude` that a manifest names. */
export const maxLeftOutRules = 100
/** A manifest lists this many problems, and counts all. */
export const maxManifestProblems = 100
/** A text of ten lines, one of which an operator chose. */
export const maxBackupLabelBytes = 8192
export const maxTablespaces = 1000
/** PATH_MAX. */
export const maxTablespaceLocationBytes = 4096
/** A hundred years, as on AWS. */
export const maxRetentionDays = 36_500

/** A receipt: a statement of fixed size, and the first flags, findings and generations. */
export const maxReceiptBytes = 256 * 1024
export const maxReceiptFlags = 8
/** A receipt lists this many findings, and counts all. */
export const maxReceiptFindings = 20
/** A receipt lists this many generations. The notary asks again for the locks of packs in any more. */
export const maxReceiptGenerations = 16
/** Room for every finding and flag in `maxReceiptBytes`, also if JSON escapes each character. */
export const maxReceiptText = 300
/** A receipt for WAL lists this many runs without a gap, over all timelines, and the newest ones of more. */
export const maxWalReceiptRuns = 500
/** Timelines of a receipt for WAL: the newest ones of more. */
export const maxWalReceiptLines = 50
/** A receipt for WAL lists this many flags, and counts all. */
export const maxWalReceiptFlags = 50
export const maxEnvelopeSignatures = 4
/** One object of feedback to a writer. */
export const maxFeedbackBytes = 2 * mib
export const maxFeedbackPacks = 4096

/** Bytes of the log in one object: a segment of PostgreSQL's default size. Larger segments take several objects. */
export const maxWalPartBytes = 16 * mib
/** Header and frame: bytes that don't shrink take a little more. */
export const maxWalPartObjectBytes = 17 * mib
export const maxWalHeaderBytes = 4096
/** The history file of a timeline has a line for each timeline before it. */
export const maxWalHistoryBytes = mib
