import { until } from '../demo/settle.ts'
import type { Site } from './platform.ts'

/** Lets a version in as a person does who knows better than gates without a holdout. @returns the rollout that this starts, in force */
export async function letIn(
  { connection: { client } }: Site,
  { endpoint, model, version }: { endpoint: string; model: string; version: number },
): Promise<string> {
  const asked = { model, version, endpoint }
  await client.evaluation.startEvaluation({ body: asked })
  const evaluation = await until(`the gates of version ${version}`, async () => {
    const { evaluations } = await client.evaluation.listEvaluations({ query: { model, version, limit: 1 } })
    const found = evaluations[0]
    return found && found.finishedAt !== null ? found : undefined
  })
  const inTheWay = evaluation.gates.filter(
    ({ name, verdict }) =>
      verdict === 'failed' || (verdict === 'not_judged' && (name === 'beats_champion' || name === 'integrity')),
  )
  await client.governance.recordWaiver({
    body: { ...asked, gates: inTheWay.map(({ name }) => name), reason: 'a journey judges it by its rollout' },
  })
  return until(`the rollout of version ${version}`, async () => {
    const { rollouts } = await client.deployments.listRollouts({ query: { endpoint } })
    return rollouts.find((each) => each.version === version && each.confirmed)?.id
  })
}
