"""The portal's catalog with its history: read from the portal or a file, kept in PostgreSQL."""

from analytics_internal.catalog.entity import minutes_of
from analytics_internal.catalog.file import CatalogFile
from analytics_internal.catalog.following import Following
from analytics_internal.catalog.portal import PortalCatalog
from analytics_internal.catalog.source import NoSource, Source
