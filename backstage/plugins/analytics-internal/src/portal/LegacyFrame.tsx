import { Content, Header, Page } from '@backstage/core-components';
import type { FrameProps } from '../components/context/PagesContext';

/** The frame of a page in the legacy frontend system. */
export function LegacyFrame({ title, parent, children }: FrameProps) {
  return (
    <Page themeId="tool">
      <Header title={title} type={parent?.label} typeLink={parent?.href} />
      <Content noPadding>{children}</Content>
    </Page>
  );
}
