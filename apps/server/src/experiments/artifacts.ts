import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import {
  artifactFolder,
  artifactPath,
  conflict,
  invalid,
  type MlflowError,
  missing,
  pathOfUri,
} from '@tidemark/mlflow-protocol'
import { type Actor, inTransaction, type Platform, type Queryable, type Tx } from '../platform/index.ts'
import * as store from './artifactStore.ts'
import type { ArtifactFile, FolderEntry } from './types.ts'

export type Artifacts = ReturnType<typeof createArtifacts>

/** The artifact tree: names in a table, bytes in the blob store. Streams in and out; no file is ever held in memory. */
export function createArtifacts(platform: Platform) {
  const { db, blobs } = platform

  async function refuseFrozen(tx: Queryable, workspace: string, path: string): Promise<void> {
    const reason = await store.frozenBecause(tx, workspace, path)
    if (reason !== null) throw frozen(path, reason)
  }

  /** Refuses, before anything is sent, what `write` would refuse for this path. @returns the path in its normal form. */
  async function mayWrite(actor: Actor, rawPath: string): Promise<string> {
    actor.require('experiments.write', rawPath)
    const path = filePath(rawPath)
    await refuseFrozen(db, actor.workspace, path)
    return path
  }

  return {
    /** Writes a file. The bytes are on disk before its name appears. */
    async write(actor: Actor, rawPath: string, content: Readable | Uint8Array): Promise<ArtifactFile> {
      // Early, so that a client learns it before it sends a gigabyte; what counts is the look inside the transaction.
      const path = await mayWrite(actor, rawPath)
      const blob = await blobs.write(content)
      await inTransaction(db, async (tx) => {
        await store.lockTree(tx, actor.workspace, path, 'write')
        const found = await store.obstacles(tx, actor.workspace, path)
        if (found.frozen !== null) throw frozen(path, found.frozen)
        if (found.taken) {
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

    /** @throws MlflowError when there is no file of that name: nothing at all, or a folder. */
    async file(actor: Actor, rawPath: string): Promise<ArtifactFile> {
      actor.require('experiments.read', rawPath)
      const path = artifactPath(rawPath)
      const file = await store.fileAt(db, actor.workspace, path)
      if (file) return file
      const [entry] = await store.entriesOf(db, actor.workspace, path)
      if (entry) throw invalid(`Artifact path refers to a directory, not a file: '${path}'`)
      throw missing(`No such artifact: '${path}'`)
    },

    /** Opens what a file names now; who calls closes it. */
    async open(actor: Actor, file: ArtifactFile): Promise<FileHandle> {
      actor.require('experiments.read', file.path)
      return blobs.openFile(db, actor.workspace, file.digest)
    },

    mayWrite,

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

function frozen(path: string, reason: string): MlflowError {
  return conflict(`'${path}' belongs to ${reason}: the files of a registered version never change. Log a new model.`)
}

function filePath(path: string): string {
  if (path.endsWith('/')) throw invalid("Artifact path must include a filename (cannot end with '/').")
  return artifactPath(path)
}
