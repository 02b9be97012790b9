"""Invented names, companies, phone numbers and addresses, all distinct where they must be."""

import random
from dataclasses import dataclass
from itertools import product

HOME_DOMAIN = "acme.example"
"""The seller's own domain: addresses in it are internal."""

REPS = (
    ("Rosa", "Keane"), ("Kit", "Adeyemi"), ("Jo", "Marchetti"), ("Leo", "Brandt"), ("Sam", "Whitlock"), ("Ines", "Carvalho"),  # codespell:ignore ines
    ("Dot", "Hargreaves"), ("Toby", "Lindqvist"),
)  # fmt: skip
"""The seller's own people; the planted texts speak of them by first name."""

# (as written, as an e-mail address spells it)
FIRST_NAMES = (
    ("Dana", "dana"), ("Jürgen", "juergen"), ("Zoë", "zoe"), ("Søren", "soeren"), ("Renée", "renee"), ("Łukasz", "lukasz"),
    ("美咲", "misaki"), ("健太", "kenta"), ("伟", "wei"), ("지민", "jimin"), ("Αλέξης", "alexis"), ("Олена", "olena"),
    ("Aoife", "aoife"), ("José", "jose"), ("Maria", "maria"), ("John", "john"), ("Grace", "grace"), ("Ibrahim", "ibrahim"),
    ("Leila", "leila"), ("Thomas", "thomas"), ("Anna", "anna"), ("Peter", "peter"), ("Fatima", "fatima"), ("Chinedu", "chinedu"),
    ("Astrid", "astrid"), ("Björn", "bjoern"), ("Íñigo", "inigo"), ("Noah", "noah"), ("Emma", "emma"), ("Paul", "paul"),
    ("Rania", "rania"), ("Viktor", "viktor"), ("Mary Jane", "maryjane"), ("Jean-Luc", "jeanluc"), ("Siân", "sian"), ("Tom", "tom"),
)  # fmt: skip
FAMILY_NAMES = (
    ("Müller", "mueller"), ("O'Connor", "oconnor"), ("田中", "tanaka"), ("佐藤", "sato"), ("王", "wang"), ("김", "kim"),
    ("García Márquez", "garciamarquez"), ("Smith", "smith"), ("Jones", "jones"), ("Lindström", "lindstroem"), ("Ødegård", "oedegaard"),
    ("Nowak", "nowak"), ("D'Angelo", "dangelo"), ("van der Berg", "vanderberg"), ("Šimić", "simic"), ("Çelik", "celik"),
    ("Okafor", "okafor"), ("Haddad", "haddad"), ("Patel", "patel"), ("Singh", "singh"), ("Novák", "novak"), ("Dubois", "dubois"),
    ("Lefèvre", "lefevre"), ("Rossi", "rossi"), ("Weiß", "weiss"), ("Schäfer", "schaefer"), ("Fernández", "fernandez"),
    ("Silva", "silva"), ("Costa", "costa"), ("Brown", "brown"), ("Taylor", "taylor"), ("Walsh", "walsh"), ("Ní Bhriain", "nibhriain"),
    ("Papadopoulos", "papadopoulos"), ("Kovács", "kovacs"), ("Ionescu", "ionescu"), ("Hansen", "hansen"), ("Virtanen", "virtanen"),
    ("Mbeki", "mbeki"), ("Nguyễn", "nguyen"), ("Cohen", "cohen"), ("Ali", "ali"), ("Ferreira", "ferreira"), ("Bauer", "bauer"),
)  # fmt: skip
COMPANY_HEADS = (
    "Aldergate", "Birchmoor", "Calderwick", "Dovestone", "Eskdale", "Fallowmere", "Glenharrow", "Hazelbeck", "Ivelchester", "Junipers",
    "Kittering", "Lowmarsh", "Merrowby", "Nightmere", "Oxlade", "Pikestone", "Quarrington", "Redscar", "Silverhithe", "Thornaby",
    "Ulverthorpe", "Vellacott", "Windlesea", "Yarrowdale", "Zellmoor", "Brightwater", "Copperfold", "Drystone", "Elmshore", "Ferncastle",
)  # fmt: skip
COMPANY_TAILS = (
    "Foods", "Logistics", "Media", "Textiles", "Energy", "Robotics", "Dental", "Bikes", "Papers", "Optics", "Tools", "Travel", "Farms",
    "Studios", "Shipping", "Ceramics", "Mutual", "Labs", "Brewing", "Freight",
)  # fmt: skip
INDUSTRIES = ("Manufacturing", "Retail", "Transportation", "Media", "Energy", "Finance", "Healthcare", "Technology")
JOB_TITLES = ("CFO", "CTO", "Head of Operations", "Office Manager", "VP Engineering", "Buyer", "HR Manager", "Analyst")


