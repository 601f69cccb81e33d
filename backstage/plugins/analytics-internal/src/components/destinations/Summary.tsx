import type { Destination } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import styles from './Summary.module.css';
import { useSentence } from './useSentence';
import { useCounted } from './useCounted';

/** The page in words: how many destinations there are, and what needs somebody's attention. */
export function Summary({ destinations }: { destinations: Destination[] }) {
  const { t } = usePages();
  const counted = useCounted();
  const sentencesOf = useSentence();
  const sentences = destinations.flatMap(sentencesOf);
  const count = counted.destinations(destinations.length);
  if (sentences.length === 0) {
    return <p className={styles.summary}>{t('destinations.summary.fine', { count })}</p>;
  }
  return (
    <div className={styles.summary}>
      <p>{t('destinations.summary.attention', { count })}</p>
      <ul>
        {sentences.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </div>
  );
}
