import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { Run } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import {
  Ago,
  bytes,
  Chart,
  CopyId,
  DataTable,
  duration,
  Empty,
  Figures,
  Loaded,
  LoadedPage,
  Page,
  Pairs,
  Section,
  StateChip,
  trimmed,
} from '../ui/index.ts'
import { runTone } from './words.ts'

const CURVES_SHOWN = 6

export function RunPage() {
  const { run: id } = useParams({ from: '/runs/$run' })
  const run = useQuery({ queryKey: ['run', id], queryFn: () => client.experiments.getRun({ params: { run: id } }) })
  return (
    <LoadedPage query={run} what="The run" crumbs={<Link to="/experiments">Experiments</Link>}>
      {(data) => (
        <Page
          title={data.name}
          crumbs={
            <>
              <Link to="/experiments">Experiments</Link> ·{' '}
              <Link to="/experiments/$experiment" params={{ experiment: data.experiment.id }}>
                {data.experiment.name}
              </Link>
            </>
          }
          state={<StateChip tone={runTone(data.status)}>{data.status.toLowerCase()}</StateChip>}
          sentence={
            <>
              Started <Ago at={data.startedAt} />
              {data.endedAt && `, took ${duration((Date.parse(data.endedAt) - Date.parse(data.startedAt)) / 1000)}`} ·
              run <CopyId id={data.id} />
            </>
          }
        >
          {data.metrics.length > 0 && (
            <Figures
              items={data.metrics
                .slice(0, 8)
                .map(({ key, value }) => ({ label: key, value: value === null ? 'NaN' : trimmed(value) }))}
            />
          )}
          <Lineage run={data} />
          <Curves run={data} />
          <Section title="Parameters">
            {data.parameters.length === 0 ? (
              <Empty title="None logged">mlflow.log_param writes them.</Empty>
            ) : (
              <DataTable
                caption="Parameters"
                rows={data.parameters}
                rowKey={(row) => row.key}
                columns={[
                  { id: 'key', header: 'Name', cell: (row) => row.key },
                  { id: 'value', header: 'Value', cell: (row) => row.value },
                ]}
              />
            )}
          </Section>
          <Files run={data.id} />
        </Page>
      )}
    </LoadedPage>
  )
}

function Lineage({ run }: { readonly run: Run }) {
  const { origin } = run
  return (
    <Section title="Where it came from">
      <Pairs
        items={[
          ['Data', origin.dataset ?? (run.inputs.map(({ dataset }) => dataset).join(', ') || 'not recorded')],
          ['Commit', origin.gitCommit ? <CopyId key="c" id={origin.gitCommit} length={12} /> : 'not recorded'],
          ['Uncommitted patch', origin.gitPatch ? <CopyId key="p" id={origin.gitPatch} length={12} /> : 'none'],
          ['Environment lock', origin.lock ? <CopyId key="l" id={origin.lock} length={12} /> : 'not recorded'],
          ['Seed', origin.seed ?? 'not recorded'],
          [
            'Pipeline run',
            origin.pipelineRun ? (
              <Link key="r" to="/pipeline-runs/$run" params={{ run: origin.pipelineRun }}>
                {origin.pipelineRun}
              </Link>
            ) : (
              'none: logged by hand'
            ),
          ],
          [
            'Versions made',
            run.versions.length === 0
              ? 'none'
              : run.versions.map(({ model, version }) => (
                  <Link
                    key={version}
                    to="/models/$model/$version"
                    params={{ model, version: String(version) }}
                    style={{ marginRight: 8 }}
                  >
                    {`${model}/${version}`}
                  </Link>
                )),
          ],
        ]}
      />
    </Section>
  )
}

function Curves({ run }: { readonly run: Run }) {
  const keys = run.metrics.slice(0, CURVES_SHOWN).map(({ key }) => key)
  const histories = useQuery({
    queryKey: ['history', run.id, keys],
    queryFn: () =>
      Promise.all(keys.map((key) => client.experiments.metricHistory({ params: { run: run.id }, query: { key } }))),
    enabled: keys.length > 0,
  })
  const curves = histories.data?.filter(({ total }) => total > 1) ?? []
  if (curves.length === 0) return null
  return (
    <Section title="Curves">
      <div style={{ display: 'grid', gap: 16, gridTemplateColumns: 'repeat(auto-fit, minmax(380px, 1fr))' }}>
        {curves.map(({ key, points }) => (
          <Chart
            key={key}
            caption={key}
            x={points.map(({ step }) => step)}
            xLabel="Step"
            yLabel={key}
            series={[{ label: key, color: 'candidate', values: points.map(({ value }) => value) }]}
          />
        ))}
      </div>
    </Section>
  )
}

function Files({ run }: { readonly run: string }) {
  const files = useQuery({
    queryKey: ['run', run, 'files'],
    queryFn: () => client.experiments.listRunFiles({ params: { run } }),
  })
  return (
    <Section title="Artifacts">
      <Loaded query={files} what="The artifacts" lines={2}>
        {(data) =>
          data.files.length === 0 ? (
            <Empty title="No artifact">mlflow.log_artifact writes them.</Empty>
          ) : (
            <DataTable
              caption="Artifacts"
              rows={data.files}
              rowKey={(row) => row.path}
              columns={[
                {
                  id: 'path',
                  header: 'File',
                  cell: (row) => (
                    <a href={`/get-artifact?run_uuid=${run}&path=${encodeURIComponent(row.path)}`}>{row.path}</a>
                  ),
                },
                { id: 'bytes', header: 'Size', align: 'right', cell: (row) => bytes(row.bytes) },
                { id: 'digest', header: 'Digest', cell: (row) => <CopyId id={row.digest} /> },
              ]}
            />
          )
        }
      </Loaded>
    </Section>
  )
}
