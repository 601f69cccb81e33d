import { Button, Dialog, DialogBody, DialogFooter, DialogHeader, Radio, RadioGroup } from '@backstage/ui';
import { useState } from 'react';
import type { Destination, Queued, ReplayRequest } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';
import { ActionError } from './ActionError';
import styles from './ReplayDialog.module.css';
import { ReplayPositions } from './ReplayPositions';
import { ReplayTimes } from './ReplayTimes';
import { useCounted } from './useCounted';
import { useDestinationAction } from './useDestinations';

export interface ReplayDialogProps {
  destination: Destination;
  onClose: () => void;
}

type Kind = 'letters' | 'times' | 'positions';

/** Asks what a destination shall get once more, and says what will be sent. */
export function ReplayDialog({ destination, onClose }: ReplayDialogProps) {
  const { t, client } = usePages();
  const format = useFormat();
  const counted = useCounted();
  const { name, dead_letters: letters } = destination;
  const [kind, setKind] = useState<Kind>(letters > 0 ? 'letters' : 'times');
  const [range, setRange] = useState<ReplayRequest | null>(null);
  const what: ReplayRequest | null = kind === 'letters' ? { dead_letters: 'all' } : range;
  const { mutate, data, error, isPending } = useDestinationAction((asked: ReplayRequest) =>
    client.destinations.replay(name, asked),
  );

  function choose(chosen: string) {
    setKind(chosen as Kind);
    setRange(null);
  }

  return (
    <Dialog isOpen isDismissable onOpenChange={onClose} width={560}>
      <DialogHeader>{t('destinations.replayOf', { name })}</DialogHeader>
      <DialogBody>
        <div className={styles.body}>
          {data ? (
            <p role="status">
              <Outcome queued={data} />
            </p>
          ) : (
            <>
              <RadioGroup label={t('destinations.replay.what')} value={kind} onChange={choose}>
                <Radio value="letters" isDisabled={letters === 0}>
                  {t('destinations.replay.letters', { figure: format.count(letters) })}
                </Radio>
                <Radio value="times">{t('destinations.replay.times')}</Radio>
                <Radio value="positions">{t('destinations.replay.positions')}</Radio>
              </RadioGroup>
              {kind === 'times' && <ReplayTimes onChange={setRange} />}
              {kind === 'positions' && <ReplayPositions destination={destination} onChange={setRange} />}
              <p>
                {kind === 'letters'
                  ? t('destinations.replay.about.letters', { letters: counted.letters(letters) })
                  : t('destinations.replay.about.range')}
              </p>
            </>
          )}
          <ActionError error={error} />
        </div>
      </DialogBody>
      <DialogFooter>
        <Button variant="secondary" onPress={onClose}>
          {t(data ? 'destinations.close' : 'filter.cancel')}
        </Button>
        {!data && (
          <Button isDisabled={!what} isPending={isPending} onPress={() => what && mutate(what)}>
            {t('destinations.replay.start')}
          </Button>
        )}
      </DialogFooter>
    </Dialog>
  );
}

function Outcome({ queued: { dead_letters: letters, after, events } }: { queued: Queued }) {
  const { t } = usePages();
  const counted = useCounted();
  if (letters === 0 && events === 0) return <>{t('destinations.replay.nothing')}</>;
  const what = after === null ? counted.letters(letters) : counted.events(events);
  return <>{t('destinations.replay.queued', { what })}</>;
}
