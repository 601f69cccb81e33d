"""The portal's words: names of teams, people, services, templates, pages and searches."""

# (team, the words its services are named after, how eagerly it uses the portal)
TEAMS: tuple[tuple[str, tuple[str, str, str], float], ...] = (
    ("platform", ("platform", "cluster", "pipeline"), 4.0),
    ("developer-experience", ("devx", "portal", "scaffold"), 3.6),
    ("sre", ("observability", "alerting", "incident"), 2.4),
    ("payments", ("payments", "pix", "card"), 2.0),
    ("checkout", ("checkout", "order", "coupon"), 1.6),
    ("cart", ("cart", "wishlist", "session"), 0.9),
    ("pricing", ("pricing", "promotion", "tax"), 0.7),
    ("discovery", ("discovery", "ranking", "suggestion"), 1.1),
    ("shipping", ("shipping", "carrier", "tracking"), 0.8),
    ("warehouse", ("warehouse", "inventory", "picking"), 0.4),
    ("returns", ("returns", "refund", "claim"), 0.3),
    ("identity", ("identity", "login", "consent"), 1.5),
    ("customer", ("customer", "address", "preference"), 0.8),
    ("loyalty", ("loyalty", "points", "reward"), 0.35),
    ("notifications", ("notification", "mailer", "push"), 0.7),
    ("fraud", ("fraud", "risk", "device"), 0.6),
    ("billing", ("billing", "invoice", "ledger"), 0.9),
    ("data-platform", ("lakehouse", "ingestion", "metrics"), 1.2),
    ("machine-learning", ("feature", "training", "inference"), 0.7),
    ("mobile", ("android", "ios", "deeplink"), 1.0),
    ("storefront", ("storefront", "content", "banner"), 1.3),
    ("partners", ("partner", "marketplace", "seller"), 0.5),
    ("security", ("secrets", "vault", "audit"), 0.9),
    ("support-tools", ("ticket", "chat", "knowledge"), 0.25),
    ("legal-compliance", ("compliance", "retention", "contract"), 0.0),
)

# Names and suffixes, separated by spaces.
FIRST_NAMES = (
    "Ana Beatriz Bruno Caio Camila Carla Carlos Cecília Clara Daniel Débora Diego Eduarda Eduardo "
    "Elisa Érica Fábio Felipe Fernanda Flávia Gabriel Gabriela Guilherme Gustavo Heitor Helena Henrique "
    "Igor Isabela Jéssica João Júlia Juliana Karina Larissa Laura Leandro Letícia Lívia Lucas Luís "
    "Manuela Marcela Márcio Mariana Mateus Natália Nícolas Otávio Patrícia Paulo Pedro Priscila Rafael "
    "Raquel Renata Ricardo Rodrigo Sofia Tatiana Thiago Valéria Vinícius Yasmin"
)
LAST_NAMES = (
    "Almeida Alves Andrade Araújo Barbosa Barros Batista Borges Campos Cardoso Carvalho Castro Correia "
    "Costa Cunha Dias Duarte Farias Fernandes Ferreira Freitas Gomes Gonçalves Lima Lopes Machado Marques "
    "Martins Medeiros Melo Mendes Monteiro Moraes Moreira Nascimento Nogueira Nunes Oliveira Pereira Pinto "
    "Ramos Ribeiro Rocha Rodrigues Sales Santana Santos Silva Soares Souza Teixeira Vieira"
)

COMPONENT_SUFFIXES = "service web worker gateway consumer scheduler bff admin exporter sync library cli rules reports"
API_SUFFIXES = ("api", "events", "grpc-api")
RESOURCE_SUFFIXES = ("db", "bucket", "topic", "cache")

