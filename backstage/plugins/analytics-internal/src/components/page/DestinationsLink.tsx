import { ButtonLink } from '@backstage/ui';
import { RiShareForwardLine } from '@remixicon/react';
import { usePages } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';

/** Leads those who may administer the service to its destinations. */
export function DestinationsLink() {
  const { t, paths } = usePages();
  const { configuration } = useConfiguration();
  if (!configuration?.may.admin) return null;
  return (
    <ButtonLink variant="secondary" href={paths.destinations} iconStart={<RiShareForwardLine />}>
      {t('page.destinations')}
    </ButtonLink>
  );
}
