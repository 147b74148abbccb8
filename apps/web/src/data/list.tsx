import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { client } from '../app/client.ts'
import { Ago, CopyId, Count, DataTable, Empty, Loaded, Page } from '../ui/index.ts'

export function DatasetsPage() {
  const datasets = useQuery({ queryKey: ['data', 'list'], queryFn: () => client.data.listDatasets() })
  return (
    <Page
      title="Data"
      sentence="Datasets as immutable versions: each names its rows by their content, and says what the quality gate kept out."
    >
      <Loaded query={datasets} what="The datasets">
        {(data) =>
          data.datasets.length === 0 ? (
            <Empty title="No dataset yet" command="./tidemark datasets define examples/films/dataset.yaml">
              A dataset is declared once with its key, its event time and its quality rules; then batches of rows make
              versions.
            </Empty>
          ) : (
            <DataTable
              caption="Datasets"
              rows={data.datasets}
              rowKey={(row) => row.name}
              columns={[
                {
                  id: 'name',
                  header: 'Name',
                  cell: (row) => (
                    <Link to="/data/$dataset" params={{ dataset: row.name }}>
                      {row.name}
                    </Link>
                  ),
                },
                { id: 'versions', header: 'Versions', align: 'right', cell: (row) => row.versions },
                {
                  id: 'rows',
                  header: 'Rows',
                  align: 'right',
                  cell: (row) => (row.latest ? <Count value={row.latest.rows} /> : '—'),
                },
                { id: 'quarantined', header: 'Quarantined', align: 'right', cell: (row) => row.quarantinedRows },
                {
                  id: 'digest',
                  header: 'Latest digest',
                  cell: (row) => (row.latest ? <CopyId id={row.latest.digest} /> : '—'),
                },
                { id: 'when', header: 'Changed', cell: (row) => <Ago at={row.latest?.createdAt ?? row.createdAt} /> },
              ]}
            />
          )
        }
      </Loaded>
    </Page>
  )
}