# (name, title, form steps, minutes saved by a run)
TEMPLATES: tuple[tuple[str, str, int, int], ...] = (
    ("spring-boot-service", "Spring Boot service", 4, 480),
    ("node-service", "Node.js service", 3, 360),
    ("go-service", "Go service", 3, 360),
    ("python-job", "Python job", 3, 240),
    ("react-app", "React application", 3, 300),
    ("kafka-topic", "Kafka topic", 2, 60),
    ("postgres-database", "PostgreSQL database", 3, 120),
    ("s3-bucket", "S3 bucket", 2, 45),
    ("add-docs", "Add TechDocs to a repository", 2, 30),
    ("register-component", "Register a component", 2, 20),
    ("rotate-secret", "Rotate a secret", 2, 25),
    ("feature-flag", "Feature flag", 2, 15),
    ("grafana-dashboard", "Grafana dashboard", 2, 90),
    ("access-request", "Access request", 3, 30),
    ("airflow-dag", "Airflow DAG", 3, 180),
    ("android-module", "Android module", 4, 240),
)

# Those that nobody has ever opened.
UNUSED_TEMPLATES = ("airflow-dag", "android-module")

# Documentation that everybody needs, owned by the first team: (name, number of pages).
HANDBOOKS: tuple[tuple[str, int], ...] = (
    ("engineering-handbook", 24),
    ("onboarding-guide", 14),
    ("incident-runbooks", 18),
    ("architecture-decisions", 22),
    ("golden-paths", 12),
)

# (section, its pages). A documentation has the first pages of this list.
DOC_SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ("getting-started", "architecture", "faq")),
    ("how-to", ("run-locally", "deploy", "rotate-secrets", "add-an-endpoint", "roll-back")),
    ("reference", ("configuration", "events", "errors", "metrics")),
    ("runbooks", ("high-latency", "queue-backlog", "database-failover", "certificate-expired")),
    ("explanation", ("why-this-way", "data-model", "trade-offs")),
    ("archive", ("migration-2019", "old-api", "meeting-notes", "roadmap-2021", "retrospective")),
)

ANCHORS = ("prerequisites", "installation", "examples", "limits", "troubleshooting", "rollback")

# Other names that people search for, and what they find.
OTHER_NAMES: tuple[tuple[str, str], ...] = (
    ("handbook", "engineering-handbook"),
    ("onboarding", "onboarding-guide"),
    ("runbook", "incident-runbooks"),
    ("new hire", "onboarding-guide"),
    ("first day", "onboarding-guide"),
    ("code review", "engineering-handbook"),
    ("style guide", "engineering-handbook"),
    ("postmortem", "incident-runbooks"),
    ("outage", "incident-runbooks"),
    ("adr", "architecture-decisions"),
    ("how do i deploy", "golden-paths"),
    ("new service", "golden-paths"),
)
# Pages that people search for by title.
SOUGHT_PAGES = ("getting started", "deploy", "run locally", "rotate secrets", "configuration", "roll back")

# Searches without results, most frequent first.
FRUITLESS_SEARCHES = (
    "vpn",
    "terraform module s3",
    "reset mfa",
    "holerite",
    "on-call rota",
    "cost per team",
    "férias",
    "staging password",
    "okr 2026",
    "load test environment",
    "gpu quota",
    "data dictionary",
    "lgpd checklist",
    "vpn mac",
)

# Deleted documentation that is still linked to.
GONE_DOCS = ("legacy-monolith", "soap-gateway", "jenkins-guide", "old-onboarding")
UNKNOWN_ADDRESSES = ("/wiki", "/home", "/status", "/catalog-import/old", "/tech-radar")

# The teams' groups, all of them children of one: (name, title, teams).
DEPARTMENTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "technology",
        "Technology",
        ("platform", "developer-experience", "sre", "security", "data-platform", "machine-learning"),
    ),
    (
        "commerce",
        "Commerce",
        ("payments", "checkout", "cart", "pricing", "discovery", "storefront", "mobile"),
    ),
    ("logistics", "Logistics", ("shipping", "warehouse", "returns")),
    ("customers", "Customers", ("identity", "customer", "loyalty", "notifications", "support-tools")),
    ("business", "Business", ("fraud", "billing", "partners", "legal-compliance")),
)
ROOT_GROUP = ("engineering", "Engineering")

# Programs that use the portal, those that act for nobody but themselves, and what they call.
AGENTS = ("claude-code", "cursor", "release-bot")
LONELY_AGENTS = ("release-bot",)
TOOLS = ("catalog.get-catalog-entity", "catalog.query-catalog-entities", "techdocs.search", "scaffolder.list-templates")
