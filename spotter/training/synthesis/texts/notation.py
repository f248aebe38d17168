# ruff: noqa: RUF001, RUF002 -- signs that look like others are what this is about
"""Notation: source code, formulas, list markers, Roman numerals, single letters and signs."""

import string
from collections.abc import Sequence

import numpy as np

from spotter.training.synthesis.texts.draws import Odds, chance, digits, listed, pick, some, whole
from spotter.training.synthesis.vocabulary import COMMON, SIGNS

_LONE = Odds(
    dict.fromkeys("=/%*#+@|.!?$<>~^_\\()[]{}", 1.0)
    | {":": 6.0, "-": 5.0, "&": 5.0, "**": 1.0, "...": 1.0, "--": 1.0, "–": 2.0, "—": 1.0, "·": 0.5, "*": 2.0}
)
_OPERATORS = listed(
    """
    != == === -> => := += -= *= /= && || ++ -- <= >= << >> <> :: ?? ?. ** // /* */ # {} [] () (); {{ }} </ /> ... |>
    <- ~= % & @ $ \\n
    """
)
_TAGS = listed(
    """
    div span p br td tr table h1 body html img a li ul input form head script href class id name
    """
)
_TYPES = listed(
    """
    int str float bool char void const static public class return import from def if else for while null None True
    False
    """
)
_ELEMENTS = listed(
    """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Ti Cr Mn Fe Co Ni Cu Zn As Br Ag Sn I Ba Pt Au Hg Pb U
    """
)
_FORMULAS = listed(
    """
    H2O CO2 H2SO4 NaCl C6H12O6 NH3 HNO3 CaCO3 Fe2O3 O2 N2 CH4 NaOH HCl C2H5OH SiO2 Al2O3 KMnO4 NO2 O3 PM2.5 H2O2
    """
)
_RELATIONS = "=<>≤≥≈≠≡∝⊂⊃∈"
_OPERATIONS = "+-×·/−÷*±∧∨∩∪"
_VARIABLES = "abcdfhkmnpqrstuvwxyzABCDEFGHKLMNPQRSTVWXYZαβγδεζηθλμνξπρστφψωΓΔΘΛΞΠΣΦΨΩ"
_MARKERS = listed(
    """
    • • • – — - * § ¶ † ‡ → ■ □ ▪ ● ○ ◆ ◇ ▶ ▷ ► ★ ☐ ☑ ☒ ✓ ✔ ✘ ➔ ➜ ➤ » › ※ ✅ ❌ · ◎ ▲ ▼ △ ▽ ↑ ↓ ←
    """
)
_RATED = ("★☆", "●○", "■□", "♥♥", "✓✓")
_LOOK_ALIKE = set("cosuvwxzkpijmy")  # small letters that look like their capitals
_SUBSCRIPTS, _SUPERSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"), str.maketrans("0123456789+-n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ")


def _identifier(rng: np.random.Generator) -> str:
    parts = [pick(rng, SIGNS if chance(rng, 0.5) else COMMON) for _ in range(whole(rng, 1, 3))]
    form = rng.random()
    if form < 0.45:
        return "_".join(parts)
    if form < 0.75:
        return parts[0] + "".join(part.capitalize() for part in parts[1:])
    return "_".join(parts).upper() if form < 0.88 else "".join(part.capitalize() for part in parts)


