import { Container, Header, Link, VisuallyHidden } from '@backstage/ui';
import { RiArrowLeftLine } from '@remixicon/react';
import type { ReactNode } from 'react';
import { usePages, type PageLink } from '../context/PagesContext';
import styles from './PageFrame.module.css';

export interface PageFrameProps {
  title: string;
  /** The page this one belongs to. */
  parent?: PageLink;
  /** Beside the title. They are not printed. */
  controls?: ReactNode;
  children: ReactNode;
}

/** A page: its title, which a portal may show itself, and what is below. */
export function PageFrame({ title, parent, controls, children }: PageFrameProps) {
  const { around } = usePages();
  const beside = controls && <div className={styles.controls}>{controls}</div>;
  const Frame = around.kind === 'portal' ? around.Frame : undefined;
  if (Frame) {
    return (
      <Frame title={title} parent={parent}>
        <Container className={styles.framed}>
          <VisuallyHidden>
            <h2>{title}</h2>
          </VisuallyHidden>
          {beside}
        </Container>
        {children}
      </Frame>
    );
  }
  return (
    <>
      {parent && (
        <div className={styles.parent}>
          <Link href={parent.href} standalone>
            <RiArrowLeftLine size={16} aria-hidden /> {parent.label}
          </Link>
        </div>
      )}
      <Header className={styles.header} title={title} customActions={beside} />
      {children}
    </>
  );
}
