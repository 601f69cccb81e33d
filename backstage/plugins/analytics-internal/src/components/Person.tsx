import { Link } from '@backstage/ui';
import { RiExternalLinkLine } from '@remixicon/react';
import { catalogPath } from '../format/entityRefs';
import { viewParameters } from '../view/address';
import { withFilter } from '../view/view';
import { MiddleCut } from './MiddleCut';
import { usePages } from './PagesContext';
import styles from './Subject.module.css';
import { useValueName } from './useFilterName';
import { usePortalLink } from './usePortalLink';
import { useView } from './useView';

/** A person; a link to the catalog, or where that is not known to what they alone did. */
export function Person({ person }: { person: string | null }) {
  const { t, paths } = usePages();
  const { view } = useView();
  const portalLink = usePortalLink();
  const name = useValueName()('person', person);
  const catalog = person === null ? null : portalLink(catalogPath(person));
  if (catalog !== null && person !== null) {
    return (
      <Link
        className={styles.link}
        href={catalog}
        target="_blank"
        rel="noreferrer"
        title={person}
        aria-label={t('history.catalog', { person: name })}
      >
        <MiddleCut text={name} />
        <RiExternalLinkLine size={14} aria-hidden className={styles.icon} />
      </Link>
    );
  }
  const filters = withFilter(view.filters, { dimension: 'person', operator: 'is', values: [person] });
  return (
    <Link
      href={`${paths.metrics}?${viewParameters({ ...view, filters }).toString()}`}
      title={person ?? undefined}
    >
      <MiddleCut text={name} />
    </Link>
  );
}
