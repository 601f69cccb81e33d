import { Button, Menu, MenuItem, MenuTrigger } from '@backstage/ui';
import { RiArrowDownSLine, RiCalendarLine } from '@remixicon/react';
import { lazy, Suspense, useState } from 'react';
import { offeredPeriods, type ViewPeriod } from '../../view/view';
import { usePages } from '../context/PagesContext';
import { usePeriodName } from '../shared/usePeriodName';

// The calendar is large and rarely opened.
const CustomPeriodDialog = lazy(() => import('./CustomPeriodDialog'));

export interface PeriodMenuProps {
  period: ViewPeriod;
  onChange: (period: ViewPeriod) => void;
}

/** Chooses the period of the whole page. */
export function PeriodMenu({ period, onChange }: PeriodMenuProps) {
  const { t } = usePages();
  const nameOf = usePeriodName();
  const [isChoosing, setIsChoosing] = useState(false);
  const selected = period.kind === 'last' ? period.last : period.kind;

  function choose(key: string) {
    if (key === 'custom') setIsChoosing(true);
    else if (key === 'all') onChange({ kind: 'all' });
    else onChange({ kind: 'last', last: offeredPeriods.find((last) => last === key)! });
  }

  return (
    <>
      <MenuTrigger>
        <Button
          variant="secondary"
          aria-label={`${t('period.label')}: ${nameOf(period)}`}
          iconStart={<RiCalendarLine />}
          iconEnd={<RiArrowDownSLine />}
        >
          {nameOf(period)}
        </Button>
        <Menu
          aria-label={t('period.label')}
          selectionMode="single"
          selectedKeys={[selected]}
          onAction={(key) => choose(String(key))}
        >
          {offeredPeriods.map((last) => (
            <MenuItem key={last} id={last}>
              {t(`period.${last}`)}
            </MenuItem>
          ))}
          <MenuItem id="all">{t('period.all')}</MenuItem>
          <MenuItem id="custom">{t('period.custom')}</MenuItem>
        </Menu>
      </MenuTrigger>
      {isChoosing && (
        <Suspense>
          <CustomPeriodDialog
            days={period.kind === 'custom' ? period : null}
            onChange={(days) => onChange({ kind: 'custom', ...days })}
            onClose={() => setIsChoosing(false)}
          />
        </Suspense>
      )}
    </>
  );
}
