# ruff: noqa: RUF001, RUF002 -- signs that look like others are what this is about
"""Dates, times and timestamps."""

import numpy as np

from spotter.training.synthesis.texts.draws import chance, digits, listed, pick, whole

MONTHS = {
    "en": """
    January February March April May June July August September October November December Jan Feb Mar Apr
    May Jun Jul Aug Sep Sept Oct Nov Dec
    """,
    "de": """
    Januar Februar März April Mai Juni Juli August September Oktober November Dezember Jän Jan Feb Mär Mrz
    Okt Dez
    """,
    "fr": """
    janvier février mars avril mai juin juillet août septembre octobre novembre décembre janv févr avr juil
    déc
    """,
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre ene abr ago dic",
    "it": """
    gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre gen mag
    giu lug set dic
    """,
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro fev out dez",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december mrt okt",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "pl": """
    stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia sty
    paź
    """,
    "cs": "ledna února března dubna května června července srpna září října listopadu prosince",
    "fi": "tammikuu helmikuu maaliskuu huhtikuu toukokuu kesäkuu heinäkuu elokuu syyskuu lokakuu marraskuu joulukuu",
    "hu": "január február március április május június július augusztus szeptember október november december",
    "ro": "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    "tr": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
    "el": "Ιανουαρίου Φεβρουαρίου Μαρτίου Απριλίου Μαΐου Ιουνίου Ιουλίου Αυγούστου Σεπτεμβρίου Οκτωβρίου Δεκεμβρίου",
}
DAYS = listed(
    """
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday Mon Tue Wed Thu Fri Sat Sun Montag Dienstag Mittwoch
    Donnerstag Freitag Samstag Sonntag Mo Di Mi Do Fr Sa So lundi mardi mercredi jeudi vendredi samedi dimanche
    lunes martes miércoles jueves viernes sábado domingo lunedì martedì mercoledì giovedì venerdì sabato domenica
    segunda-feira terça-feira maandag dinsdag woensdag donderdag vrijdag zaterdag zondag måndag tisdag onsdag
    torsdag fredag lördag söndag poniedziałek wtorek środa czwartek piątek sobota niedziela pondělí úterý středa
    čtvrtek pátek neděle
    """
)
_EVERY_MONTH = tuple(name for names in MONTHS.values() for name in names.split())
_ENGLISH = tuple(MONTHS["en"].split())
_ZONES = ("Z", "Z", "+00:00", "+01:00", "+02:00", "-05:00", "+0530", "")


def date(rng: np.random.Generator) -> str:
    """Dates in any order, with any separator: 5/10/2019 2019-10-05 05.10.19 12-Mar-2024 03MAR24 12.3. 08/27 2023/24."""
    day, month, year = whole(rng, 1, 31), whole(rng, 1, 12), whole(rng, 1900, 2039)
    if chance(rng, 0.7):
        year = whole(rng, 1985, 2030)
    mark, form = pick(rng, "//--.."), rng.random()
    zeros = chance(rng, 0.65)
    two = "{:02d}".format if zeros else str
    short = f"{year % 100:02d}" if chance(rng, 0.35) else str(year)
    if form < 0.46:
        first, second = (day, month) if chance(rng, 0.65) else (month, day)
        return f"{two(first)}{mark}{two(second)}{mark}{short}"
    if form < 0.62:
        return f"{year}{mark}{month:02d}{mark}{day:02d}" if chance(rng, 0.85) else f"{year}{month:02d}{day:02d}"
    if form < 0.76:
        name = _case(rng, pick(rng, _ENGLISH if chance(rng, 0.6) else _EVERY_MONTH))
        mark = pick(rng, ("-", "-", "/", ".", ""))
        return f"{two(day)}{mark}{name}{mark}{short}" if chance(rng, 0.8) else f"{name}{mark}{two(day)}{mark}{short}"
    if form < 0.84:
        return f"{month:02d}{pick(rng, '//-.')}{short}"
    if form < 0.9:
        return f"{two(day)}{pick(rng, '/.')}{two(month)}{pick(rng, ('', '', '.'))}"
    if form < 0.94:
        return f"{year}{pick(rng, '-–/')}{pick(rng, (str(year + whole(rng, 1, 9)), f'{(year + 1) % 100:02d}'))}"
    if form < 0.97:
        return f"{pick(rng, chr(39) + '’')}{year % 100:02d}"
    return f"{year // 10 * 10}{pick(rng, ('s', 's', 'er', chr(39) + 's'))}"


def month(rng: np.random.Generator) -> str:
    """Names of months and weekdays in fifteen languages, in full or abbreviated."""
    name = _case(rng, pick(rng, _EVERY_MONTH if chance(rng, 0.6) else DAYS))
    return name + (pick(rng, (".", ",", ".", ":")) if chance(rng, 0.2) else "")


def clock(rng: np.random.Generator) -> str:
    """Times, spans and durations: 9:05 18:21:07 9.30 14h30 9am 9:00–17:00 1:02.345."""
    hour, minute, second = whole(rng, 0, 23), whole(rng, 0, 59), whole(rng, 0, 59)
    form = rng.random()
    plain = f"{hour:02d}:{minute:02d}" if chance(rng, 0.65) else f"{hour}:{minute:02d}"
    if form < 0.4:
        return plain
    if form < 0.55:
        return f"{plain}:{second:02d}"
    if form < 0.7:
        minutes = pick(rng, ("", f":{minute:02d}", f".{minute:02d}"))
        return f"{hour % 12 or 12}{minutes}{pick(rng, ('am', 'pm', 'AM', 'PM', 'a.m.', 'p.m.'))}"
    if form < 0.78:
        return f"{hour}h{pick(rng, ('', f'{minute:02d}'))}"
    if form < 0.84:
        return f"{hour}.{minute:02d}"
    if form < 0.94:
        return f"{plain}{pick(rng, '-–')}{whole(rng, 0, 23):02d}:{whole(rng, 0, 59):02d}"
    return f"{whole(rng, 0, 59)}:{second:02d}.{digits(rng, 1, 3)}"


def timestamp(rng: np.random.Generator) -> str:
    """Timestamps: 2024-03-12T14:05:33Z 2024-03-12_14-05-33 [12/Mar/2024:14:05:33 20240312140533 1712345678."""
    year, month, day = whole(rng, 1998, 2030), whole(rng, 1, 12), whole(rng, 1, 28)
    hour, minute, second = whole(rng, 0, 23), whole(rng, 0, 59), whole(rng, 0, 59)
    form = rng.random()
    if form < 0.55:
        part = f".{digits(rng, 3, 3)}" if chance(rng, 0.3) else ""
        return f"{year}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}{part}{pick(rng, _ZONES)}"
    if form < 0.7:
        return f"{year}-{month:02d}-{day:02d}_{hour:02d}-{minute:02d}-{second:02d}"
    if form < 0.8:
        return f"[{day:02d}/{_ENGLISH[11 + month][:3]}/{year}:{hour:02d}:{minute:02d}:{second:02d}"
    if form < 0.92:
        zone = pick(rng, ("", "", "Z"))
        return f"{year}{month:02d}{day:02d}{pick(rng, ('', 'T', '_', '-'))}{hour:02d}{minute:02d}{second:02d}{zone}"
    return str(whole(rng, 1_000_000_000, 1_899_999_999))


def _case(rng: np.random.Generator, name: str) -> str:
    form = rng.random()
    return name.upper() if form < 0.25 and name.isascii() else name.capitalize() if form < 0.6 else name
