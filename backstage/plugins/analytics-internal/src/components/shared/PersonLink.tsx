import { Link } from '@backstage/ui';
import { narrowed, type View } from '../../view/view';
import { useView } from '../context/useView';
import { MiddleCut } from './MiddleCut';
import { PersonName } from './PersonName';

export interface PersonLinkProps {
  /** null: the unknown person. */
  person: string | null;
  /** Where the metrics of a view are. */
  hrefOf: (view: View) => string;
}

/** A person, as a link to the metrics of this person alone. */
export function PersonLink({ person, hrefOf }: PersonLinkProps) {
  const { view } = useView();
  return (
    <PersonName person={person}>
      {(name) => (
        // Not tracked: more people may read the subjects of clicks than may read names.
        <Link href={hrefOf(narrowed(view, 'person', person))} standalone noTrack>
          <MiddleCut text={name} title={person ?? undefined} />
        </Link>
      )}
    </PersonName>
  );
}
