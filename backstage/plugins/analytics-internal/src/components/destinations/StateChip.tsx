import { Focusable, Tooltip, TooltipTrigger } from '@backstage/ui';
import {
  RiCheckLine,
  RiErrorWarningLine,
  RiForbid2Line,
  RiHistoryLine,
  RiPauseLine,
  RiQuestionLine,
  RiSendPlaneLine,
  RiTimeLine,
} from '@remixicon/react';
import type { DestinationState } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import styles from './StateChip.module.css';

type Tone = 'good' | 'busy' | 'bad' | 'idle';

const looks: Record<DestinationState, { tone: Tone; Icon: typeof RiCheckLine }> = {
  up_to_date: { tone: 'good', Icon: RiCheckLine },
  delivering: { tone: 'busy', Icon: RiSendPlaneLine },
  backfilling: { tone: 'busy', Icon: RiHistoryLine },
  failing: { tone: 'bad', Icon: RiErrorWarningLine },
  stopped: { tone: 'bad', Icon: RiForbid2Line },
  paused: { tone: 'idle', Icon: RiPauseLine },
  not_running: { tone: 'idle', Icon: RiTimeLine },
  not_configured: { tone: 'idle', Icon: RiQuestionLine },
};

/** What a destination does at the moment, in words; what that means on hover and on focus. */
export function StateChip({ state }: { state: DestinationState }) {
  const { t } = usePages();
  const { tone, Icon } = looks[state];
  return (
    <TooltipTrigger delay={300}>
      <Focusable>
        <button type="button" className={styles.chip} data-tone={tone}>
          <Icon size={16} aria-hidden /> {t(`destinations.state.${state}`)}
        </button>
      </Focusable>
      <Tooltip>{t(`destinations.state.${state}.about`)}</Tooltip>
    </TooltipTrigger>
  );
}
