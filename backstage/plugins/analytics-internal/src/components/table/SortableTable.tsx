import { Cell, Column, Row, TableBody, TableHeader, TableRoot, VisuallyHidden } from '@backstage/ui';
import type { ReactNode } from 'react';
import type { Metric } from '../../api/query';
import type { Sort } from '../../view/sort';
import styles from './SortableTable.module.css';

export interface SortableColumn<R, M extends Metric> {
  /** The metric it can be sorted by, or a name of its own. */
  id: M | 'name' | 'action' | 'details';
  label: string;
  /** Only screen readers get the label. */
  isLabelHidden?: boolean;
  isSortable?: boolean;
  isRowHeader?: boolean;
  /** Takes the width that the others leave. */
  isWide?: boolean;
  isNumber?: boolean;
  /** Is wide enough for a date with its time. */
  isDate?: boolean;
  /** Is shown on a small screen too. */
  isEssential?: boolean;
  /** Is not printed. */
  isScreenOnly?: boolean;
  cell: (row: R) => ReactNode;
}

export interface SortableTableProps<R extends object, M extends Metric> {
  /** The id of the heading that names the table. */
  labelledBy: string;
  columns: SortableColumn<R, M>[];
  rows: R[];
  rowId: (row: R) => string;
  sort: Sort<M>;
  onSort: (sort: Sort<M>) => void;
}

function widthOf({ isWide, isDate }: { isWide?: boolean; isDate?: boolean }): string | undefined {
  if (isWide) return styles.wide;
  return isDate ? styles.date : styles.narrow;
}

/** A table that the service sorts. */
export function SortableTable<R extends object, M extends Metric>({
  labelledBy,
  columns,
  rows,
  rowId,
  sort,
  onSort,
}: SortableTableProps<R, M>) {
  const classOf = (column: SortableColumn<R, M>) =>
    [
      widthOf(column),
      column.isNumber && styles.number,
      !column.isEssential && styles.spare,
      column.isScreenOnly && styles.screen,
    ]
      .filter(Boolean)
      .join(' ');
  return (
    <div className={styles.box}>
      <TableRoot
        aria-labelledby={labelledBy}
        sortDescriptor={{
          column: sort.by,
          direction: sort.direction === 'asc' ? 'ascending' : 'descending',
        }}
        onSortChange={({ column }) => {
          const by = columns.find(({ id }) => id === column)?.id as M;
          // The first press sorts in descending order.
          const isTurned = by === sort.by && sort.direction === 'desc';
          onSort({ by, direction: isTurned ? 'asc' : 'desc' });
        }}
      >
        <TableHeader columns={columns}>
          {(column) => (
            <Column
              id={column.id}
              allowsSorting={column.isSortable}
              isRowHeader={column.isRowHeader}
              className={classOf(column)}
            >
              {column.isLabelHidden ? <VisuallyHidden>{column.label}</VisuallyHidden> : column.label}
            </Column>
          )}
        </TableHeader>
        <TableBody items={rows} dependencies={[columns]}>
          {(row) => (
            <Row id={rowId(row)} columns={columns}>
              {(column) => <Cell className={classOf(column)}>{column.cell(row)}</Cell>}
            </Row>
          )}
        </TableBody>
      </TableRoot>
    </div>
  );
}
