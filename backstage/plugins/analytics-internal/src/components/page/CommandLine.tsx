import { ButtonIcon } from '@backstage/ui';
import { RiCheckLine, RiFileCopyLine } from '@remixicon/react';
import { useId, useState } from 'react';
import { usePages } from '../context/PagesContext';
import styles from './CommandLine.module.css';

/** A command to paste, with a button that copies it. */
export function CommandLine({ label, command }: { label: string; command: string }) {
  const { t } = usePages();
  const labelId = useId();
  const [isCopied, setIsCopied] = useState(false);

  async function copy() {
    await navigator.clipboard.writeText(command);
    setIsCopied(true);
    setTimeout(() => setIsCopied(false), 2_000);
  }

  return (
    <div role="group" aria-labelledby={labelId}>
      <div id={labelId} className={styles.label}>
        {label}
      </div>
      <div className={styles.line}>
        <pre className={styles.command}>
          <code>{command}</code>
        </pre>
        <ButtonIcon
          variant="tertiary"
          aria-label={t(isCopied ? 'empty.copied' : 'empty.copy')}
          icon={isCopied ? <RiCheckLine /> : <RiFileCopyLine />}
          onPress={() => void copy()}
        />
      </div>
    </div>
  );
}
