import { IconArrowBackUp, IconCheck, IconPlayerPause, IconPlayerPlay, IconRefresh } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import type { Rollout } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { useMay } from '../app/session.ts'
import { WhyLink } from '../governance/why-link.tsx'
import { ReasonButton } from '../ui/index.ts'
import styles from './rollout.module.css'
import { isOpen } from './words.ts'

type Verb = 'pauseRollout' | 'resumeRollout' | 'promoteRollout' | 'abortRollout'

/** What a person may do with a rollout. Each asks for a reason; what callers feel at once asks for the version's name too. */
export function RolloutActions({ rollout }: { readonly rollout: Rollout }) {
  const queries = useQueryClient()
  const navigate = useNavigate()
  const may = useMay('deployments.write')
  const act = (verb: Verb) => async (reason: string) => {
    await client.deployments[verb]({ params: { id: rollout.id }, body: { reason } })
    await queries.invalidateQueries({ queryKey: ['rollout', rollout.id] })
  }
  const retry = async (reason: string) => {
    const begun = await client.deployments.retryRollout({ params: { id: rollout.id }, body: { reason } })
    await navigate({ to: '/rollouts/$rollout', params: { rollout: begun.id } })
  }
  const ref = `${rollout.model}/${rollout.version}`
  const before = `${rollout.model}/${rollout.championVersion}`
  return (
    <div className={styles.actions}>
      <WhyLink id={rollout.id} />
      {may && isOpen(rollout) && (
        <>
          {rollout.state.kind !== 'queued' &&
            (rollout.paused ? (
              <ReasonButton
                label="Resume"
                verb={`Resume the rollout of ${ref}`}
                meaning="It goes on from the step at which it was paused, with the evidence it has."
                tone="plain"
                icon={<IconPlayerPlay size={16} aria-hidden />}
                act={act('resumeRollout')}
              />
            ) : (
              <ReasonButton
                label="Pause"
                verb={`Pause the rollout of ${ref}`}
                meaning={`Callers stay shared out as they are. Proven harm still rolls it back to ${before}.`}
                tone="plain"
                icon={<IconPlayerPause size={16} aria-hidden />}
                act={act('pauseRollout')}
              />
            ))}
          <ReasonButton
            label={`Roll back to ${rollout.championVersion}`}
            verb={`Roll back to version ${rollout.championVersion}`}
            meaning={`All callers get ${before} again, within a second at every gateway that is connected. ${ref} stays in the registry.`}
            tone="danger"
            typed={before}
            icon={<IconArrowBackUp size={16} aria-hidden />}
            act={act('abortRollout')}
          />
          <ReasonButton
            label={`Promote ${rollout.version}`}
            verb={`Promote version ${rollout.version}`}
            meaning={
              rollout.guardrails.length > 0 && rollout.guardrails.every(({ proven }) => proven)
                ? `All callers get ${ref}. It is proven to be no worse than its margins.`
                : `All callers get ${ref}, and the record says "promoted without proof": harm within the margins is not excluded yet.`
            }
            tone="main"
            typed={ref}
            icon={<IconCheck size={16} aria-hidden />}
            act={act('promoteRollout')}
          />
        </>
      )}
      {may && rollout.state.kind === 'rolled_back' && (
        <ReasonButton
          label="Try again"
          verb={`Begin the rollout of ${ref} again`}
          meaning="A new rollout begins in the shadow, with new evidence and its own share of the false-alarm budget."
          tone="plain"
          icon={<IconRefresh size={16} aria-hidden />}
          act={retry}
        />
      )}
    </div>
  )
}
