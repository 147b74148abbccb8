import { type Finding, fine, missing, note } from './finding.ts'

const GB = 1_000_000_000

/** @param version as `process.version`, `v24.21.0` */
export function decideNode(version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  const enough = major > 22 || (major === 22 && minor >= 18)
  if (enough) return fine('node', version)
  return missing(
    'node',
    version,
    'Node 22.18 or newer runs the source; start with ./tidemark, which brings the pinned one',
  )
}

/** @param freeBytes of the file system that holds the data folder */
export function decideDisk(freeBytes: number): Finding {
  const found = `${(freeBytes / GB).toFixed(1)} GB free`
  // The Python environments of the examples take 0.9 GB, the database and a demo's blobs 0.2 GB.
  if (freeBytes < 1.5 * GB) return missing('disk', found, 'free 1.5 GB, or choose another folder with --data')
  if (freeBytes < 5 * GB) return note('disk', found, 'enough to begin; models and prediction logs will want more')
  return fine('disk', found)
}

/** What keeps model code, database and platform apart. */
export function decideContainment(uid: number): Finding {
  if (uid === 0) return fine('containment', 'database, model code and platform run as three different users')
  return note(
    'containment',
    `all of it runs as uid ${uid}: model code can read the data folder and the database's password, and signal the server`,
    'run only models you trust, or start the platform as root, which gives database and workers users of their own',
  )
}

/** @param versionNumber `server_version_num`, 150004 for 15.4 */
export function decideForeignDatabase(versionNumber: number): Finding {
  const found = `DATABASE_URL answers, PostgreSQL ${Math.floor(versionNumber / 10_000)}`
  return versionNumber >= 150_000 ? fine('database', found) : missing('database', found, 'use PostgreSQL 15 or newer')
}
