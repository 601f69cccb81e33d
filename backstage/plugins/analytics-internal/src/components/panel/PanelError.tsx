import { Alert, Button } from '@backstage/ui';
import { ProblemError } from '../../api/problem';
import { usePages } from '../context/PagesContext';

export interface PanelErrorProps {
  /** What could not be loaded, in words; undefined: nothing, since the service could not be asked. */
  what?: string;
  asked: { error: Error | null; again: () => void };
}

/** What failed, why, and a button to try again; nothing where nothing failed. */
export function PanelError({ what, asked: { error, again } }: PanelErrorProps) {
  const { t } = usePages();
  if (!error) return null;
  const detailOf = (): string => {
    if (!(error instanceof ProblemError)) return t('error.unreachable');
    if (error.isSignedOut) return t('error.signedOut');
    return error.isNotAllowed ? t('error.notAllowed', { detail: error.message }) : error.message;
  };
  return (
    <Alert
      role="alert"
      status="danger"
      icon
      title={what === undefined ? t('error.page') : t('error.title', { what })}
      description={detailOf()}
      customActions={
        <Button variant="secondary" onPress={again}>
          {t('error.again')}
        </Button>
      }
    />
  );
}
