import { Button, Menu, MenuItem, MenuTrigger } from '@backstage/ui';
import { RiArrowDownSLine } from '@remixicon/react';
import { usePages } from '../context/PagesContext';

export interface ComparisonMenuProps {
  isCompared: boolean;
  /** Whether there is a period before it. */
  isPossible: boolean;
  onChange: (isCompared: boolean) => void;
}

/** Chooses what the whole page is compared with. */
export function ComparisonMenu({ isCompared, isPossible, onChange }: ComparisonMenuProps) {
  const { t } = usePages();
  const isOn = isCompared && isPossible;
  const name = t(isOn ? 'comparison.on' : 'comparison.none');
  const label = `${t('comparison.label')}: ${name}${isPossible ? '' : `. ${t('comparison.impossible')}`}`;
  return (
    <MenuTrigger>
      <Button variant="secondary" aria-label={label} isDisabled={!isPossible} iconEnd={<RiArrowDownSLine />}>
        {name}
      </Button>
      <Menu
        aria-label={t('comparison.label')}
        selectionMode="single"
        selectedKeys={[isOn ? 'previous' : 'none']}
        onAction={(key) => onChange(key === 'previous')}
      >
        <MenuItem id="previous">{t('comparison.previous')}</MenuItem>
        <MenuItem id="none">{t('comparison.none')}</MenuItem>
      </Menu>
    </MenuTrigger>
  );
}
