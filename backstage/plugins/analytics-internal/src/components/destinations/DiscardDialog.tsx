import { Button, Dialog, DialogBody, DialogFooter, DialogHeader } from '@backstage/ui';
import type { WhichDeadLetters } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import { ActionError } from './ActionError';
import { useCounted } from './useCounted';
import { useDestinationAction } from './useDestinations';

export interface DiscardDialogProps {
  /** The destination's. */
  name: string;
  which: WhichDeadLetters;
  /** How many they are. */
  count: number;
  onDone: () => void;
  onClose: () => void;
}

/** Asks once more before dead letters are forgotten. */
export function DiscardDialog({ name, which, count, onDone, onClose }: DiscardDialogProps) {
  const { t, client } = usePages();
  const counted = useCounted();
  const { mutate, isPending, error } = useDestinationAction(() => client.destinations.discard(name, which));

  function discard() {
    mutate(undefined, {
      onSuccess: () => {
        onDone();
        onClose();
      },
    });
  }

  return (
    <Dialog isOpen isDismissable onOpenChange={onClose} width={420}>
      <DialogHeader>{t('dead.confirm', { letters: counted.letters(count), name })}</DialogHeader>
      <DialogBody>
        {t('dead.confirm.text')}
        <ActionError error={error} />
      </DialogBody>
      <DialogFooter>
        <Button variant="secondary" onPress={onClose}>
          {t('filter.cancel')}
        </Button>
        <Button destructive isPending={isPending} onPress={discard}>
          {t('dead.confirm.do')}
        </Button>
      </DialogFooter>
    </Dialog>
  );
}
