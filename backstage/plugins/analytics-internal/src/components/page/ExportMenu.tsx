import { ButtonIcon, Menu, MenuItem, MenuTrigger } from '@backstage/ui';
import { RiDownload2Line } from '@remixicon/react';
import { namesPeople } from '../../view/questions';
import { usePages } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';
import { useCsvDownload, type CsvFile } from '../context/useCsvDownload';
import styles from './ExportMenu.module.css';

/** A menu of the page's answers as CSV files, with all rows. */
export function ExportMenu({ files }: { files: CsvFile[] }) {
  const { t } = usePages();
  const mayNames = useConfiguration().configuration?.may.people ?? false;
  const offered = files.filter(({ query }) => mayNames || !namesPeople(query));
  const { download, isBusy, error } = useCsvDownload();
  return (
    <>
      {error && (
        <span role="alert" className={styles.error}>
          {t('export.failed')}: {error.message}
        </span>
      )}
      <MenuTrigger>
        <ButtonIcon
          variant="secondary"
          aria-label={t('export.label')}
          icon={<RiDownload2Line />}
          isPending={isBusy}
        />
        <Menu aria-label={t('export.label')}>
          {offered.map((file) => (
            <MenuItem key={file.name} id={file.name} onAction={() => download(file)}>
              {file.label}
            </MenuItem>
          ))}
        </Menu>
      </MenuTrigger>
    </>
  );
}
