import { CatalogIcon, Content, DocsIcon, Header, Page } from '@backstage/core-components';
import { CatalogSearchResultListItem } from '@backstage/plugin-catalog';
import { SearchType } from '@backstage/plugin-search';
import { SearchBar, SearchPagination, SearchResult } from '@backstage/plugin-search-react';
import { TechDocsSearchResultListItem } from '@backstage/plugin-techdocs';
import { Grid } from '@material-ui/core';

/** The search page: a bar, the kinds of results, the results. */
export const SearchResults = () => (
  <Page themeId="home">
    <Header title="Search" />
    <Content>
      <Grid container>
        <Grid item xs={12}>
          <SearchBar />
        </Grid>
        <Grid item xs={12} md={3}>
          <SearchType.Accordion
            name="Result Type"
            types={[
              { value: 'software-catalog', name: 'Software Catalog', icon: <CatalogIcon /> },
              { value: 'techdocs', name: 'Documentation', icon: <DocsIcon /> },
            ]}
          />
        </Grid>
        <Grid item xs={12} md={9}>
          <SearchPagination />
          <SearchResult>
            <CatalogSearchResultListItem icon={<CatalogIcon />} />
            <TechDocsSearchResultListItem icon={<DocsIcon />} />
          </SearchResult>
        </Grid>
      </Grid>
    </Content>
  </Page>
);
