import { z } from 'zod'
import { ActorRef, Id, Name } from '../values.ts'
import { defineEvent, Version } from './define.ts'

export const approvalRequested = defineEvent(
  'governance.approval_requested',
  Version.extend({ approval: Id, endpoint: Name, policy: z.enum(['automatic', 'person']) }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `Approval of ${p.model}/${p.version} for ${p.endpoint} requested (${p.policy})`,
)
export const versionApproved = defineEvent(
  'governance.version_approved',
  Version.extend({ approval: Id, endpoint: Name, by: ActorRef, reason: z.string(), waiver: Id.nullable() }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `${p.model}/${p.version} approved for ${p.endpoint} by ${p.by.id}: ${p.reason}`,
)
export const approvalRefused = defineEvent(
  'governance.approval_refused',
  Version.extend({ approval: Id, endpoint: Name, by: ActorRef, reason: z.string() }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `${p.model}/${p.version} refused for ${p.endpoint} by ${p.by.id}: ${p.reason}`,
)
export const waiverRecorded = defineEvent(
  'governance.waiver_recorded',
  Version.extend({ waiver: Id, endpoint: Name, gates: z.array(z.string()), reason: z.string() }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `Gates ${p.gates.join(', ')} waived for ${p.model}/${p.version} on ${p.endpoint}: ${p.reason}`,
)

/** Approvals and waivers. */
export const GOVERNANCE_EVENTS = [approvalRequested, versionApproved, approvalRefused, waiverRecorded] as const
