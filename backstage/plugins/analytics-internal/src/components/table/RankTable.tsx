import type { CSSProperties, ReactNode } from 'react';
import type { Count, CountMetric } from '../../api/query';
import { Figure } from '../shared/Figure';
import styles from './RankTable.module.css';

export interface RankTableProps<R extends Partial<Record<CountMetric, Count>>> {
  caption: string;
  /** What is ranked, the most of it first. */
  rows: R[];
  rowId: (row: R) => string;
  /** The label of the column of names, and a row's name. */
  name: [label: string, cell: (row: R) => ReactNode];
  /** The columns of counts; the rows are in the order of the first one. */
  counts: [metric: CountMetric, label: string][];
}

/** A ranking: a bar behind each name, the counts beside it. */
export function RankTable<R extends Partial<Record<CountMetric, Count>>>({
  caption,
  rows,
  rowId,
  name: [nameLabel, nameOf],
  counts,
}: RankTableProps<R>) {
  const ranked = (row: R | undefined) => row?.[counts[0]![0]]?.value ?? 1;
  const shareOf = (row: R) => ranked(row) / ranked(rows[0]);
  return (
    <table className={styles.table}>
      <caption className={styles.caption}>{caption}</caption>
      <thead>
        <tr>
          <th scope="col">{nameLabel}</th>
          {counts.map(([metric, label]) => (
            <th key={metric} scope="col" className={styles.figure}>
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={rowId(row)}>
            <th scope="row" className={styles.name}>
              <span
                className={styles.bar}
                style={{ '--share': `${Math.max(shareOf(row) * 100, 0.5)}%` } as CSSProperties}
              />
              <span className={styles.text}>{nameOf(row)}</span>
            </th>
            {counts.map(([metric]) => (
              <td key={metric} className={styles.figure}>
                <Figure value={row[metric]?.value ?? 0} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
