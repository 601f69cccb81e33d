import { Button, DateRangePicker, Dialog, DialogBody, DialogFooter, DialogHeader } from '@backstage/ui';
import { parseDate, type CalendarDate } from '@internationalized/date';
import { useState } from 'react';
import type { DayRange } from '../../api/query';
import { usePages } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';
import styles from './CustomPeriodDialog.module.css';

export interface CustomPeriodDialogProps {
  /** The days shown now. */
  days: DayRange | null;
  onChange: (days: DayRange) => void;
  onClose: () => void;
}

/** Asks for a first and a last day. */
export default function CustomPeriodDialog({ days, onChange, onClose }: CustomPeriodDialogProps) {
  const { t } = usePages();
  const { configuration } = useConfiguration();
  const [range, setRange] = useState<{ start: CalendarDate; end: CalendarDate } | null>(
    days && { start: parseDate(days.from), end: parseDate(days.to) },
  );

  function apply() {
    if (!range) return;
    onChange({ from: range.start.toString(), to: range.end.toString() });
    onClose();
  }

  return (
    <Dialog isOpen isDismissable onOpenChange={onClose} width={420}>
      <DialogHeader>{t('period.dialog')}</DialogHeader>
      <DialogBody>
        <DateRangePicker
          className={styles.days}
          label={t('period.days')}
          value={range}
          onChange={(value) =>
            setRange(
              value && { start: parseDate(value.start.toString()), end: parseDate(value.end.toString()) },
            )
          }
          maxValue={configuration ? parseDate(configuration.today) : null}
          shouldForceLeadingZeros
        />
      </DialogBody>
      <DialogFooter>
        <Button variant="secondary" onPress={onClose}>
          {t('filter.cancel')}
        </Button>
        <Button onPress={apply} isDisabled={!range || range.start.compare(range.end) > 0}>
          {t('period.apply')}
        </Button>
      </DialogFooter>
    </Dialog>
  );
}
