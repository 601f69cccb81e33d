import { Button } from '@backstage/ui';
import { RiRefreshLine } from '@remixicon/react';
import { useIsFetching } from '@tanstack/react-query';
import { usePages } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';
import { useView } from '../context/useView';
import { useFormat } from '../shared/useFormat';
import styles from './Freshness.module.css';

/** The foot of a page: its time zone, how current it is, and a button to refresh it. */
export function Freshness({ completeUntil }: { completeUntil: string | undefined }) {
  const { t } = usePages();
  const format = useFormat();
  const { configuration, again } = useConfiguration();
  const { parameters, set } = useView();
  const isFetching = useIsFetching() > 0;
  if (!configuration) return null;

  function renew() {
    // A later page of a table has the position of the first page. A refresh leads back to that one.
    if (parameters.has('cursor')) set('cursor', null, { isStep: false });
    again();
  }

  return (
    <footer className={styles.foot}>
      <span>
        {t('footer.zone', { zone: configuration.time_zone })}
        {completeUntil && `, ${t('footer.until', { moment: format.dateAndTime(completeUntil) })}`}
      </span>
      <Button
        className={styles.button}
        variant="tertiary"
        iconStart={<RiRefreshLine />}
        isPending={isFetching}
        onPress={renew}
      >
        {t('footer.refresh')}
      </Button>
    </footer>
  );
}
