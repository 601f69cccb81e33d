import type { ReactNode } from 'react';
import type { Columns, CountMetric, TimeMetric } from '../../api/query';
import { Figure } from '../shared/Figure';
import { Moment } from '../shared/Moment';
import type { SortableColumn } from './SortableTable';

/** The column that names the rows. */
export function nameColumn<R>(label: string, cell: (row: R) => ReactNode): SortableColumn<R, never> {
  return { id: 'name', label, isRowHeader: true, isWide: true, isEssential: true, cell };
}

/** A count that the table can be sorted by. */
export function countColumn<M extends CountMetric>(
  id: M,
  label: string,
): SortableColumn<Pick<Columns, M>, M> {
  return { id, label, isSortable: true, isNumber: true, cell: (row) => <Figure value={row[id].value} /> };
}

/** A point in time that the table can be sorted by. */
export function momentColumn<M extends TimeMetric>(
  id: M,
  label: string,
  withTime = false,
): SortableColumn<Pick<Columns, M>, M> {
  const cell = (row: Pick<Columns, M>) => <Moment value={row[id].value} withTime={withTime} />;
  return { id, label, isSortable: true, isDate: withTime, cell };
}
