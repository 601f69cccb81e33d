import { Button } from '@backstage/ui';
import { useState } from 'react';
import type { Destination, WhichDeadLetters } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';
import { ActionError } from './ActionError';
import styles from './DeadLetterActions.module.css';
import { DiscardDialog } from './DiscardDialog';
import { useDestinationAction } from './useDestinations';

export interface DeadLetterActionsProps {
  destination: Destination;
  /** The selected ones; without a selection all. */
  which: WhichDeadLetters;
  /** How many there are in all. */
  total: number;
  /** Called after they were sent again or discarded. */
  onDone: () => void;
}

/** Sends the selected dead letters again, or discards them; without a selection all. */
export function DeadLetterActions({ destination, which, total, onDone }: DeadLetterActionsProps) {
  const { t, client } = usePages();
  const format = useFormat();
  const [isDiscarding, setIsDiscarding] = useState(false);
  const { name, is_configured: isConfigured } = destination;
  const { mutate, isPending, error } = useDestinationAction(() =>
    client.destinations.replay(name, { dead_letters: which }),
  );
  const figure = format.count(which === 'all' ? total : which.length);
  return (
    <div className={styles.actions}>
      <Button
        variant="secondary"
        isPending={isPending}
        isDisabled={!isConfigured}
        onPress={() => mutate(undefined, { onSuccess: onDone })}
      >
        {which === 'all' ? t('dead.replayAll') : t('dead.replay', { figure })}
      </Button>
      <Button variant="secondary" onPress={() => setIsDiscarding(true)}>
        {which === 'all' ? t('dead.discardAll') : t('dead.discard', { figure })}
      </Button>
      <ActionError error={error} />
      {isDiscarding && (
        <DiscardDialog
          name={name}
          which={which}
          count={which === 'all' ? total : which.length}
          onDone={onDone}
          onClose={() => setIsDiscarding(false)}
        />
      )}
    </div>
  );
}
