"""What Splink may not be trusted with does not stop the queue."""

import random

import pyarrow as pa

from pipelines.stitch.suggest.comparing import PERSONS
from pipelines.stitch.suggest.score import scored

TEXT, TEXTS = pa.string(), pa.list_(pa.string())
KINDS = {
    "id": TEXT, "given": TEXT, "family": TEXT, "full_name": TEXT, "called": TEXTS, "company": TEXT, "company_words": TEXTS,
    "domain": TEXT, "account": TEXT, "phone": TEXT, "mailbox": TEXT, "city": TEXT, "postcode": TEXT, "country": TEXT,
}  # fmt: skip
SYLLABLES = ("ba", "ko", "li", "mu", "ne", "ro", "sa", "ti", "vo", "zu", "du", "fe")
BERLIN = {"city": "berlin", "postcode": "10115", "country": "de"}
OSLO = {"city": "oslo", "postcode": "80331", "country": "no"}


class Town:
    """People with made-up names, row by row."""

    def __init__(self, seed: int) -> None:
        self.chance, self.rows = random.Random(seed), []

    def word(self, length: int) -> str:
        return "".join(self.chance.choice(SYLLABLES) for _ in range(length))

    def company(self) -> str:
        return f"{self.word(3)} {self.word(3)}"

    def add(self, given: str, family: str, company: str, **more: str) -> None:
        name, house = f"{given} {family}", company.replace(" ", "")
        row = {
            "given": given,
            "family": family,
            "full_name": name,
            "called": [given],
            "company": company,
            "account": company,
        }
        row |= {"company_words": company.split(), "domain": f"{house}.example", "mailbox": f"{given}.{family}"}
        self.rows.append({"id": f"{len(self.rows):05}", **row, **more})

    def table(self) -> pa.Table:
        return pa.Table.from_pylist(self.rows, schema=pa.schema(KINDS.items()))


def test_a_share_that_comes_to_nothing_stops_no_estimate():
    """Two companies behind each telephone: who is at the other one is the same ever less, until Splink takes the number for none."""
    town = Town(2)
    for line in range(10):
        homes = [(town.company(), place) for place in (BERLIN, OSLO)]
        for number in range(20):
            (company, place), names = homes[number % 2], (town.word(1), town.word(town.chance.choice((1, 2))))
            town.add(*names, company, phone=f"+4930{line:07}", **place)
    for _ in range(200):
        company, given, family, city = town.company(), town.word(3), town.word(4), town.word(3)
        for mailbox in (f"{given}.{family}", f"{given}{family}"):
            code = str(town.chance.randint(10_000, 99_999))
            town.add(given, family, company, city=city, postcode=code, country="fr", mailbox=mailbox)
    found = scored(town.table(), PERSONS, at_least=0.5)
    assert found.learned.signals["name"] == "estimated"
    assert found.table.num_rows >= 200
