"""A model of a batch's duration, fitted at run time: seconds = a * megapixels + b."""


class LatencyModel:
    """Recursive least squares with a forgetting factor.

    b is the fixed cost of a batch; where it is nearly zero, waiting for a larger batch never pays.
    """

    def __init__(self, forgetting: float = 0.98) -> None:
        if not 0.0 < forgetting <= 1.0:
            raise ValueError("forgetting must be in (0, 1]")
        self._forgetting = forgetting
        self._n = self._x = self._y = self._xx = self._xy = 0.0

    def observe(self, megapixels: float, seconds: float) -> None:
        """Updates the fit with one batch: its padded megapixels and the seconds that it ran."""
        if megapixels <= 0 or seconds < 0:
            raise ValueError("a batch has pixels and takes time")
        keep = self._forgetting
        self._n = keep * self._n + 1
        self._x = keep * self._x + megapixels
        self._y = keep * self._y + seconds
        self._xx = keep * self._xx + megapixels * megapixels
        self._xy = keep * self._xy + megapixels * seconds

    @property
    def coefficients(self) -> tuple[float, float]:
        """(a, b), both at least 0: seconds per megapixel, and seconds per batch. (0, 0) before any batch ran."""
        if self._n == 0:
            return 0.0, 0.0
        x, y = self._x / self._n, self._y / self._n
        spread = self._xx / self._n - x * x
        if spread < 1e-4 * x * x:  # all batches have the same size: the whole time is attributed to the pixels
            return y / x, 0.0
        a = (self._xy / self._n - x * y) / spread
        a = min(max(a, 0.0), y / x)
        return a, y - a * x

    def waiting_pays(self, waiting: int, megapixels: float, gap: float) -> bool:
        """Whether waiting with `waiting` pictures for one more, expected in `gap` seconds, lowers the mean latency.

        Without waiting, n pictures end after L = a*n*m + b and the newcomer after L + a*m + b; with it, all
        n + 1 end after gap + L + a*m. Comparing the sums: wait if (n + 1) * (gap + a*m) < a*m + b, m being a
        picture's megapixels.
        """
        a, b = self.coefficients
        return (waiting + 1) * (gap + a * megapixels) < a * megapixels + b
