import { useQuery } from '@tanstack/react-query'
import { type EndpointView, parseModelVersionRef, type Traffic } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { VersionLink } from '../models/version-link.tsx'
import { Ago, Count, DataTable, Section, StateChip, sentence, shown, type Tone, trimmed } from '../ui/index.ts'
import { onTrial } from './shares.ts'
import { runsWhere } from './words.ts'

interface VersionLine {
  readonly ref: string
  readonly role: string
  readonly tone: Tone
  readonly share: string
  readonly traffic: Traffic['versions'][number] | undefined
}

/** The versions that answer, with their share, their latency side by side, and where each runs and why there. */
export function Versions(props: { readonly endpoint: EndpointView; readonly traffic: Traffic | undefined }) {
  const lines = linesOf(props.endpoint, props.traffic)
  return (
    <Section
      title="Versions that answer"
      note="Where a version runs is decided by comparing its conversion with Python, row by row."
    >
      <DataTable
        caption="Versions that answer"
        rows={lines}
        rowKey={({ ref }) => ref}
        columns={[
          { id: 'version', header: 'Version', width: 'fit', cell: ({ ref }) => <VersionLink of={ref} /> },
          {
            id: 'role',
            header: 'Role',
            width: 'fit',
            cell: ({ role, tone }) => <StateChip tone={tone}>{role}</StateChip>,
          },
          { id: 'share', header: 'Callers', width: 'fit', align: 'right', cell: ({ share }) => share },
          {
            id: 'requests',
            header: 'Requests',
            align: 'right',
            cell: ({ traffic }) => <Count value={traffic?.requests ?? 0} />,
          },
          {
            id: 'errors',
            header: 'Failed',
            align: 'right',
            cell: ({ traffic }) => <Count value={traffic?.errors ?? 0} />,
          },
          { id: 'p50', header: 'Half, ms', align: 'right', cell: ({ traffic }) => shown(traffic?.total?.p50) },
          { id: 'p95', header: '95 %, ms', align: 'right', cell: ({ traffic }) => shown(traffic?.total?.p95) },
          {
            id: 'last',
            header: 'Last answer',
            spare: true,
            cell: ({ traffic }) => (traffic ? <Ago at={traffic.lastAt} /> : '—'),
          },
          { id: 'runtime', header: 'Runs', width: 'wide', cell: ({ ref }) => <RunsWhere version={ref} /> },
        ]}
      />
    </Section>
  )
}

function linesOf(endpoint: EndpointView, traffic: Traffic | undefined): VersionLine[] {
  const own = (ref: string) => traffic?.versions.find(({ version }) => version === ref)
  const { champion, rollout } = endpoint
  const trials = rollout ? onTrial(rollout) : []
  const rest = trials.reduce((left, { weightPercent }) => left - weightPercent, 100)
  const lines: VersionLine[] = [
    { ref: champion, role: 'champion', tone: 'good', share: `${trimmed(rest)} %`, traffic: own(champion) },
  ]
  for (const { version, weightPercent } of trials) {
    const share = `${trimmed(weightPercent)} %`
    lines.push({ ref: version, role: 'candidate', tone: 'accent', share, traffic: own(version) })
  }
  const now = new Set(lines.map(({ ref }) => ref))
  for (const each of traffic?.versions ?? []) {
    if (!now.has(each.version))
      lines.push({ ref: each.version, role: 'before', tone: 'plain', share: '0 %', traffic: each })
  }
  return lines
}

function RunsWhere({ version: ref }: { readonly version: string }) {
  const { model, version } = parseModelVersionRef(ref)
  const runtime = useQuery({
    queryKey: ['runtime', ref],
    queryFn: () => client.runtimes.getVersionRuntime({ params: { model, version } }),
    staleTime: 60_000,
  })
  if (runtime.isPending) return '…'
  const found = runtime.data
  if (!found?.runtime) return 'not decided yet'
  const where = `${runsWhere(found.runtime)}.`
  const why = found.switched?.sentence ?? found.verdict?.sentence
  return why ? `${where} ${sentence(why)}` : where
}
