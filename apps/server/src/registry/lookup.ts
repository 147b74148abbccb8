import { checkModelName, missing } from '@tidemark/mlflow-protocol'
import type { Queryable } from '../platform/index.ts'
import * as store from './store.ts'
import type { ModelVersion, RegisteredModel } from './types.ts'
import * as versionStore from './versionStore.ts'

/** @throws MlflowError when no model has that name, or no model could have it. */
export async function modelNamed(on: Queryable, workspace: string, name: string): Promise<RegisteredModel> {
  checkModelName(name)
  const found = await store.modelByName(on, workspace, name)
  if (!found) throw missing(`Registered Model with name=${name} not found`)
  return found
}

/** @throws MlflowError when the model has no version of that number. */
export async function versionNumbered(
  on: Queryable,
  workspace: string,
  name: string,
  number: number,
): Promise<ModelVersion> {
  checkModelName(name)
  const found = await versionStore.versionByNumber(on, workspace, name, number)
  if (!found) throw missing(`Model Version (name=${name}, version=${number}) not found`)
  return found
}
