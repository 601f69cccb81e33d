import { Alert } from '@backstage/ui';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';

export interface SilentNoticeProps {
  /** The last event ever; null before there is one. */
  lastAccess: string | null;
  completeUntil: string;
}

const SILENT_MS = 3 * 86_400_000;

/** A warning when no event has arrived for three days: nobody uses the portal, or it no longer sends events. */
export function SilentNotice({ lastAccess, completeUntil }: SilentNoticeProps) {
  const { t } = usePages();
  const format = useFormat();
  if (lastAccess === null || Date.parse(completeUntil) - Date.parse(lastAccess) < SILENT_MS) return null;
  return (
    <Alert
      status="warning"
      icon
      title={t('silent.title', { moment: format.dateAndTime(lastAccess) })}
      description={t('silent.text')}
    />
  );
}
