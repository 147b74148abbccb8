import { z } from 'zod'
import { Id } from '../values.ts'
import { defineEvent } from './define.ts'

export const importFinished = defineEvent(
  'imports.finished',
  z.object({
    import: Id,
    source: z.string(),
    counts: z.record(
      z.string(),
      z.object({ source: z.int(), imported: z.int(), skipped: z.int(), mismatched: z.int() }),
    ),
  }),
  (p) => `import:${p.import}`,
  (p) =>
    `Import from ${p.source} finished: ${
      Object.entries(p.counts)
        .map(([kind, { source, imported }]) => `${imported} of ${source} ${kind}`)
        .join(', ') || 'nothing'
    }`,
)
export const versionsImported = defineEvent(
  'imports.versions_imported',
  z.object({ import: Id, model: z.string(), versions: z.array(z.int()) }),
  (p) => `model:${p.model}`,
  (p) => `Versions ${p.versions.join(', ')} of ${p.model} imported, as if registered by hand`,
)

/** What came in from MLflow. */
export const IMPORTS_EVENTS = [importFinished, versionsImported] as const
