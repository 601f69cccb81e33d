import type { CSSProperties, ReactNode } from 'react';
import styles from './RankTable.module.css';

export interface RankRow {
  key: string;
  name: ReactNode;
  /** 0 to 1: how long the bar is. */
  share: number;
  figures: ReactNode[];
}

export interface RankTableProps {
  caption: string;
  /** The names of the columns: what is ranked, then the figures. */
  columns: string[];
  rows: RankRow[];
}

/** A ranking: a bar behind each name, the figures beside. It is its own table. */
export function RankTable({ caption, columns, rows }: RankTableProps) {
  const [nameColumn, ...figureColumns] = columns;
  return (
    <table className={styles.table}>
      <caption className={styles.caption}>{caption}</caption>
      <thead>
        <tr>
          <th scope="col">{nameColumn}</th>
          {figureColumns.map((column) => (
            <th key={column} scope="col" className={styles.figure}>
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ key, name, share, figures }) => (
          <tr key={key}>
            <th scope="row" className={styles.name}>
              <span
                className={styles.bar}
                style={{ '--share': `${Math.max(share * 100, 0.5)}%` } as CSSProperties}
              />
              <span className={styles.text}>{name}</span>
            </th>
            {figures.map((figure, place) => (
              <td key={figureColumns[place]} className={styles.figure}>
                {figure}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