def source(rng: np.random.Generator) -> str:
    """Tokens of programs: foo_bar(x) self.value != -> {} "key": </div> --flag=3 std::vector<int> i++; ${HOME}."""
    form, name = rng.random(), _identifier(rng)
    if form < 0.16:
        return pick(rng, _OPERATORS)
    if form < 0.34:
        argument = pick(rng, ("", "x", "i", "self", "a,b", digits(rng, 1, 3), f'"{pick(rng, COMMON)}"', "*args", "x=1"))
        owner = pick(rng, ("", "self.", "np.", "os.", "this.", "$", "this->"))
        return f"{owner}{name}({argument}){pick(rng, ('', '', ';', ':', ','))}"
    if form < 0.46:
        return name + pick(rng, ("", ";", ",", "=", "[0]", "[i]", "++;", "=" + digits(rng, 1, 3) + ";", ":", ".value"))
    if form < 0.54:
        quote = pick(rng, '"\'"')
        return f"{quote}{name}{quote}{pick(rng, ('', ',', ':', ':', ')', ');'))}"
    if form < 0.64:
        inner = pick(rng, _TAGS)
        return pick(
            rng,
            (
                f"<{inner}>",
                f"</{inner}>",
                f"<{inner}/>",
                f'{inner}="{pick(rng, COMMON)}"',
                f"&{pick(rng, ('nbsp', 'amp', 'lt'))};",
            ),
        )
    if form < 0.74:
        return (
            pick(rng, ("--", "-"))
            + pick(rng, SIGNS)
            + pick(rng, ("", "", "=" + digits(rng, 1, 4), "=" + pick(rng, COMMON)))
        )
    if form < 0.84:
        variable = pick(rng, ("HOME", "PATH", "i", "x", name))
        return pick(
            rng,
            (
                f"${variable}",
                f"${{{variable}}}",
                f"%{variable}%",
                f"{{{variable}}}",
                f"{{{{{variable}}}}}",
                f"&{variable}",
                f"*{variable}",
                f"@{name}",
            ),
        )
    if form < 0.92:
        return pick(rng, _TYPES) + pick(rng, ("", "", ":", ";", "(", "{", "[]", "*"))
    return pick(rng, ("std::", "java.util.", "torch.nn.", "System.out.")) + name + pick(rng, ("", "<int>", "::", "()"))


def chemical(rng: np.random.Generator) -> str:
    """Chemical formulas, with subscript or plain digits, and ions: H₂O CO2 SO₄²⁻ Ca²⁺ C₆H₁₂O₆."""
    if chance(rng, 0.5):
        text = pick(rng, _FORMULAS)
    else:
        text = "".join(
            pick(rng, _ELEMENTS) + pick(rng, ("", "", "2", "3", "4", digits(rng, 1, 2)))
            for _ in range(whole(rng, 2, 4))
        )
    text = text.translate(_SUBSCRIPTS) if chance(rng, 0.6) and "." not in text else text
    return text + pick(rng, ("", "2", "3")).translate(_SUPERSCRIPTS) + pick(rng, "⁺⁻") if chance(rng, 0.15) else text


def maths(rng: np.random.Generator) -> str:
    """Pieces of formulas: x² a²+b²=c² p<0.001 α=0.05 ≤5 √2 10⁻³ x→∞ ∆T ∑xᵢ f(x) 3×4=12."""

    def term() -> str:
        if chance(rng, 0.45):
            return pick(rng, (str(whole(rng, 0, 99)), f"0.{digits(rng, 1, 3)}", str(whole(rng, 1, 9))))
        return pick(rng, _VARIABLES) + (
            pick(rng, ("²", "³", "⁴", "ⁿ", "₀", "₁", "₂", "⁻¹", "′")) if chance(rng, 0.3) else ""
        )

    form = rng.random()
    if form < 0.25:
        return f"{term()}{pick(rng, _RELATIONS)}{term()}"
    if form < 0.45:
        return f"{term()}{pick(rng, _OPERATIONS)}{term()}" + (f"{pick(rng, '==≈')}{term()}" if chance(rng, 0.5) else "")
    if form < 0.55:
        return pick(rng, "≤≥±≈<>~√∆∂∑∏∫−≠∝∠∅∞") + (term() if chance(rng, 0.8) else "")
    if form < 0.63:
        return (
            f"10{digits(rng, 1, 2).translate(_SUPERSCRIPTS)}"
            if chance(rng, 0.5)
            else f"10⁻{digits(rng, 1, 1).translate(_SUPERSCRIPTS)}"
        )
    if form < 0.75:
        return f"{pick(rng, 'fghPFEφψ')}({term()}{pick(rng, ('', ',' + term(), '|' + term()))})"
    if form < 0.83:
        return f"{pick(rng, _VARIABLES)}{pick(rng, '→⇒∈←↔⇔')}{pick(rng, ('∞', '0', term()))}"
    return term()


