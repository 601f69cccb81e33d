import { createApp } from '@backstage/frontend-defaults';
import { recorderModule } from './recorder';
import { sidebarModule } from './Sidebar';

// The plugins are discovered from the package's dependencies (`app.packages` in app-config.yaml).
export default createApp({ features: [sidebarModule, recorderModule] });
