import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { client } from '../app/client.ts'
import { Ago, DataTable, Empty, Loaded, Page } from '../ui/index.ts'

export function ModelsPage() {
  const models = useQuery({ queryKey: ['models', 'list'], queryFn: () => client.registry.listModels({ query: {} }) })
  return (
    <Page
      title="Models"
      sentence="Registered models. A version's bytes never change; who pointed an alias where, and when, is kept."
    >
      <Loaded query={models} what="The models">
        {(data) =>
          data.models.length === 0 ? (
            <Empty
              title="No model yet"
              command={'mlflow.sklearn.log_model(model, name="model", registered_model_name="films")'}
            >
              Register one from a run, with an unmodified mlflow client.
            </Empty>
          ) : (
            <DataTable
              caption="Models"
              rows={data.models}
              rowKey={(row) => row.name}
              columns={[
                {
                  id: 'name',
                  header: 'Name',
                  cell: (row) => (
                    <Link to="/models/$model" params={{ model: row.name }}>
                      {row.name}
                    </Link>
                  ),
                },
                { id: 'versions', header: 'Versions', align: 'right', cell: (row) => row.versions },
                {
                  id: 'aliases',
                  header: 'Aliases',
                  cell: (row) =>
                    Object.entries(row.aliases)
                      .map(([alias, version]) => `${alias} → ${version}`)
                      .join(', ') || '—',
                },
                { id: 'updated', header: 'Changed', cell: (row) => <Ago at={row.updatedAt} /> },
              ]}
            />
          )
        }
      </Loaded>
    </Page>
  )
}
