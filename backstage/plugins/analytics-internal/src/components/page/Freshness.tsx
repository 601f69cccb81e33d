import { Button } from '@backstage/ui';
import { RiRefreshLine } from '@remixicon/react';
import { useIsFetching } from '@tanstack/react-query';
import { usePages } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';
import { useView } from '../context/useView';
import { useFormat } from '../shared/useFormat';
import styles from './Freshness.module.css';

/** The foot of a page: the time zone of everything on it, how current it is, and a way to renew it. */
export function Freshness({ completeUntil }: { completeUntil: string | undefined }) {
  const { t } = usePages();
  const format = useFormat();
  const { configuration, again } = useConfiguration();
  const { parameters, set } = useView();
  const isFetching = useIsFetching() > 0;
  if (!configuration) return null;

  function renew() {
    // A later page of a table is as of the moment its first page was.
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
