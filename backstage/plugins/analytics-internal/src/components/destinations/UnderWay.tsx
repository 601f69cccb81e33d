import { Button } from '@backstage/ui';
import type { Destination } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';
import { ActionError } from './ActionError';
import { Progress } from './Progress';
import styles from './UnderWay.module.css';
import { useCounted } from './useCounted';
import { useDestinationAction } from './useDestinations';

/** How far the past and the replays of a destination are. The replays can be given up. */
export function UnderWay({ destination }: { destination: Destination }) {
  const { t, client } = usePages();
  const format = useFormat();
  const counted = useCounted();
  const { name, state, start_position: start, position, head, replays } = destination;
  const { queued_dead_letters: queued } = destination;
  const { mutate, isPending, error } = useDestinationAction(() => client.destinations.cancelReplays(name));
  return (
    <>
      {state === 'backfilling' && (
        <Progress label={t('destinations.backfill')} from={start} position={position} to={head} />
      )}
      {replays.map((replay) => (
        <Progress
          key={replay.asked_at}
          label={t('destinations.replay.progress', {
            from: format.count(replay.after + 1),
            to: format.count(replay.up_to),
          })}
          from={replay.after}
          position={replay.position}
          to={replay.up_to}
        />
      ))}
      {queued > 0 && (
        <p className={styles.queued}>
          {t('destinations.queued', { count: queued, letters: counted.letters(queued) })}
        </p>
      )}
      {(replays.length > 0 || queued > 0) && (
        <div className={styles.cancel}>
          <Button
            variant="secondary"
            aria-label={t('destinations.act.of', { action: t('destinations.replay.cancel'), name })}
            isPending={isPending}
            onPress={() => mutate()}
          >
            {t('destinations.replay.cancel')}
          </Button>
          <ActionError error={error} />
        </div>
      )}
    </>
  );
}
