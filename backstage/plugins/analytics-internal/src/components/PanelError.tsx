import { Alert, Button } from '@backstage/ui';
import { ProblemError } from '../api/problem';
import { usePages } from './PagesContext';

export interface PanelErrorProps {
  /** What could not be done, in words. */
  title: string;
  error: Error;
  again: () => void;
}

/** What failed, why, and a way to try again. */
export function PanelError({ title, error, again }: PanelErrorProps) {
  const { t } = usePages();
  const isAnswer = error instanceof ProblemError;
  const answered =
    isAnswer && error.isNotAllowed ? t('error.notAllowed', { detail: error.message }) : error.message;
  const detail = isAnswer ? answered : t('error.unreachable');
  return (
    <Alert
      role="alert"
      status="danger"
      icon
      title={title}
      description={detail}
      customActions={
        <Button variant="secondary" onPress={again}>
          {t('error.again')}
        </Button>
      }
    />
  );
}
