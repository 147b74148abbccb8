import { useQuery } from '@tanstack/react-query'
import type { EndpointView } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { Chart, Count, Figures, trimmed } from '../ui/index.ts'

/** What the endpoint answered: the sum, and window by window. */
export function Traffic({ endpoint }: { readonly endpoint: EndpointView }) {
  const windows = useQuery({
    queryKey: ['windows', endpoint.name],
    queryFn: () => client.monitoring.listWindows({ params: { endpoint: endpoint.name }, query: { limit: 1000 } }),
  })
  const oldestFirst = [...(windows.data?.windows ?? [])].reverse()
  const total = oldestFirst.reduce((sum, window) => sum + window.predictions, 0)
  const errors = oldestFirst.reduce((sum, window) => sum + window.errors, 0)
  const { gates, rollout, monitoring } = endpoint.policy
  return (
    <>
      <Figures
        items={[
          {
            label: 'Predictions',
            value: windows.data ? <Count value={total} /> : '…',
            note: `in ${windows.data ? oldestFirst.length : '…'} windows of a ${monitoring.window}`,
          },
          {
            label: 'Failed answers',
            value: windows.data ? <Count value={errors} /> : '…',
            note: "the version's own, not callers' mistakes",
          },
          {
            label: 'Champion',
            value: endpoint.champion,
            note:
              endpoint.runtime === 'onnx'
                ? 'ONNX, parity checked'
                : endpoint.runtime === 'python'
                  ? 'Python worker'
                  : 'not running yet',
          },
          {
            label: 'Approval',
            value: endpoint.policy.approval,
            note: `gates at ${trimmed(gates.alpha * 100)} %, rollout at ${trimmed(rollout.alpha * 100)} %`,
          },
        ]}
      />
      {oldestFirst.length > 1 && (
        <Chart
          caption={`Answers in each ${monitoring.window} of event time`}
          time
          fromZero
          height={160}
          x={oldestFirst.map(({ from }) => Date.parse(from))}
          xLabel="Event time"
          yLabel="Answers"
          series={[
            {
              label: 'Answers',
              color: 'champion',
              points: true,
              values: oldestFirst.map((window) => window.predictions),
            },
            ...(errors > 0
              ? [{ label: 'Failed', color: 'series-2' as const, values: oldestFirst.map((window) => window.errors) }]
              : []),
          ]}
        />
      )}
    </>
  )
}
