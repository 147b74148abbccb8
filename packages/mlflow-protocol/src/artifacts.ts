import { invalid } from './errors.ts'

/** Where MLflow's clients find artifacts that the server keeps: they put the server's own address before it. */
export const ARTIFACT_SCHEME = 'mlflow-artifacts:/'

const MAX_BYTES = 1024
const refused = () => invalid('Invalid path')

/**
 * Checks a path of the artifact tree, as it came out of one URL decoding, and returns its one normal form: segments with single slashes.
 * No file is ever opened by it (the tree is a table), yet nothing that could climb out of a folder, once decoded again, is let in.
 * @throws MlflowError INVALID_PARAMETER_VALUE "Invalid path".
 */
export function artifactPath(path: string): string {
  if (Buffer.byteLength(path) > MAX_BYTES) throw refused()
  for (let decoded = path, next = ''; ; decoded = next) {
    checkOnce(decoded)
    next = decodeOnce(decoded)
    if (next === decoded) break
  }
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (segments.length === 0) throw refused()
  return segments.join('/')
}

/** The same for a folder, where nothing stands for the root of what is listed. */
export function artifactFolder(path: string | undefined): string {
  const given = path ?? ''
  return given === '' || given === '.' || given === './' ? '' : artifactPath(given)
}

function checkOnce(path: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused.
  if (/[\u0000-\u001f\u007f\\#]/.test(path)) throw refused()
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path) || /^[A-Za-z][A-Za-z0-9+.-]*:\/*/.test(path)) throw refused()
  if (path.split(/[/;]/).some((segment) => segment.trim() === '..')) throw refused()
}

function decodeOnce(path: string): string {
  return path.replace(/(?:%[0-9a-f]{2})+/gi, (escaped) => {
    try {
      return decodeURIComponent(escaped)
    } catch {
      // Not UTF-8: an overlong form of a dot or slash would be, so it is refused rather than kept.
      throw refused()
    }
  })
}

/** The path in the artifact tree that a `mlflow-artifacts:/…` address names, or null for any other address. */
export function pathOfUri(uri: string): string | null {
  if (!uri.startsWith(ARTIFACT_SCHEME) || uri.startsWith(`${ARTIFACT_SCHEME}/`)) return null
  return artifactPath(uri.slice(ARTIFACT_SCHEME.length))
}

/** The folders above a path, itself included: `a/b/c` gives `a`, `a/b`, `a/b/c`. */
export function selfAndAncestors(path: string): string[] {
  const segments = path.split('/')
  return segments.map((_, index) => segments.slice(0, index + 1).join('/'))
}
