import { retrainingDecided } from '@tidemark/contracts'
import type { Pipelines } from './pipelines/index.ts'
import type { Events } from './platform/events.ts'

/** What the loop is wired from: the use cases of each module that answer an event of another. */
export interface LoopModules {
  readonly pipelines: Pick<Pipelines, 'startRetraining'>
}

/** The closed loop: read top to bottom, as the product does. Each reaction is a job of the event's own transaction, keyed event:name. */
export function wireReactions(events: Events, { pipelines }: LoopModules): void {
  events.on({
    name: 'pipelines.start',
    event: retrainingDecided,
    run: (event, actor) => pipelines.startRetraining(actor, event),
  })
}
