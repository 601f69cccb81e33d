import { Link } from '@backstage/ui';
import { withFilter, type View } from '../../view/view';
import { useView } from '../context/useView';
import { MiddleCut } from './MiddleCut';
import { PersonName } from './PersonName';

export interface PersonLinkProps {
  /** null: the unknown person. */
  person: string | null;
  /** Where the metrics of a view are. */
  hrefOf: (view: View) => string;
}

/** A person, leading to the metrics of what they alone did. */
export function PersonLink({ person, hrefOf }: PersonLinkProps) {
  const { view } = useView();
  const filters = withFilter(view.filters, { dimension: 'person', operator: 'is', values: [person] });
  return (
    <PersonName person={person}>
      {(name) => (
        // A click's subject is in the log for whoever may read that. Names are not: no tracking.
        <Link href={hrefOf({ ...view, filters })} standalone noTrack>
          <MiddleCut text={name} title={person ?? undefined} />
        </Link>
      )}
    </PersonName>
  );
}
