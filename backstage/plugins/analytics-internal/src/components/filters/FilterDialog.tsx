import {
  Button,
  Dialog,
  DialogBody,
  DialogFooter,
  DialogHeader,
  Radio,
  RadioGroup,
  SearchField,
  TextField,
} from '@backstage/ui';
import { useState } from 'react';
import type { FilterOperator } from '../../api/query';
import { filterOperators, type ViewFilter } from '../../view/view';
import { usePages } from '../context/PagesContext';
import styles from './FilterDialog.module.css';
import { FilterValues } from './FilterValues';
import { useDebounced } from './useDebounced';

export interface FilterDialogProps {
  /** The filter to begin with. */
  filter: ViewFilter;
  onApply: (filter: ViewFilter) => void;
  onClose: () => void;
}

/** Asks for one filter: a condition, and the values or the text. */
export default function FilterDialog({ filter, onApply, onClose }: FilterDialogProps) {
  const { t } = usePages();
  const { dimension } = filter;
  const [operator, setOperator] = useState<FilterOperator>(filter.operator);
  const [chosen, setChosen] = useState(filter.operator === 'contains' ? [] : filter.values);
  const [text, setText] = useState(filter.operator === 'contains' ? (filter.values[0] ?? '') : '');
  const [search, setSearch] = useState('');
  const searched = useDebounced(search.trim(), 250);
  const values = operator === 'contains' ? [text.trim()].filter((value) => value !== '') : chosen;

  function apply() {
    if (values.length === 0) return;
    onApply({ dimension, operator, values });
    onClose();
  }

  return (
    <Dialog isOpen isDismissable onOpenChange={onClose} width={480}>
      <DialogHeader>{t('filter.title', { dimension: t(`dimension.${dimension}`) })}</DialogHeader>
      <DialogBody>
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            apply();
          }}
        >
          {dimension !== 'path' && (
            <RadioGroup
              aria-label={t('filter.condition')}
              orientation="horizontal"
              value={operator}
              onChange={(value) => setOperator(filterOperators.find((known) => known === value)!)}
            >
              {filterOperators.map((known) => (
                <Radio key={known} value={known}>
                  {t(`operator.${known}`)}
                </Radio>
              ))}
            </RadioGroup>
          )}
          {operator === 'contains' || dimension === 'path' ? (
            // eslint-disable-next-line jsx-a11y/no-autofocus -- the dialog exists to be typed into
            <TextField autoFocus label={t('filter.text')} value={text} onChange={setText} />
          ) : (
            <>
              <SearchField
                // eslint-disable-next-line jsx-a11y/no-autofocus -- the dialog exists to be typed into
                autoFocus
                aria-label={t('filter.search')}
                placeholder={t('filter.search')}
                value={search}
                onChange={setSearch}
              />
              <FilterValues dimension={dimension} search={searched} chosen={chosen} onChange={setChosen} />
            </>
          )}
        </form>
      </DialogBody>
      <DialogFooter>
        <Button variant="secondary" onPress={onClose}>
          {t('filter.cancel')}
        </Button>
        <Button onPress={apply} isDisabled={values.length === 0}>
          {t('filter.apply')}
        </Button>
      </DialogFooter>
    </Dialog>
  );
}
