import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type EndpointView, parseModelVersionRef, type RolloutListItem, type Traffic } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { Ago, Count, DataTable, Section, StateChip, sentence, shown, type Tone } from '../ui/index.ts'

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
  const share = rollout ? shareOf(rollout) : 0
  const candidate = rollout ? `${rollout.model}/${rollout.version}` : null
  const lines: VersionLine[] = [
    { ref: champion, role: 'champion', tone: 'good', share: `${100 - share} %`, traffic: own(champion) },
  ]
  if (candidate)
    lines.push({ ref: candidate, role: 'candidate', tone: 'accent', share: `${share} %`, traffic: own(candidate) })
  for (const each of traffic?.versions ?? []) {
    if (each.version !== champion && each.version !== candidate)
      lines.push({ ref: each.version, role: 'before', tone: 'plain', share: '0 %', traffic: each })
  }
  return lines
}

function shareOf({ state }: RolloutListItem): number {
  if (state.kind === 'canary') return state.weightPercent
  return state.kind === 'ab' ? state.weights.reduce((sum, { weightPercent }) => sum + weightPercent, 0) : 0
}

function VersionLink({ of }: { readonly of: string }) {
  const { model, version } = parseModelVersionRef(of)
  return (
    <Link to="/models/$model/$version" params={{ model, version: String(version) }}>
      {of}
    </Link>
  )
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
  const where = found.runtime === 'onnx' ? 'as ONNX in the gateway.' : 'in Python.'
  const why = found.switched?.sentence ?? found.verdict?.sentence
  return why ? `${where} ${sentence(why)}` : where
}
