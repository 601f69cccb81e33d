import { Button, Dialog, DialogBody, DialogFooter, DialogHeader } from '@backstage/ui';
import { useEffect } from 'react';
import type { TestResult } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';
import { ActionError } from './ActionError';
import { ReceiverAnswer } from './ReceiverAnswer';
import styles from './TestDialog.module.css';
import { useDestinationAction } from './useDestinations';

export interface TestDialogProps {
  /** The destination's. */
  name: string;
  onClose: () => void;
}

/** Sends a test event when it opens, and says what the receiver made of it. */
export function TestDialog({ name, onClose }: TestDialogProps) {
  const { t, client } = usePages();
  const { mutate, data, error, isPending } = useDestinationAction(() => client.destinations.test(name));
  useEffect(() => mutate(), [mutate]);
  return (
    <Dialog isOpen isDismissable onOpenChange={onClose} width={560}>
      <DialogHeader>{t('destinations.testOf', { name })}</DialogHeader>
      <DialogBody>
        <div className={styles.body} aria-busy={isPending}>
          <div role="status">
            {isPending && t('destinations.test.running', { name })}
            {data && !isPending && <Outcome name={name} result={data} />}
          </div>
          <ActionError error={error} />
          <p className={styles.about}>{t('destinations.test.about')}</p>
        </div>
      </DialogBody>
      <DialogFooter>
        <Button variant="secondary" isPending={isPending} onPress={() => mutate()}>
          {t('destinations.test.again')}
        </Button>
        <Button onPress={onClose}>{t('destinations.close')}</Button>
      </DialogFooter>
    </Dialog>
  );
}

function Outcome({ name, result }: { name: string; result: TestResult }) {
  const { t } = usePages();
  const format = useFormat();
  const duration = format.duration(result.seconds);
  return (
    <div className={styles.body}>
      <p className={result.is_delivered ? styles.good : styles.bad}>
        {result.is_delivered
          ? t('destinations.test.delivered', { name, duration })
          : t('destinations.test.failed', { name, duration, detail: result.error ?? '' })}
      </p>
      {result.status !== null && <p>{t('destinations.error.status', { status: result.status })}</p>}
      {result.answer && <ReceiverAnswer isOpen label={t('destinations.answer')} text={result.answer} />}
      {result.sent && <ReceiverAnswer label={t('destinations.test.sent')} text={result.sent} />}
    </div>
  );
}
