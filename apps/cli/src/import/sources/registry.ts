import type { SourceModel, SourceVersion, Stage } from '../source.ts'
import { grouped, milliseconds, pairsOf, text } from './rows.ts'
import type { Tables, Value } from './tables.ts'

const PAGE = 200
/** The stage of a version that was deleted: its row stays, so that its number is never given again. */
const DELETED = 'Deleted_Internal'

/** Registered models and prompts of a database, with all their versions. */
export async function* registeredModels(tables: Tables, workspace: string): AsyncGenerator<SourceModel> {
  const scoped = async (table: string) => ((await tables.columns(table)).has('workspace') ? 'workspace = ? and' : '')
  const values = async (table: string) => ((await scoped(table)) ? [workspace] : [])
  const rowsOf = async (table: string, columns: string, names: readonly string[]) =>
    grouped(
      await tables.rows(
        `select name, ${columns} from ${table} where ${await scoped(table)} name in (?)`,
        ...(await values(table)),
        names,
      ),
    )
  const storage = (await tables.columns('model_versions')).has('storage_location') ? 'storage_location' : 'null'
  for (let after = ''; ; ) {
    const models = await tables.rows(
      `select name, description, creation_time, last_updated_time from registered_models
       where ${await scoped('registered_models')} name > ? order by name limit ${PAGE}`,
      ...(await values('registered_models')),
      after,
    )
    if (models.length === 0) return
    after = text(models.at(-1)?.[0])
    const names = models.map(([name]) => text(name))
    const tags = await rowsOf('registered_model_tags', 'key, value', names)
    const aliases = await rowsOf('registered_model_aliases', 'alias, version', names)
    const versionTags = await rowsOf('model_version_tags', 'version, key, value', names)
    const versions = await rowsOf(
      'model_versions',
      `version, description, source, ${storage}, run_id, run_link, current_stage, status, user_id, creation_time, last_updated_time`,
      names,
    )
    for (const [name, description, created, updated] of models) {
      const all = versions.get(text(name)) ?? []
      const tagsOfVersion = grouped(versionTags.get(text(name)) ?? [])
      yield {
        name: text(name),
        description: text(description),
        createdMs: milliseconds(created),
        updatedMs: milliseconds(updated ?? created),
        lastVersion: Math.max(0, ...all.map(([version]) => Number(version))),
        tags: pairsOf(tags.get(text(name))),
        aliases: (aliases.get(text(name)) ?? []).map(([alias, version]) => ({
          alias: text(alias),
          version: Number(version),
        })),
        versions: all.filter((row) => row[6] !== DELETED).map((row) => versionOf(row, tagsOfVersion)),
      }
    }
  }
}

function versionOf(row: readonly Value[], tags: ReadonlyMap<string, Value[][]>): SourceVersion {
  const [version, description, source, storage, run, runLink, stage, status, user, created, updated] = row
  return {
    version: Number(version),
    description: text(description),
    source: text(source),
    storageUri: text(storage) || text(source),
    run: text(run),
    runLink: text(runLink),
    stage: (text(stage) || 'None') as Stage,
    status: text(status) || 'READY',
    user: text(user),
    createdMs: milliseconds(created),
    updatedMs: milliseconds(updated ?? created),
    tags: pairsOf(tags.get(text(version))),
  }
}
