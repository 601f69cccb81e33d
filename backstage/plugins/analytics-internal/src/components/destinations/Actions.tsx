import { Button } from '@backstage/ui';
import { RiMailCloseLine, RiPauseLine, RiPlayLine, RiRestartLine, RiSendPlaneLine } from '@remixicon/react';
import { useState } from 'react';
import type { Destination } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import styles from './Actions.module.css';
import { ActionError } from './ActionError';
import { ReplayDialog } from './ReplayDialog';
import { TestDialog } from './TestDialog';
import { useCounted } from './useCounted';
import { useDestinationAction } from './useDestinations';

export interface ActionsProps {
  destination: Destination;
  /** Whether its dead letters are shown. */
  isOpened: boolean;
  onOpen: (isOpened: boolean) => void;
}

/** What can be done with a destination. */
export function Actions({ destination, isOpened, onOpen }: ActionsProps) {
  const { t, client } = usePages();
  const counted = useCounted();
  const [dialog, setDialog] = useState<'test' | 'replay' | null>(null);
  const { name, state, dead_letters: letters, is_configured: isConfigured } = destination;
  const isHalted = state === 'paused' || state === 'stopped';
  const { mutate, isPending, error } = useDestinationAction(() =>
    isHalted ? client.destinations.resume(name) : client.destinations.pause(name),
  );
  const halt = isHalted ? 'destinations.resume' : 'destinations.pause';
  const of = (action: string) => t('destinations.act.of', { action, name });
  const Icon = isHalted ? RiPlayLine : RiPauseLine;
  return (
    <div className={styles.actions}>
      <ActionError error={error} />
      {letters > 0 && (
        <Button
          variant="secondary"
          aria-expanded={isOpened}
          aria-label={of(counted.letters(letters))}
          iconStart={<RiMailCloseLine />}
          onPress={() => onOpen(!isOpened)}
        >
          {counted.letters(letters)}
        </Button>
      )}
      <Button
        variant="secondary"
        aria-label={of(t(halt))}
        iconStart={<Icon />}
        isPending={isPending}
        onPress={() => mutate()}
      >
        {t(halt)}
      </Button>
      <Button
        variant="secondary"
        aria-label={of(t('destinations.replay'))}
        iconStart={<RiRestartLine />}
        isDisabled={!isConfigured}
        onPress={() => setDialog('replay')}
      >
        {t('destinations.replay')}
      </Button>
      <Button
        variant="secondary"
        aria-label={of(t('destinations.test'))}
        iconStart={<RiSendPlaneLine />}
        isDisabled={!isConfigured}
        onPress={() => setDialog('test')}
      >
        {t('destinations.test')}
      </Button>
      {dialog === 'test' && <TestDialog name={name} onClose={() => setDialog(null)} />}
      {dialog === 'replay' && <ReplayDialog destination={destination} onClose={() => setDialog(null)} />}
    </div>
  );
}
