import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { client } from '../app/client.ts'
import { Ago, DataTable, Empty, LoadedPage, Page, Section, Tag } from '../ui/index.ts'

export function ModelPage() {
  const { model: name } = useParams({ from: '/models/$model' })
  const model = useQuery({
    queryKey: ['models', name],
    queryFn: () => client.registry.getModel({ params: { model: name } }),
  })
  return (
    <LoadedPage query={model} what={`Model ${name}`} crumbs={<Link to="/models">Models</Link>}>
      {(data) => (
        <Page
          title={data.name}
          crumbs={<Link to="/models">Models</Link>}
          sentence={
            data.description ||
            (data.aliases.champion
              ? `Version ${data.aliases.champion} is the champion.`
              : 'No version is the champion yet.')
          }
        >
          <Section title="Versions">
            <DataTable
              caption="Versions"
              rows={data.versions}
              rowKey={(row) => String(row.version)}
              columns={[
                {
                  id: 'version',
                  header: 'Version',
                  cell: (row) => (
                    <Link to="/models/$model/$version" params={{ model: name, version: String(row.version) }}>
                      {`${name}/${row.version}`}
                    </Link>
                  ),
                },
                {
                  id: 'aliases',
                  header: 'Aliases',
                  cell: (row) => row.aliases.map((alias) => <Tag key={alias}>{alias}</Tag>),
                },
                { id: 'description', header: 'Description', cell: (row) => row.description || '—' },
                { id: 'when', header: 'Registered', cell: (row) => <Ago at={row.createdAt} /> },
              ]}
            />
          </Section>
          <Section
            title="Who moved the aliases"
            note="Newest first: what was champion at any past instant can be answered."
          >
            {data.aliasHistory.length === 0 ? (
              <Empty title="No alias was set yet">
                An alias names the version to use, as in models:/{name}@champion.
              </Empty>
            ) : (
              <DataTable
                caption="Alias history"
                rows={data.aliasHistory}
                rowKey={(row) => `${row.alias}${row.at}`}
                columns={[
                  { id: 'alias', header: 'Alias', cell: (row) => row.alias },
                  {
                    id: 'version',
                    header: 'To',
                    cell: (row) => (row.version === null ? 'removed' : `version ${row.version}`),
                  },
                  {
                    id: 'before',
                    header: 'Before',
                    cell: (row) => (row.previousVersion === null ? '—' : `version ${row.previousVersion}`),
                  },
                  {
                    id: 'by',
                    header: 'By',
                    cell: (row) => (row.by.kind === 'system' ? `policy of ${row.by.id}` : row.by.id),
                  },
                  { id: 'at', header: 'When', cell: (row) => <Ago at={row.at} /> },
                ]}
              />
            )}
          </Section>
        </Page>
      )}
    </LoadedPage>
  )
}
