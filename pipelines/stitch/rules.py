"""What may join two records: one row per identifier kind, read like a table. A kind without a row joins nobody, and is counted.

These are the product's own rules; the store's (`rulebook.py`) come before them, kind by kind.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass

from models.facts import Scope
from models.keys import content_id


@dataclass(frozen=True)
class Rule:
    """How far one kind of identifier is trusted.

    Units: a lower `priority` is stronger. A value on more than `max_records` records is a hub and joins nobody.
    `blocked` are RE2 patterns on the normalised value, searched anywhere in it.
    """

    scope: Scope
    kind: str
    priority: int
    normaliser: str
    """Name of what makes values comparable (`models/identifiers.py`)."""
    max_records: int
    max_values: int | None = None
    """A person or account that hangs together by more such values is taken apart where a single value holds it, and the values on the
    fewest records join no more (Segment's limit, see below). None is no limit."""
    needs_same_name: bool = False
    """Weak: joins only records whose names agree too (names.py), because the value is often shared."""
    one_ever: bool = False
    """One person or account has at most one such value; a cluster with two of them is taken apart, unless a human joined it."""
    blocked: tuple[str, ...] = ()
    enabled: bool = True


JUDGEMENT = "judgement"
"""The kind of an edge that a human drew; stronger than every rule."""
JUDGEMENT_PRIORITY = 0

LARGEST = 50
"""Records of one person or account; above it the weakest identifiers are left out until it falls apart.

The largest true cluster measured had 11 records (reference measurement with guards of 5 to 20 records per value).
"""

PLACEHOLDERS = (r"^[0-]*$", r"^-1$", r"(?i)^(null|none|nil|n/?a|unknown|undefined|anonymous|test|xxx+)$")
"""What forms, imports and developers write where there is nothing to write."""

ROLES = (
    "abuse", "accounting", "accounts", "accountspayable", "admin", "administrator", "billing", "bookings", "careers",
    "contact", "customerservice", "enquiries", "enquiry", "feedback", "finance", "hello", "help", "helpdesk", "hostmaster",
    "hr", "info", "inquiries", "invoice", "invoices", "it", "jobs", "kontakt", "legal", "mail", "marketing", "media", "news",
    "newsletter", "notifications", "office", "order", "orders", "payments", "post", "postmaster", "press", "privacy",
    "purchasing", "reception", "root", "sales", "security", "service", "shop", "staff", "subscribe", "support", "team",
    "webmaster",
)  # fmt: skip
"""Mailboxes read by several people; RFC 2142 names the classic ones."""

EMAILS = (
    rf"^({'|'.join(ROLES)})(\+[^@]*)?@",
    r"^(no|do[-._]?not)[-._]?reply([-+._][^@]*)?@",
    r"^(mailer-daemon|bounces?|postmaster)([-+._][^@]*)?@",
    r"^(test|tester|testing|anonymous|nobody|none|noemail|no-email|null|unknown)[-._]?[0-9]*(\+[^@]*)?@",
    # RFC 2606 keeps these names for examples; the whole .example zone is left alone because practice data lives there
    r"@(.*\.)?example\.(com|net|org)$",
    r"@((.*\.)?(test|invalid|localhost|localdomain)|test\.com|mailinator\.com|yopmail\.com|guerrillamail\.com)$",
)

PHONES = (
    rf"({'|'.join(f'{digit}{{8,}}' for digit in range(10))})$",  # eight equal digits at the end: nobody's number
    r"12345678(90?)?$",
)

FREEMAIL = (
    r"^(gmail|googlemail|outlook|hotmail|live|msn|yahoo|ymail|icloud|me|mac|aol|gmx|proton|protonmail|pm|mail|zoho|fastmail|"
    r"yandex|qq|163|126|sina|naver|daum|web|t-online|freenet|orange|wanadoo|free|laposte|libero|virgilio|comcast|verizon|att|"
    r"btinternet|rediffmail|hey|tutanota)\.(com|net|org|de|at|ch|fr|it|es|nl|be|eu|ru|cn|jp|kr|in|br|mx|ca|au|me|co\.uk|co\.jp|"
    r"co\.in|com\.br|com\.au|com\.mx)$",
)
"""Mail domains that say nothing about the company."""

SHARED_HOSTS = (
    r"(^|\.)(facebook|linkedin|instagram|twitter|x|youtube|tiktok|xing|wixsite|wordpress|blogspot|squarespace|weebly|shopify|"
    r"myshopify|github|medium|linktr|etsy|amazon|ebay)\.(com|io|ee)$",
    r"^(sites|business|maps)\.google\.com$",
)
"""Web sites under which many companies have a page."""

CLICKS = ("fbc", "fbclid", "gclid", "gbraid", "wbraid", "msclkid", "ttclid", "twclid", "li_fat_id")
"""Clicks are touches, never identity: a forwarded link carries them to others. No rule may be made for them."""

RULES = (
    Rule(Scope.person, "external_id", 1, "verbatim", 20, one_ever=True),
    Rule(Scope.person, "salesforce_id", 1, "salesforce_id", 50),
    Rule(Scope.person, "hubspot_id", 1, "verbatim", 50),
    Rule(Scope.person, "stripe_customer", 1, "stripe_customer", 50),
    Rule(Scope.person, "email", 3, "email", 20, max_values=10, blocked=EMAILS),
    Rule(Scope.person, "phone", 5, "phone", 20, max_values=10, needs_same_name=True, blocked=PHONES),
    Rule(Scope.person, "fbp", 7, "fbp", 10, max_values=10, needs_same_name=True),
    Rule(Scope.account, "external_id", 1, "verbatim", 20, one_ever=True),
    Rule(Scope.account, "salesforce_id", 1, "salesforce_id", 50),
    Rule(Scope.account, "hubspot_id", 1, "verbatim", 50),
    Rule(Scope.account, "stripe_customer", 1, "stripe_customer", 50),
    Rule(
        Scope.account, "domain", 3, "domain", 20, max_values=10, needs_same_name=True, blocked=FREEMAIL + SHARED_HOSTS
    ),
    Rule(Scope.account, "phone", 5, "phone", 20, max_values=10, needs_same_name=True, blocked=PHONES),
)
"""Strongest first. Domains and phones are weak: subsidiaries share a web site, colleagues share a switchboard. `fbp` is weakest: it names
a browser, and a household shares one.

`external_id` is the seller's own number of a customer or user. Two numbers are two customers, even behind one address: Segment
holds its `user_id` to one ever as well, and other identifiers to five (https://www.twilio.com/docs/segment/unify/identity-resolution);
ten leave room for who changes jobs. Who has two logins is joined by a judgement, which outweighs the rule.

A person has about eight records where all five vendors know them (two or three in each CRM, a payer, a product user, a form or
two), so 20 records of one value leave room for duplicates. A vendor's events and page views must bring no identifiers of their own:
the user they belong to does, or else their number would make a hub of every address.
"""


def rules_of(scope: Scope, rules: Iterable[Rule] = RULES) -> dict[str, Rule]:
    """The rules that join records of this scope, by kind; those that were switched off are left out."""
    return {rule.kind: rule for rule in rules if rule.scope == scope and rule.enabled}


def version_of_rules(rules: Iterable[Rule]) -> str:
    """Names the content of these rules: equal rules have equal versions, whoever decided them and when."""
    lines = sorted(repr(astuple(rule)) for rule in rules)
    return content_id(*lines, repr(PLACEHOLDERS), str(LARGEST))[:12]
