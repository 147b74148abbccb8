import { windowClosed } from '@tidemark/contracts'
import { inTransaction, type Platform, systemActor } from '../../platform/index.ts'
import type { EndpointKey, MonitoringPorts } from '../types.ts'
import { closeWindow, dueWindows, eventTimeOf, setEvent } from './store.ts'

/**
 * Closes the windows that event time has passed by the grace, oldest first, each in a transaction with its event. Where event time is
 * arrival time it goes on without traffic, so wall time closes them too.
 */
export async function closeDueWindows(platform: Platform, ports: MonitoringPorts, key: EndpointKey): Promise<void> {
  const facts = await ports.endpoint(platform.db, key.workspace, key.endpoint)
  if (!facts) return
  const counted = await eventTimeOf(platform.db, key)
  const now = facts.replay ? counted : platform.clock.now()
  if (!now || !counted) return
  const actor = systemActor('monitoring', key.workspace)
  for (const due of await dueWindows(platform.db, key, now, facts.policy.graceDays)) {
    await inTransaction(platform.db, async (tx) => {
      const window = await closeWindow(tx, key.workspace, due.id)
      if (!window) return
      const event = await platform.events.append(
        tx,
        actor,
        windowClosed,
        {
          endpoint: key.endpoint,
          window: window.id,
          from: window.starts.toISOString(),
          to: window.ends.toISOString(),
          predictions: window.predictions,
          entities: window.entities,
        },
        now,
      )
      await setEvent(tx, key.workspace, window.id, 'closed_event', event)
    })
  }
}
