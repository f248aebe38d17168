"""Rules that correct a recogniser's greedy path where the other characters of the text make an error certain.

CTC's columns are independent of each other given the picture (Graves et al. 2006), so a recogniser may read the 0 of
`50MG` as an O, or output a space after a point in the middle of an address or a name of a program.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spotter.model.charset import Charset
from spotter.model.ctc import GreedyPath, texts_of

_ZERO_BIAS = 3.0  # nats by which an O may exceed a 0: on receipts and tables wrong ones did so by up to 2.6
_DEGREE_BIAS = 3.0  # nats by which an ordinal sign may exceed a degree sign, which looks the same in most faces
_SPACE_LEAD = 1.5  # nats by which a space within a name or a call may exceed the blank
_WORDS = "FHTUZ"  # letters after the O of words and units: 10OFF, 10OHM, 1OTHER, 2OUT, 12OZ
_ROUNDS = 2  # a number may contain two such letters, an address two such spaces


class Correction(nn.Module):
    """Corrects paths of a charset; paths of a charset without the characters concerned are unchanged.

    The tensors are bool [classes]: digits, letters, small letters, `w` and `W`; followers, what stands after a digit's
    zero; ends, what stands before and after a word or a number, the end of the text included; scale_letters, C and F.
    """

    digits: Tensor
    followers: Tensor
    letters: Tensor
    small: Tensor
    ends: Tensor
    scale_letters: Tensor
    w: Tensor

    def __init__(self, charset: Charset) -> None:
        super().__init__()

        def table(characters: str) -> Tensor:
            """bool [classes]: which classes are among these characters."""
            found = torch.zeros(charset.classes, dtype=torch.bool)
            found[[charset.encode(character)[0] for character in characters if charset.covers(character)]] = True
            return found

        def single(character: str) -> int:
            return charset.encode(character)[0] if charset.covers(character) else -1

        capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        self.register_buffer("digits", table("0123456789"), persistent=False)
        self.register_buffer("followers", table("".join(set("0123456789" + capitals) - set(_WORDS))), persistent=False)
        self.register_buffer("letters", table(capitals + capitals.lower()), persistent=False)
        self.register_buffer("small", table(capitals.lower()), persistent=False)
        self.register_buffer("ends", table(" .,;)"), persistent=False)
        self.ends[0] = True
        self.register_buffer("w", table("wW"), persistent=False)
        self.capital_o, self.zero = single("O"), single("0")
        self.space, self.at, self.point, self.underscore = single(" "), single("@"), single("."), single("_")
        self.c, self.t, self.m, self.g = single("C"), single("T"), single("m"), single("g")
        self.degree, self.ordinal = single("°"), single("º")
        self.register_buffer("scale_letters", table("CF"), persistent=False)
        self.scales = [(single(sign), single(letter)) for sign, letter in (("℃", "C"), ("℉", "F"))]

    def forward(self, path: GreedyPath, logits: Tensor) -> GreedyPath:
        """The corrected path. logits: float32 [N, W, classes], from which the path was taken."""
        for _ in range(_ROUNDS):
            if min(self.capital_o, self.zero) >= 0:
                path = self._zeros(path, logits)
            if min(self.space, self.at, self.point) >= 0:
                path = GreedyPath(self._joined(path.classes), path.probabilities)
        path = GreedyPath(self._unspaced(path.classes, logits), path.probabilities)
        return GreedyPath(self._degrees(path.classes, logits), path.probabilities)

    def _zeros(self, greedy: GreedyPath, logits: Tensor) -> GreedyPath:
        """An O after a digit and before a digit or a capital, but not of `14OCT`, or alone before `g` or `mg`, is a 0
        unless it is clearly an O; the 0 is then as probable as both together."""
        path = greedy.classes
        before, after, second, third = _around(path, -1, 1, 2, 3)
        behind = logits[..., self.zero] - logits[..., self.capital_o]
        of_october = (after == self.c) & (second == self.t)
        in_number = self.digits[before] & self.followers[after] & ~of_october
        grams = ((after == self.g) & self.ends[second]) | ((after == self.m) & (second == self.g) & self.ends[third])
        among = (path == self.capital_o) & (in_number | (self.ends[before] & grams))
        mistaken = among & (behind > -_ZERO_BIAS)
        both = (greedy.probabilities * (1 + behind.clamp(max=0).exp())).clamp(max=1)
        return GreedyPath(torch.where(mistaken, self.zero, path), torch.where(mistaken, both, greedy.probabilities))

    def _unspaced(self, path: Tensor, logits: Tensor) -> Tensor:
        """Removes spaces that hardly exceed the blank after a point before a small letter, and beside an underscore, as
        in `math. floor(a_ b)`, but not after an initial, as in `J. van Dam`. Of 6,691 spaces between printed words none
        with so small a lead stood there."""
        earlier, before, after = _around(path, -2, -1, 1)
        initial = self.letters[earlier] & ~self.small[earlier]
        within = (before == self.point) & self.small[after] & ~initial
        if self.underscore >= 0:
            within = within | (before == self.underscore) | (after == self.underscore)
        doubtful = (path == self.space) & (logits[..., self.space] - logits[..., 0] < _SPACE_LEAD)
        return torch.where(doubtful & within & (before > 0) & (after > 0), 0, path)

    def _degrees(self, path: Tensor, logits: Tensor) -> Tensor:
        """`°℉` is `°F`, since the recogniser outputs the degree sign both by itself and as a part of the other sign.
        `20ºC`, with the ordinal sign, is `20°C` unless it is clearly that sign."""
        before, after, second = _around(path, -1, 1, 2)
        if min(self.degree, self.ordinal) >= 0:
            doubtful = logits[..., self.degree] - logits[..., self.ordinal] > -_DEGREE_BIAS
            scaled = (path == self.ordinal) & doubtful & self.scale_letters[after] & self.ends[second]
            path = torch.where(scaled, self.degree, path)
        for sign, letter in self.scales:
            if min(self.degree, sign, letter) >= 0:
                path = torch.where((path == sign) & (before == self.degree), letter, path)
        return path

    def _joined(self, path: Tensor) -> Tensor:
        """Removes spaces that cut an address: after `name@`, `name@host.`, `www.` and `www.host.`, before a letter. An
        address that has its top-level domain already may end a sentence, so a space after it is kept."""
        spaces = path == self.space
        token = spaces.to(torch.int64).cumsum(1)  # [N, W]: index of a column's token; spaces belong to the next one

        def count(columns: Tensor) -> Tensor:
            """int64 [N, W + 1]: how many of the columns are in each token."""
            return torch.zeros_like(F.pad(token, (0, 1))).scatter_add(1, token, columns.to(torch.int64))

        def so_far(columns: Tensor) -> Tensor:
            """int64 [N, W]: how many of the columns are in the column's token up to it."""
            counts = count(columns)
            return columns.to(torch.int64).cumsum(1) - (counts.cumsum(1) - counts).gather(1, token)

        characters = (path > 0) & ~spaces
        place = so_far(characters)  # position of a character in its token, from 1
        first = characters & (place == 1)
        last = characters & (place == count(characters).gather(1, token))
        at, point = characters & (path == self.at), characters & (path == self.point)
        begins = count(first & self.letters[path.to(torch.int64)]) == 1
        ends_in_at, ends_in_point = count(at & last) == 1, count(point & last) == 1
        mail = begins & (count(at) == 1) & (count(at & first) == 0)
        in_host = count(point & (so_far(at) > 0)) == 1
        www = (count(characters & self.w[path.to(torch.int64)] & (place <= 3)) == 3) & (
            count(point & (place == 4)) == 1
        )
        incomplete = (mail & (ends_in_at | (ends_in_point & in_host))) | (www & ends_in_point & (count(point) <= 2))
        cut = spaces & incomplete.gather(1, (token - 1).clamp(min=0)) & begins.gather(1, token)
        return torch.where(cut, 0, path)


def _around(path: Tensor, *steps: int) -> list[Tensor]:
    """int64 [N, W] for each step: the character that stands so many characters after that of a column, or before it
    where the step is negative; 0 beyond the text's ends."""
    back = max(0, -min(steps))
    text = F.pad(texts_of(path, path.shape[1])[0], (back, max(steps)))
    place = (path > 0).to(torch.int64).cumsum(1) - 1 + back  # of a character in its padded text
    return [text.gather(1, (place + step).clamp(min=0)) for step in steps]
