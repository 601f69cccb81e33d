import { Alert, Button } from '@backstage/ui';
import { ProblemError } from '../../api/problem';
import { usePages } from '../context/PagesContext';

export interface PanelErrorProps {
  /** What could not be done, in words. */
  title: string;
  error: Error;
  again: () => void;
}

/** What failed, why, and a way to try again. */
export function PanelError({ title, error, again }: PanelErrorProps) {
  const { t } = usePages();
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
      title={title}
      description={detailOf()}
      customActions={
        <Button variant="secondary" onPress={again}>
          {t('error.again')}
        </Button>
      }
    />
  );
}
