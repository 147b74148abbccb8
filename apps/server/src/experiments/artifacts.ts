import type { Readable } from 'node:stream'
import { artifactFolder, artifactPath, conflict, invalid, missing, pathOfUri } from '@tidemark/mlflow-protocol'
import { type Actor, inTransaction, type Platform, type Queryable, type Tx } from '../platform/index.ts'
import * as store from './artifactStore.ts'
import type { ArtifactFile, FolderEntry } from './types.ts'

export type Artifacts = ReturnType<typeof createArtifacts>

/** The artifact tree: names in a table, bytes in the blob store. Streams in and out; no file is ever held in memory. */
export function createArtifacts(platform: Platform) {
  const { db, blobs } = platform

  async function refuseFrozen(tx: Queryable, workspace: string, path: string): Promise<void> {
    const reason = await store.frozenBecause(tx, workspace, path)
    if (reason !== null) {
      throw conflict(`'${path}' belongs to ${reason}: the files of a registered version never change. Log a new model.`)
    }
  }

  return {
    /** Writes a file. The bytes are on disk before its name appears. */
    async write(actor: Actor, rawPath: string, content: Readable | Uint8Array): Promise<ArtifactFile> {
      actor.require('experiments.write', rawPath)
      const path = artifactPath(rawPath)
      // Early, so that a client learns it before it sends a gigabyte; what counts is the look inside the transaction.
      await refuseFrozen(db, actor.workspace, path)
      const blob = await blobs.write(content)
      await inTransaction(db, async (tx) => {
        await store.lockTree(tx, actor.workspace, path, 'write')
        await refuseFrozen(tx, actor.workspace, path)
        if (await store.collides(tx, actor.workspace, path)) {
          throw invalid(`'${path}' cannot be a file: a folder has its name, or a file stands where it needs a folder.`)
        }
        await blobs.grant(tx, actor.workspace, blob)
        await store.putFile(tx, actor.workspace, path, blob)
      })
      return { path, ...blob }
    },

    async remove(actor: Actor, rawPath: string): Promise<void> {
      actor.require('experiments.delete', rawPath)
      const path = artifactPath(rawPath)
      await inTransaction(db, async (tx) => {
        await store.lockTree(tx, actor.workspace, path, 'write')
        await refuseFrozen(tx, actor.workspace, path)
        await store.removeTree(tx, actor.workspace, path)
      })
    },

    async open(actor: Actor, rawPath: string): Promise<{ file: ArtifactFile; stream: Readable }> {
      actor.require('experiments.read', rawPath)
      const path = artifactPath(rawPath)
      const file = await store.fileAt(db, actor.workspace, path)
      if (!file) throw missing(`No such artifact: '${path}'`)
      const { stream } = await blobs.open(db, actor.workspace, file.digest)
      return { file, stream }
    },

    /** What lies directly in a folder; nothing for a file or a folder that is not there. */
    async list(actor: Actor, rawFolder: string | undefined): Promise<FolderEntry[]> {
      actor.require('experiments.read', rawFolder)
      return store.entriesOf(db, actor.workspace, artifactFolder(rawFolder))
    },

    /** Files below a `mlflow-artifacts:/` address, with paths relative to it. */
    async filesOf(on: Queryable, workspace: string, uri: string): Promise<ArtifactFile[]> {
      const folder = pathOfUri(uri)
      return folder === null ? [] : store.filesBelow(on, workspace, folder)
    },

    /** From here to the end of time nothing below the address changes. @returns its files, in the order of their paths. */
    async freeze(tx: Tx, workspace: string, uri: string, reason: string): Promise<ArtifactFile[]> {
      const folder = pathOfUri(uri)
      if (folder === null) throw invalid(`'${uri}' is not an address of this server's artifacts.`)
      await store.lockTree(tx, workspace, folder, 'freeze')
      await store.freezeFolder(tx, workspace, folder, reason)
      return store.filesBelow(tx, workspace, folder)
    },
  }
}
