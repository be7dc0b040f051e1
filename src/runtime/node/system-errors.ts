import { ModelError } from '../../graph/model.js'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the quota is used up',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'the path runs through too many links',
}

/** The system's code of an error, such as ENOENT; '' for other errors. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/**
 * Runs `action`; what the system refuses becomes a ModelError that begins with `what`.
 * @param reasons by code, where they can be told better than in general
 */
export function attempt<T>(what: string, action: () => T, reasons: Readonly<Record<string, string>> = {}): T {
  try {
    return action()
  } catch (error) {
    const code = codeOf(error)
    if (error instanceof ModelError || code === '') throw error
    throw new ModelError(`${what}: ${reasons[code] ?? REASONS[code] ?? code}`, { cause: error })
  }
}
