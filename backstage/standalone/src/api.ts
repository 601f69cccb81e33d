import 'swagger-ui-dist/swagger-ui.css';
import './standalone.css';
import { mount } from './mount';
import SwaggerUIBundle from 'swagger-ui-dist/swagger-ui-es-bundle.js';

SwaggerUIBundle({
  url: new URL('openapi.json', mount).href,
  dom_id: '#api',
  deepLinking: true,
  // The validator is a service on the internet.
  validatorUrl: null,
});
