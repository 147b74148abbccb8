import { z } from 'zod'
import { defineEvent } from './define.ts'

export const blobsSwept = defineEvent(
  'platform.blobs_swept',
  z.object({
    stored: z.int(),
    swept: z.int(),
    sweptBytes: z.int(),
    revoked: z.int(),
    young: z.int(),
    busy: z.int(),
    graceSeconds: z.number(),
  }),
  () => 'platform:blobs',
  (p) => `${p.swept} blobs that nothing named deleted, ${p.sweptBytes} bytes`,
)

/** Upkeep of the platform itself. */
export const PLATFORM_EVENTS = [blobsSwept] as const
