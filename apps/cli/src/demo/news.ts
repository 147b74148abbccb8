import type { EventRecord } from '@tidemark/contracts'
import type { DemoContext } from './context.ts'

/** What the demo prints as it happens; the rest is in the audit trail. */
const TOLD = new Set([
  'monitoring.drift_detected',
  'monitoring.input_fault_detected',
  'monitoring.performance_lost',
  'automation.retraining_decided',
  'automation.retraining_declined',
  'data.rows_quarantined',
  'pipelines.run_succeeded',
  'pipelines.run_failed',
  'pipelines.retraining_not_started',
  'registry.candidate_registered',
  'evaluation.gates_passed',
  'evaluation.gates_failed',
  'governance.version_approved',
  'governance.waiver_recorded',
  'deployments.rollout_started',
  'deployments.rollout_shifted',
  'deployments.rollout_promoted',
  'deployments.rollout_rolled_back',
])

/** Prints what the platform decided since the last call, in its own words. */
export class News {
  private position = 0
  private readonly context: DemoContext
  readonly events: EventRecord[] = []

  constructor(context: DemoContext) {
    this.context = context
  }

  async tell(prefix = ''): Promise<EventRecord[]> {
    const fresh = await this.fresh()
    for (const event of fresh) if (TOLD.has(event.type)) this.context.story.decision(prefix + event.sentence)
    return fresh
  }

  /** Takes note without printing. */
  async fresh(): Promise<EventRecord[]> {
    const found: EventRecord[] = []
    for (;;) {
      const { events } = await this.context.platform.client.platform.listEvents({
        query: { after: this.position, limit: 1000 },
      })
      found.push(...events)
      this.position = events.at(-1)?.position ?? this.position
      if (events.length < 1000) break
    }
    this.events.push(...found)
    return found
  }
}
