import { Button, Card } from '@backstage/ui';
import { useEffect, useId, useRef, useState } from 'react';
import type { Destination, WhichDeadLetters } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import { PanelError } from '../panel/PanelError';
import { DeadLetterActions } from './DeadLetterActions';
import { DeadLetterPages } from './DeadLetterPages';
import styles from './DeadLetters.module.css';
import { DeadLetterTable } from './DeadLetterTable';
import { useDeadLetters } from './useDeadLetters';

export interface DeadLettersProps {
  destination: Destination;
  onClose: () => void;
}

/** The events that a destination could not be given, to look at, send again or discard. */
export function DeadLetters({ destination, onClose }: DeadLettersProps) {
  const { t } = usePages();
  const titleId = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const [selected, setSelected] = useState<ReadonlySet<number>>(new Set());
  const asked = useDeadLetters(destination.name, cursor);
  const { page } = asked;
  // What was sent again or discarded meanwhile is selected no more.
  const positions = page?.dead_letters.map(({ position }) => position) ?? [];
  const chosen = positions.filter((position) => selected.has(position));
  const which: WhichDeadLetters = chosen.length > 0 ? chosen : 'all';

  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    heading.current?.scrollIntoView?.({ block: 'nearest' });
  }, []);

  function turn(to: number | null) {
    setCursor(to);
    setSelected(new Set());
  }

  return (
    <section aria-labelledby={titleId}>
      <Card className={styles.card}>
        <div className={styles.head}>
          <h3 id={titleId} ref={heading} tabIndex={-1} className={styles.title}>
            {t('dead.title', { name: destination.name })}
          </h3>
          <Button variant="tertiary" onPress={onClose}>
            {t('dead.close')}
          </Button>
        </div>
        <p className={styles.about}>{t('dead.about')}</p>
        <PanelError what={t('dead.title', { name: destination.name })} asked={asked} />
        {page && page.dead_letters.length === 0 && <p>{t('dead.none')}</p>}
        {page && page.dead_letters.length > 0 && (
          <>
            <DeadLetterActions
              destination={destination}
              which={which}
              total={page.total}
              onDone={() => turn(null)}
            />
            <DeadLetterTable
              labelledBy={titleId}
              letters={page.dead_letters}
              selected={new Set(chosen)}
              onSelect={setSelected}
            />
            <DeadLetterPages page={page} isFirst={cursor === null} onTurn={turn} />
          </>
        )}
      </Card>
    </section>
  );
}
