import { useQuery } from '@tanstack/react-query'
import { Link, useParams, useSearch } from '@tanstack/react-router'
import { type EndpointView, type Traffic, TrafficRange } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { actionClass, LoadedPage, Page, StateChip, shortNumber, trimmed } from '../ui/index.ts'
import { Ask } from './ask.tsx'
import { EndpointFigures } from './figures.tsx'
import { PredictionLog } from './log.tsx'
import { Rollouts } from './rollouts.tsx'
import { LatencySplit, TrafficCharts } from './traffic.tsx'
import { Versions } from './versions.tsx'
import { runsWhere, SPANS, stateOf } from './words.ts'

export function EndpointPage() {
  const { endpoint: name } = useParams({ from: '/endpoints/$endpoint' })
  const search = useSearch({ from: '/endpoints/$endpoint' })
  const range = TrafficRange.safeParse(search.range).data ?? '1h'
  const endpoint = useQuery({
    queryKey: ['endpoints', name],
    queryFn: () => client.deployments.getEndpoint({ params: { endpoint: name } }),
  })
  const traffic = useQuery({
    queryKey: ['traffic', name, range],
    queryFn: () => client.traffic.getTraffic({ params: { endpoint: name }, query: { range } }),
    refetchInterval: 10_000,
  })
  return (
    <LoadedPage query={endpoint} what={`Endpoint ${name}`} crumbs={<Link to="/endpoints">Endpoints</Link>}>
      {(data) => (
        <Page
          title={data.name}
          crumbs={<Link to="/endpoints">Endpoints</Link>}
          state={
            <StateChip tone={data.state === 'serving' ? 'good' : data.state === 'broken' ? 'harm' : 'accent'}>
              {data.state}
            </StateChip>
          }
          sentence={inWords(data, traffic.data, range)}
          action={
            <Link to="/monitoring/$endpoint" params={{ endpoint: data.name }} className={actionClass}>
              Monitoring
            </Link>
          }
        >
          <EndpointFigures endpoint={data} traffic={traffic.data} />
          <TrafficCharts query={traffic} range={range} />
          <LatencySplit query={traffic} />
          <Versions endpoint={data} traffic={traffic.data} />
          <Rollouts endpoint={data} />
          <Ask endpoint={data} />
          <PredictionLog endpoint={data.name} />
        </Page>
      )}
    </LoadedPage>
  )
}

function inWords(endpoint: EndpointView, traffic: Traffic | undefined, range: TrafficRange): string {
  if (endpoint.problem) return endpoint.problem
  if (endpoint.state === 'preparing') return `${endpoint.champion} is being prepared; it serves once that is done.`
  const where = endpoint.runtime ? ` ${runsWhere(endpoint.runtime)}` : ''
  const who = endpoint.rollout
    ? `${endpoint.champion} serves${where}; version ${endpoint.rollout.version} is on its way (${stateOf(endpoint.rollout.state).word}).`
    : `${endpoint.champion} serves all callers${where}.`
  if (!traffic) return who
  const total = traffic.stages.total
  const span = `in the last ${SPANS[range].replace(/^1 /, '')}`
  if (traffic.requests === 0 || !total) return `${who} Nobody asked it ${span}.`
  const failed =
    traffic.errors === 0
      ? 'none failed'
      : `${shortNumber(traffic.errors)} failed (${percent(traffic.errors, traffic.requests)})`
  return `${who} ${shortNumber(traffic.requests)} ${traffic.requests === 1 ? 'request' : 'requests'} ${span}, ${failed}; 95 % within ${trimmed(total.p95)} ms.`
}

function percent(part: number, whole: number): string {
  return `${trimmed((100 * part) / whole)} %`
}
