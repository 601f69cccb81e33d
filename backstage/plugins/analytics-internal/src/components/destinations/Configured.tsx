import type { Destination } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';
import styles from './Configured.module.css';
import { useCounted } from './useCounted';

/** How a destination is configured, and the figures that are mostly zero. */
export function Configured({ destination }: { destination: Destination }) {
  const { t } = usePages();
  const format = useFormat();
  const counted = useCounted();
  const { people, filters, start_position: start, missing, redelivered } = destination;
  const parts = [
    people && t(`destinations.people.${people}`),
    filters && t('destinations.filters', { filters: JSON.stringify(filters) }),
    t('destinations.began', { position: format.count(start) }),
    missing > 0 && t('destinations.missing', { events: counted.events(missing) }),
    redelivered > 0 && t('destinations.redelivered', { events: counted.events(redelivered) }),
    destination.failed_attempts > 0 && counted.attempts(destination.failed_attempts),
  ];
  return <p className={styles.configured}>{parts.filter(Boolean).join(' · ')}</p>;
}