@dataclass(frozen=True)
class Country:
    """Where a company is: as Salesforce writes it, as Stripe writes it, how it dials, what it pays in."""

    name: str
    code: str
    dial: str
    mobile: str
    """First national digits of a mobile number; seven more follow."""
    landline: str
    """First national digits of an office number; six more follow."""
    city: str
    currency: str


COUNTRIES = (
    Country("United States", "US", "1", "415", "2125", "Springfield", "usd"),
    Country("United Kingdom", "GB", "44", "770", "2079", "Leeds", "gbp"),
    Country("Germany", "DE", "49", "1512", "3055", "Köln", "eur"),
    Country("Ireland", "IE", "353", "85", "121", "Cork", "eur"),
    Country("France", "FR", "33", "61", "144", "Orléans", "eur"),
    Country("Japan", "JP", "81", "907", "3534", "横浜", "jpy"),
)
COUNTRY_WEIGHTS = (34, 24, 18, 10, 10, 4)


@dataclass(frozen=True)
class Company:
    """One real company; `id` is unique and is also its domain's first label."""

    id: str
    name: str
    country: Country
    industry: str
    office: str
    """Switchboard number, digits after the dial code."""

    @property
    def domain(self) -> str:
        """Its mail and web domain."""
        return f"{self.id}.example"


def rep_email(first: str, last: str) -> str:
    """The address of one of the seller's people."""
    return f"{first}.{last}@{HOME_DOMAIN}".lower()


def companies(rng: random.Random, planted: list[str], count: int) -> list[Company]:
    """The companies of the planted people first, then as many invented ones as asked for."""
    ids = [(name, name.capitalize()) for name in planted]
    pairs = list(product(COMPANY_HEADS, COMPANY_TAILS))
    rng.shuffle(pairs)
    for number in range(count):
        head, tail = pairs[number % len(pairs)]
        again = number // len(pairs)
        name = f"{head} {tail} {again + 1}" if again else f"{head} {tail}"
        ids.append((name.lower().replace(" ", "-"), name))
    return [_company(rng, number, slug, name) for number, (slug, name) in enumerate(ids)]


def _company(rng: random.Random, number: int, slug: str, name: str) -> Company:
    country = rng.choices(COUNTRIES, COUNTRY_WEIGHTS)[0]
    return Company(slug, name, country, rng.choice(INDUSTRIES), f"{country.landline}{_scrambled(number, 6)}")


def mobile(country: Country, number: int) -> str:
    """The national digits of the mobile with this number; distinct for ten million numbers."""
    return f"{country.mobile}{_scrambled(number, 7)}"


def _scrambled(number: int, digits: int) -> str:
    # 7,919 is a prime that divides no power of ten, so every number keeps an image of its own
    return f"{(number * 7919 + 123457) % 10**digits:0{digits}d}"


def dialled(rng: random.Random, country: Country, national: str) -> str:
    """A number as somebody may type it: always with the country code, seldom the same way twice."""
    area, rest = national[:3], national[3:]
    return rng.choice(
        (
            f"+{country.dial}{national}",
            f"+{country.dial} {area} {rest}",
            f"+{country.dial} {area} {rest[:3]} {rest[3:]}",
            f"+{country.dial}-{area}-{rest}",
            f"+{country.dial} ({area}) {rest}",
        )
    )


def address_as_typed(rng: random.Random, email: str, *, spaces: bool) -> str:
    """An e-mail address as somebody may type it; only forms that accept anything let spaces through."""
    forms = [email, email, email.upper(), email.title()]
    return rng.choice([*forms, f" {email}", f"{email} "] if spaces else forms)
