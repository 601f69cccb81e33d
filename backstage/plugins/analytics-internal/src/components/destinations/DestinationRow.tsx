import type { ReactNode } from 'react';
import type { Destination } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import { Figure } from '../shared/Figure';
import { useFormat } from '../shared/useFormat';
import { Actions } from './Actions';
import { Configured } from './Configured';
import styles from './DestinationRow.module.css';
import { figures, type FigureName } from './figures';
import { LastError } from './LastError';
import { StateChip } from './StateChip';
import { Term } from './Term';
import { UnderWay } from './UnderWay';

export interface DestinationRowProps {
  destination: Destination;
  /** Whether its dead letters are shown. */
  isOpened: boolean;
  onOpen: (isOpened: boolean) => void;
}

/** One destination: its figures, what is under way, what went wrong, and what can be done. */
export function DestinationRow({ destination, isOpened, onOpen }: DestinationRowProps) {
  const { t } = usePages();
  const { name, type, to, state, stopped_because: stopped, last_error: failure } = destination;
  return (
    <div role="rowgroup" className={styles.destination} data-testid={`destination-${name}`}>
      <div role="row" className={styles.row}>
        <div role="rowheader" className={styles.name}>
          <strong>{name}</strong>
          <span className={styles.to}>{to ? `${type} · ${to}` : type}</span>
        </div>
        <div role="cell" className={styles.state}>
          <StateChip state={state} />
        </div>
        <Figures destination={destination} />
      </div>
      <div role="row" className={styles.row}>
        <div role="cell" aria-colspan={figures.length + 2} className={styles.more}>
          <Configured destination={destination} />
          {stopped !== null && (
            <p className={styles.stopped}>{t('destinations.stopped', { detail: stopped })}</p>
          )}
          {failure && <LastError failure={failure} />}
          <UnderWay destination={destination} />
          <Actions destination={destination} isOpened={isOpened} onOpen={onOpen} />
        </div>
      </div>
    </div>
  );
}

function Figures({ destination }: { destination: Destination }) {
  const { t } = usePages();
  const format = useFormat();
  const { lag_events: waiting, lag_seconds: lag, delivered_at: last } = destination;
  const shown: Record<FigureName, ReactNode> = {
    stored: <Figure value={destination.stored} />,
    filtered: <Figure value={destination.filtered} />,
    delivered: <Figure value={destination.delivered} />,
    dead: <Figure value={destination.dead} />,
    waiting: (
      <>
        <Figure value={waiting} />
        {waiting > 0 && <span className={styles.lag}>{format.duration(lag)}</span>}
      </>
    ),
    last: last ? <time dateTime={last}>{format.dateAndTime(last)}</time> : t('destinations.never'),
  };
  return figures.map((name) => (
    <div
      key={name}
      role="cell"
      className={name === 'last' ? styles.figure : `${styles.figure} ${styles.number}`}
    >
      <span className={styles.label}>
        <Term label={t(`destinations.${name}`)} about={t(`destinations.${name}.about`)} />
      </span>
      <span className={styles.value}>{shown[name]}</span>
    </div>
  ));
}
