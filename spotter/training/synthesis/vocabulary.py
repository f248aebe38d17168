"""Words found on signs, packages and receipts, and the machine's word list where there is one."""

from functools import cache
from pathlib import Path

_DICTIONARIES = ("/usr/share/dict/words", "/usr/share/dict/american-english", "/usr/share/dict/british-english")
_LONGEST = 14

_SIGNS = """
exit entrance open closed sale shop store market hotel cafe restaurant bar street road avenue lane drive park
station bus taxi stop parking police bank post office school library museum hospital pharmacy doctor clinic
dental optical push pull enter please no smoking danger warning caution notice keep out private public toilet
ladies gentlemen men women lift stairs floor level basement ground first second third north south east west
left right up down way one two centre center city town village bridge river lake sea beach garden tower house
home building plaza square court hall food drink coffee tea water milk bread cake pizza burger chicken fish
rice noodle soup salad fruit juice beer wine ice cream sugar salt pepper sauce cheese butter egg beef pork
lamb sweet hot cold fresh new best free special offer save price discount half buy get extra super mega value
quality original natural organic light classic premium gold silver black white red blue green yellow orange
pink grey brown world global national royal grand central express fast easy smart digital mobile phone
computer camera photo video music radio book paper pen card gift toy game sport golf football club gym health
beauty hair nail spa fashion shoe bag watch jewel glass light furniture kitchen bath bed room car bike tyre
oil gas petrol service repair rent lease sold agent estate travel tour flight airport airways ticket credit
cash money change pay till wallet insurance finance trust group company limited corporation international
systems solutions technology design studio print media press news times daily post mail delivery cargo express
"""
_RECEIPTS = """
total subtotal tax gst vat cash change amount due balance item items qty unit price each discount rounding adj
net gross invoice receipt bill table cashier counter date time member points card visa master debit approved
thank you come again please visit goods sold are not returnable exchange within days tel fax email website
company registration number no ref order customer copy description code incl excl inclusive of sales summary
rate payment tender closed
"""
_COMMON = """
the and for you are with this that from have not all can your has was will one our out about more when who
what there time they which other than into some could them see only its over also after use how work well even
want because any these give day most us man find here thing many tell very life child each last between never
need same another begin while might next sound below saw something thought both few those always show large
often together asked until children side feet car mile night walk white sea began grow took river four carry
state once book hear stop without
"""

SIGNS = tuple(_SIGNS.split())
RECEIPTS = tuple(_RECEIPTS.split())
COMMON = tuple(_COMMON.split())


@cache
def vocabulary() -> tuple[str, ...]:
    """Lower-case and capitalised ASCII words: the machine's list where there is one, else the lists above."""
    own = SIGNS + RECEIPTS + COMMON
    for path in map(Path, _DICTIONARIES):
        if path.is_file():
            lines = path.read_text(encoding="utf-8", errors="ignore").split()
            found = tuple(w for w in lines if w.isascii() and w.isalpha() and 1 < len(w) < _LONGEST)
            if len(found) > len(own):
                return found
    return own
