import {
  EntityAboutCard,
  EntityDependsOnComponentsCard,
  EntityDependsOnResourcesCard,
  EntityHasComponentsCard,
  EntityLayout,
  EntityOrphanWarning,
  EntitySwitch,
  isKind,
  isOrphan,
} from '@backstage/plugin-catalog';
import { EntityCatalogGraphCard } from '@backstage/plugin-catalog-graph';
import {
  EntityGroupProfileCard,
  EntityMembersListCard,
  EntityOwnershipCard,
  EntityUserProfileCard,
} from '@backstage/plugin-org';
import { EntityTechdocsContent, isTechDocsAvailable } from '@backstage/plugin-techdocs';
import { EntityAnalyticsInternalCard } from 'backstage-plugin-analytics-internal';
import { Grid } from '@material-ui/core';
import { type PropsWithChildren } from 'react';

const Overview = ({ children }: PropsWithChildren) => (
  <Grid container spacing={3} alignItems="stretch">
    <EntitySwitch>
      <EntitySwitch.Case if={isOrphan}>
        <Grid item xs={12}>
          <EntityOrphanWarning />
        </Grid>
      </EntitySwitch.Case>
    </EntitySwitch>
    {children}
  </Grid>
);

const Half = ({ children }: PropsWithChildren) => (
  <Grid item xs={12} md={6}>
    {children}
  </Grid>
);

const thingPage = (
  <EntityLayout>
    <EntityLayout.Route path="/" title="Overview">
      <Overview>
        <Half>
          <EntityAboutCard />
        </Half>
        <Half>
          <EntityAnalyticsInternalCard />
        </Half>
        <Half>
          <EntityCatalogGraphCard height={360} />
        </Half>
        <EntitySwitch>
          <EntitySwitch.Case if={isKind('system')}>
            <Half>
              <EntityHasComponentsCard />
            </Half>
          </EntitySwitch.Case>
        </EntitySwitch>
      </Overview>
    </EntityLayout.Route>
    <EntityLayout.Route path="/dependencies" title="Dependencies" if={isKind('component')}>
      <Grid container spacing={3}>
        <Half>
          <EntityDependsOnComponentsCard />
        </Half>
        <Half>
          <EntityDependsOnResourcesCard />
        </Half>
      </Grid>
    </EntityLayout.Route>
    <EntityLayout.Route path="/docs" title="Docs" if={isTechDocsAvailable}>
      <EntityTechdocsContent />
    </EntityLayout.Route>
  </EntityLayout>
);

const groupPage = (
  <EntityLayout>
    <EntityLayout.Route path="/" title="Overview">
      <Overview>
        <Half>
          <EntityGroupProfileCard />
        </Half>
        <Half>
          <EntityMembersListCard />
        </Half>
        <Half>
          <EntityOwnershipCard />
        </Half>
        <Half>
          <EntityAnalyticsInternalCard />
        </Half>
      </Overview>
    </EntityLayout.Route>
  </EntityLayout>
);

const userPage = (
  <EntityLayout>
    <EntityLayout.Route path="/" title="Overview">
      <Overview>
        <Half>
          <EntityUserProfileCard />
        </Half>
        <Half>
          <EntityOwnershipCard />
        </Half>
        <Half>
          <EntityAnalyticsInternalCard />
        </Half>
      </Overview>
    </EntityLayout.Route>
  </EntityLayout>
);

/** An entity's page, by its kind. */
export const entityPage = (
  <EntitySwitch>
    <EntitySwitch.Case if={isKind('group')}>{groupPage}</EntitySwitch.Case>
    <EntitySwitch.Case if={isKind('user')}>{userPage}</EntitySwitch.Case>
    <EntitySwitch.Case>{thingPage}</EntitySwitch.Case>
  </EntitySwitch>
);