def roman(rng: np.random.Generator) -> str:
    """Roman numerals up to 2030: IV XIX. iii) MMXXIV (vi)."""
    value, text = whole(rng, 1, 30) if chance(rng, 0.8) else whole(rng, 31, 2030), ""
    for size, sign in zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ["M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"],
        strict=True,
    ):
        text += sign * (value // size)
        value %= size
    text = text.lower() if chance(rng, 0.2) else text
    form = rng.random()
    return f"({text})" if form < 0.06 else text + pick(rng, (".", ".", ")", ",", ":")) if form < 0.3 else text


def marker(rng: np.random.Generator) -> str:
    """List markers: 1. a) (b) • – 2.3.1 §5 [12] ¹ No. №7."""
    form = rng.random()
    number = str(whole(rng, 1, 30))
    letter = pick(rng, "abcdefghABCDEFGH")
    if form < 0.22:
        return number + pick(rng, (".", ".", ")", ":", ".)"))
    if form < 0.38:
        return letter + pick(rng, (")", ".", ")"))
    if form < 0.5:
        return f"({pick(rng, (number, letter, letter))})"
    if form < 0.66:
        return pick(rng, _MARKERS)
    if form < 0.8:
        return ".".join(str(whole(rng, 1, 12)) for _ in range(whole(rng, 2, 4))) + pick(rng, ("", "", ".", ")"))
    if form < 0.9:
        return f"[{number}]" if chance(rng, 0.6) else pick(rng, ("¹", "²", "³", "⁴", "*", "†", "¹"))
    return pick(rng, ("§", "§", "No.", "Nr.", "№", "Nº", "n°", "#", "Art.", "p.", "S.", "Fig.", "Abb.")) + number


def single(rng: np.random.Generator) -> str:
    """One letter or digit; small letters that look like their capitals when alone are rare."""
    form = rng.random()
    if form < 0.42:
        return pick(rng, string.ascii_uppercase)
    if form < 0.8:
        return pick(rng, string.digits)
    if form < 0.9:
        letter = pick(rng, string.ascii_lowercase)
        return letter if letter not in _LOOK_ALIKE or chance(rng, 0.2) else pick(rng, "abdefghlnqrt")
    if form < 0.95:
        return "I" if form < 0.93 else "l"
    return pick(rng, "ÀÄÅÆÇÈÉÊÍÑÓÔÖØÚÜŁŠŽßàáâãäåæçèéêëìíîïñòóôõöøùúûüąćęłńśźżőűğşșțčďěňřšťůž")


def sign(rng: np.random.Generator) -> str:
    """A punctuation mark alone."""
    return _LONE.draw(rng)


def symbol(rng: np.random.Generator, symbols: Sequence[str]) -> str:
    """Symbols alone, repeated, or attached to a word or a number: ★★★★☆ ♥ → © ©2024 Word™ ®."""
    form = rng.random()
    if form < 0.6:
        return pick(rng, symbols)
    if form < 0.72:
        rated = pick(rng, _RATED)
        count = whole(rng, 1, 5)
        return rated[0] * count + rated[1] * (5 - count)
    if form < 0.85:
        return pick(rng, SIGNS).capitalize() + pick(rng, "™®©*†²")
    return pick(rng, ("©", "®", "©", "№", "♪", "☎", "✉", "⌘", "♥", "→", "↑", "↓", "✓", "¿", "¡")) + pick(
        rng, (str(whole(rng, 1, 30)), str(whole(rng, 1990, 2030)), pick(rng, SIGNS))
    )


def jumble(rng: np.random.Generator, characters: Sequence[str], ascii_characters: Sequence[str]) -> str:
    """Random characters, so that each is learnt: from the whole charset a little more often than from ASCII only."""
    return some(rng, characters if chance(rng, 0.6) else ascii_characters, 1, 8)
